/**
 * Names, paths and addresses in site.toml, as documented valibot schemas (see `fields.ts`). What
 * the kernel would refuse later, with an errno and no line number, is refused here.
 *
 * @module
 */

import * as v from "valibot";
import { type Doc, documented, type Refusal, refusalIssue, text, VALUE } from "./fields.ts";
import {
  guessIpv4,
  ipv4Number,
  looksLikeIpv6,
  netmaskLength,
  unusableIpv4,
  unusableIpv4Prefix,
} from "./ipv4.ts";
import { notYet } from "./planned.ts";

/** IPv6 comes with its own protocol session. */
const IPV6_REFUSED = {
  message: `${VALUE} is an IPv6 address; ${notYet("IPv6")}`,
  advice: "leave it out for now",
};

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

/** Name of a network interface, by the kernel's rules; the loopback interface is refused. */
export function interfaceName(doc: Doc) {
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
      if (value === "lo") {
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

/** What is wrong with `value` as an IPv4 address without prefix length; undefined: nothing. */
function refuseIpv4(value: string): Refusal {
  const number = ipv4Number(value);
  if (number === undefined) {
    if (looksLikeIpv6(value)) return IPV6_REFUSED;
    const slash = value.indexOf("/");
    if (slash > 0 && ipv4Number(value.slice(0, slash)) !== undefined) {
      return {
        message: `${VALUE} has a prefix length: a plain address is wanted here`,
        advice: `write \`"${value.slice(0, slash)}"\` instead`,
      };
    }
    const guess = guessIpv4(value);
    return {
      message: `${VALUE} is not an IPv4 address`,
      ...(guess === undefined ? {} : { advice: `write \`"${guess}"\` instead` }),
    };
  }
  const unusable = unusableIpv4(number);
  return unusable === undefined ? undefined : { message: `${VALUE} is ${unusable}` };
}

/** An IPv4 address without prefix length. */
export function ipv4(doc: Doc) {
  return text("an IPv4 address", doc, refuseIpv4, "^[0-9]{1,3}(\\.[0-9]{1,3}){3}$");
}

/** What is wrong with `value` as a virtual address; undefined: nothing. */
function refuseIpv4Prefix(value: string): Refusal {
  if (looksLikeIpv6(value)) return IPV6_REFUSED;
  const [address = "", length, ...rest] = value.split("/");
  const number = ipv4Number(address);
  if (number === undefined || rest.length > 0) {
    const guess = guessIpv4(address);
    const tail = length === undefined ? "" : `/${length}`;
    return {
      message: `${VALUE} is not an IPv4 address with prefix length, such as 192.0.2.10/24`,
      ...(guess === undefined || rest.length > 0
        ? {}
        : { advice: `write \`"${guess}${tail}"\` instead` }),
    };
  }
  if (length === undefined) return refuseUnusable(number, 32);
  if (!/^(0|[1-9][0-9]?)$/.test(length) || Number(length) > 32 || Number(length) === 0) {
    const mask = netmaskLength(length);
    return {
      message: `${VALUE} has no prefix length from 1 to 32`,
      ...(mask === undefined || mask === 0
        ? {}
        : { advice: `write \`"${address}/${mask}"\` instead` }),
    };
  }
  return refuseUnusable(number, Number(length));
}

/** Refuses addresses that no host can hold. */
function refuseUnusable(number: number, length: number): Refusal {
  const unusable = unusableIpv4Prefix(number, length);
  if (unusable === undefined) return undefined;
  return { message: `${VALUE} is ${unusable}: no router can hold it` };
}

/** An IPv4 address with prefix length; /32 where none is given. */
export function ipv4Prefix(doc: Doc) {
  const described = documented(
    v.string(),
    "an IPv4 address with prefix length, in quotes",
    { range: "any address a host may have; prefix length 1 to 32, without one /32", ...doc },
    { pattern: "^[0-9]{1,3}(\\.[0-9]{1,3}){3}(/[0-9]{1,2})?$" },
  );
  return v.pipe(
    described,
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const wrong = refuseIpv4Prefix(dataset.value);
      if (wrong !== undefined) {
        addIssue(refusalIssue(wrong));
        return NEVER;
      }
      const [address = "", length] = dataset.value.split("/");
      return { address, prefix_length: length === undefined ? 32 : Number(length) };
    }),
  );
}
