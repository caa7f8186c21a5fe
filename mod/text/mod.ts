/**
 * Words of strangers, made fit to be shown: escaped, so that no server moves a terminal's cursor,
 * forges a line of log or turns the direction of writing; and cut, so that none fills a status page.
 *
 * @module
 */

/** Characters of a server's output that are kept. */
export const OUTPUT_LENGTH = 256;

/** Control characters, line separators and marks of direction as `\u001b`. */
export function escapeText(text: string): string {
  // deno-lint-ignore no-control-regex
  const special = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
  return text.replace(special, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\r") return "\\r";
    if (character === "\t") return "\\t";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Escapes, then cuts to `limit` characters, the last of which tells of the cut. */
export function showText(text: string, limit = OUTPUT_LENGTH): string {
  // Escaping only lengthens: more than the limit is never needed.
  const escaped = escapeText(text.slice(0, limit + 1).trimEnd());
  if (escaped.length <= limit) return escaped;
  const cut = escaped.slice(0, limit - 1);
  // No half of a surrogate pair and no half of an escape at the end.
  return `${cut.replace(/([\ud800-\udbff]|\\(u[0-9a-f]{0,3})?)$/, "")}…`;
}

/** Bytes as text: UTF-8 where they are, a mark of replacement where they are not. */
export function showBytes(bytes: Uint8Array, limit = OUTPUT_LENGTH): string {
  if (bytes.length === 0) return "";
  return showText(new TextDecoder().decode(bytes.subarray(0, 4 * limit + 4)), limit);
}

/** Bytes as hexadecimal digits, cut. */
export function showHex(bytes: Uint8Array, limit = 64): string {
  const shown = Array.from(bytes.subarray(0, limit), (byte) => byte.toString(16).padStart(2, "0"));
  return shown.join("") + (bytes.length > limit ? "…" : "");
}

/** What an error says; what was thrown and is none, as text. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
