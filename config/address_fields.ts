/**
 * Addresses in site.toml, as documented valibot schemas (see `fields.ts`): of either family, in
 * any notation, kept canonical. What no host can hold, or what only looks like an address, is
 * refused here with what to write instead.
 *
 * @module
 */

import * as v from "valibot";
import { formatIp, parseIp } from "../mod/ip/mod.ts";
import { type Doc, documented, type Refusal, refusalIssue, VALUE } from "./fields.ts";
import {
  guessIp,
  isLinkLocal,
  mappedIpv4,
  netmaskLength,
  unusableIp,
  unusablePrefix,
} from "./ip.ts";

const IPV4_PATTERN = "[0-9]{1,3}(\\.[0-9]{1,3}){3}";
const IPV6_PATTERN = "[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*";

/** An address in a file, resolved. */
export interface Prefix {
  /** Canonical text. */
  readonly address: string;
  /** 1 to 32, over IPv6 to 128. */
  readonly prefix_length: number;
}

/** Which family the writer of `text` has in mind, and an example for it. */
function meantFamily(text: string): { words: string; example: string } {
  if (/:.*:/.test(text)) return { words: "an IPv6 address", example: "2001:db8::10/64" };
  if (/^\s*[0-9]/.test(text)) return { words: "an IPv4 address", example: "192.0.2.10/24" };
  return { words: "an IP address", example: "192.0.2.10/24 or 2001:db8::10/64" };
}

/** What is said of a text that is no address; `tail` is what goes behind a guess. */
function refuseText(text: string, tail: string, what: string): NonNullable<Refusal> {
  const guess = guessIp(text);
  const zone = guess !== undefined && text.includes("%");
  return {
    message: zone ? `${VALUE} has a zone: the interface is known already` : what,
    ...(guess === undefined ? {} : { advice: `write \`"${guess}${tail}"\` instead` }),
  };
}

/** What is wrong with `value` as the source of adverts; undefined: nothing. */
function refuseSource(value: string): Refusal {
  const bytes = parseIp(value);
  if (bytes === undefined) {
    const [address = ""] = value.split("/");
    if (address !== value && parseIp(address) !== undefined) {
      return {
        message: `${VALUE} has a prefix length: a plain address is wanted here`,
        advice: `write \`"${address}"\` instead`,
      };
    }
    return refuseText(value, "", `${VALUE} is not ${meantFamily(value).words}`);
  }
  const unusable = unusableIp(bytes);
  if (unusable !== undefined) return { message: `${VALUE} is ${unusable}` };
  if (bytes.length === 4 || isLinkLocal(value)) return undefined;
  return {
    message: `${VALUE} is not link-local, as the source of adverts over IPv6 must be ` +
      "(RFC 9568 section 5.1.2.1)",
    advice: "write the link-local address of the interface, or leave the key out",
  };
}

/** What adverts are sent from: an IPv4 or an IPv6 link-local address, without prefix length. */
export function sourceAddress(doc: Doc) {
  const described = documented(
    v.string(),
    "an address, in quotes",
    { range: "an IPv4 address, or an IPv6 link-local one", ...doc },
    { pattern: `^(${IPV4_PATTERN}|${IPV6_PATTERN})$` },
  );
  return v.pipe(
    described,
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const wrong = refuseSource(dataset.value);
      const bytes = parseIp(dataset.value);
      const canonical = bytes === undefined ? undefined : formatIp(bytes);
      if (wrong === undefined && canonical !== undefined) return canonical;
      addIssue(refusalIssue(wrong ?? { message: `${VALUE} is not an address` }));
      return NEVER;
    }),
  );
}

/** Refuses addresses that no host can hold. */
function refuseUnusable(bytes: Uint8Array, length: number): Refusal {
  const unusable = unusablePrefix(bytes, length);
  if (unusable === undefined) return undefined;
  const inside = mappedIpv4(bytes);
  const tail = length > 96 && length < 128 ? `/${length - 96}` : "";
  return {
    message: `${VALUE} is ${unusable}: no router can hold it`,
    ...(inside === undefined ? {} : { advice: `write \`"${inside}${tail}"\` instead` }),
  };
}

/** A virtual address, or what is wrong with its text. */
function readPrefix(value: string): Prefix | NonNullable<Refusal> {
  const [address = "", length, ...rest] = value.split("/");
  const bytes = rest.length > 0 ? undefined : parseIp(address);
  const canonical = bytes === undefined ? undefined : formatIp(bytes);
  if (bytes === undefined || canonical === undefined) {
    const { words, example } = meantFamily(value);
    const message = `${VALUE} is not ${words} with prefix length, such as ${example}`;
    if (rest.length > 0) return { message };
    return refuseText(address, length === undefined ? "" : `/${length}`, message);
  }
  const most = bytes.length * 8;
  if (length !== undefined && (!/^[1-9][0-9]{0,2}$/.test(length) || Number(length) > most)) {
    const mask = netmaskLength(length);
    return {
      message: `${VALUE} has no prefix length from 1 to ${most}`,
      ...(mask === undefined || mask === 0 || mask > most
        ? {}
        : { advice: `write \`"${address}/${mask}"\` instead` }),
    };
  }
  const prefix = {
    address: canonical,
    prefix_length: length === undefined ? most : Number(length),
  };
  return refuseUnusable(bytes, prefix.prefix_length) ?? prefix;
}

/** An address with prefix length; /32 or /128 where none is given. */
export function ipPrefix(doc: Doc) {
  const described = documented(
    v.string(),
    "an address with prefix length, in quotes",
    {
      range: "any address a host may have; prefix length 1 to 32 (IPv6: 128), without one " +
        "/32 (/128)",
      ...doc,
    },
    { pattern: `^(${IPV4_PATTERN}(/[0-9]{1,2})?|${IPV6_PATTERN}(/[0-9]{1,3})?)$` },
  );
  return v.pipe(
    described,
    v.rawTransform(({ dataset, addIssue, NEVER }): Prefix => {
      const result = readPrefix(dataset.value);
      if ("address" in result) return result;
      addIssue(refusalIssue(result));
      return NEVER;
    }),
  );
}
