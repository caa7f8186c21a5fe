/**
 * Names and paths in site.toml, as documented valibot schemas (see `fields.ts`). What the kernel
 * would refuse later, with an errno and no line number, is refused here.
 *
 * @module
 */

import { type Doc, text, VALUE } from "./fields.ts";
import { INSTANCE } from "./instances.ts";

/** A name of ours: a router's, the agent's. */
export function name(doc: Doc) {
  return text(
    "a name",
    {
      range: "1 to 64 letters, digits and `.` `_` `-` `:` `@` `+`, the first a letter or digit",
      ...doc,
    },
    (value) => {
      if (/^[\p{L}\p{N}][\p{L}\p{N}._:@+-]{0,63}$/u.test(value)) return undefined;
      const guess = value.trim().replace(/[^\p{L}\p{N}._:@+-]+/gu, "-").replace(
        /^[^\p{L}\p{N}]+/u,
        "",
      )
        .slice(0, 64);
      return {
        message: `${VALUE} is not a name: 1 to 64 letters, digits and . _ - : @ +`,
        ...(guess === "" ? {} : { advice: `write \`"${guess}"\` instead` }),
      };
    },
    "^[\\p{L}\\p{N}][\\p{L}\\p{N}._:@+-]{0,63}$",
  );
}

/** Bytes of a text in UTF-8. */
function byteLength(value: string): number {
  return new TextEncoder().encode(value).length;
}

/**
 * Name of a network interface, by the kernel's rules.
 *
 * @param options `loopback`: the loopback interface will do; else it is refused
 */
export function interfaceName(doc: Doc, options: { readonly loopback?: boolean } = {}) {
  return text(
    "the name of a network interface",
    { range: "1 to 15 bytes without blanks, `/` and `:`", ...doc },
    (value) => {
      const colon = value.indexOf(":");
      if (colon > 0) {
        return {
          message: `${VALUE} is not an interface but an address label`,
          advice: `write \`"${value.slice(0, colon)}"\` instead; a label goes into ` +
            `\`addresses = [{ address = "…", label = "${value}" }]\``,
        };
      }
      if (value === "lo" && options.loopback !== true) {
        return { message: `${VALUE} is the loopback interface: it has no neighbours to talk to` };
      }
      if (byteLength(value) > 15) {
        return { message: `${VALUE} is longer than 15 bytes, the most an interface name can have` };
      }
      if (value === "" || value === "." || value === ".." || /[/\s\p{Cc}]/u.test(value)) {
        return { message: `${VALUE} is not an interface name: 1 to 15 bytes, no blanks, no /` };
      }
      return undefined;
    },
    "^[^\\s/:]{1,15}$",
  );
}

/** A network namespace as `ip netns` names it. */
export function namespaceName(doc: Doc) {
  return text("the name of a network namespace", {
    range: "1 to 255 bytes without blanks and `/`, as `ip netns` lists it",
    ...doc,
  }, (value) => {
    const { groups } = /^(?:\/var)?\/run\/netns\/(?<name>[^/\s]+)$/.exec(value) ?? {};
    if (groups !== undefined) {
      return {
        message: `${VALUE} is a path: the name alone is wanted`,
        advice: `write \`"${groups.name}"\` instead`,
      };
    }
    if (
      value === "" || value === "." || value === ".." || /[/\s\p{Cc}]/u.test(value) ||
      byteLength(value) > 255
    ) return { message: `${VALUE} is not the name of a network namespace` };
    return undefined;
  }, "^[^\\s/]{1,255}$");
}

/** `agent.instance`: part of paths, and of names in the kernel. */
export function instanceName(doc: Doc) {
  return text("the name of an instance", {
    range: "1 to 32 letters, digits, `_`, `.` and `-`, with a letter or digit first",
    ...doc,
  }, (value) => {
    if (INSTANCE.test(value)) return undefined;
    return {
      message: `${VALUE} is not the name of an instance: 1 to 32 letters, digits, "_", "." and "-"`,
    };
  }, INSTANCE.source);
}

/** IFA_LABEL of an address: any text of up to 15 bytes. */
export function addressLabel(doc: Doc) {
  return text("a label", { range: "1 to 15 bytes", ...doc }, (value) => {
    if (byteLength(value) > 15) {
      return { message: `${VALUE} is longer than 15 bytes, the most a label can have` };
    }
    if (value === "" || /[\s\p{Cc}]/u.test(value)) {
      return { message: `${VALUE} is not a label: 1 to 15 bytes without blanks` };
    }
    return undefined;
  }, "^\\S{1,15}$");
}

/** An absolute path of at most `max` bytes. */
export function path(max: number, doc: Doc) {
  return text("an absolute path", { range: `1 to ${max} bytes, from /`, ...doc }, (value) => {
    if (!value.startsWith("/")) return { message: `${VALUE} is not an absolute path` };
    if (byteLength(value) > max) return { message: `${VALUE} is longer than ${max} bytes` };
    if (value.includes("\0")) return { message: `${VALUE} contains a NUL character` };
    return undefined;
  }, "^/");
}
