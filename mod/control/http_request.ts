/**
 * Requests of HTTP/1.0 and 1.1 (RFC 9112) as far as a read-only page needs them: a line, fields, no
 * content. Whatever is doubtful is refused. Pure.
 *
 * @module
 */

/** What is asked. */
export interface HttpRequest {
  readonly method: string;
  /** Without what stands behind a `?`. */
  readonly path: string;
  /** What stands behind it; the first one of a name counts. */
  readonly query: URLSearchParams;
  /** By name in small letters. Of one that is given twice: both, with a comma between. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Longest head of a request, bytes. */
export const LONGEST_HEAD = 8192;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Fields that two of make no sense, and are used to let two readers see two requests. */
const ONCE = ["host", "content-length", "authorization"];

/** @param head all before the empty line; undefined is given for what is not HTTP, or has content */
export function parseHttpRequest(head: string): HttpRequest | undefined {
  const [first = "", ...lines] = head.split(/\r?\n/);
  const match = /^([A-Z]{1,20}) (\/[\x21-\x7e]*) HTTP\/1\.[01]$/.exec(first);
  if (match === null) return undefined;
  const [, method = "", target = ""] = match;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    // A field that goes on in the next line begins with a blank, which is no token (section 5.2).
    if (colon < 1 || !TOKEN.test(name)) return undefined;
    const value = line.slice(colon + 1);
    // Before blanks are taken off: a bare CR at an end would be one of them, and others read it otherwise.
    // deno-lint-ignore no-control-regex
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) return undefined;
    const before = fields.get(name);
    if (before !== undefined && ONCE.includes(name)) return undefined;
    const own = value.trim();
    fields.set(name, before === undefined ? own : `${before}, ${own}`);
  }
  const [path = "", ...query] = target.split("?");
  return { method, path, query: new URLSearchParams(query.join("?")), fields };
}

/** Whether something follows the head, which nobody here wants. */
export function hasContent({ fields }: HttpRequest): boolean {
  return fields.has("transfer-encoding") || !/^0*$/.test(fields.get("content-length") ?? "0");
}

/** The host of the field `Host`, in small letters, without brackets and port; undefined: none. */
export function hostOf({ fields }: HttpRequest): string | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?$/.exec(
    fields.get("host") ?? "",
  );
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Whether `type` is asked for by the field `Accept`, by name and not excluded. */
export function accepts({ fields }: HttpRequest, type: string): boolean {
  return (fields.get("accept") ?? "").toLowerCase().split(",").some((range) => {
    const [name = "", ...parameters] = range.split(";").map((part) => part.trim());
    return name === type && !parameters.some((one) => /^q=0(\.0*)?$/.test(one));
  });
}
