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
import { guessIp, mappedIpv4, netmaskLength, unusableIp, unusablePrefix } from "./ip.ts";

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

/** What is wrong with `value` as the address of a host; undefined: nothing. */
function refuseHost(value: string): Refusal {
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
  return unusable === undefined ? undefined : { message: `${VALUE} is ${unusable}` };
}

/** Groups that every host or router is in, whatever it runs. */
const EVERYBODY: ReadonlySet<string> = new Set(["224.0.0.1", "224.0.0.2", "ff02::1", "ff02::2"]);

/** What is wrong with `value` as a multicast group; undefined: nothing. */
function refuseGroup(value: string): Refusal {
  const bytes = parseIp(value);
  if (bytes === undefined) return refuseText(value, "", `${VALUE} is not a multicast group`);
  const [first = 0, second = 0] = bytes;
  if (bytes.length === 4 ? first >> 4 !== 0xe : first !== 0xff) {
    return {
      message: `${VALUE} is not a multicast group`,
      advice: 'write one such as `"224.0.0.118"` or `"ff02::118"`, or `unicast = { peers = […] }`',
    };
  }
  if (bytes.length === 16 && (second & 0x0f) !== 2) {
    return {
      message: `${VALUE} is not a group of the link, as adverts from link-local addresses need`,
      advice: 'write one such as `"ff02::118"`',
    };
  }
  if (!EVERYBODY.has(formatIp(bytes)!)) return undefined;
  return { message: `${VALUE} is the group of all hosts or routers`, advice: "choose another one" };
}

function plainAddress(doc: Doc, kind: string, refuse: (value: string) => Refusal) {
  const described = documented(
    v.string(),
    kind,
    doc,
    { pattern: `^(${IPV4_PATTERN}|${IPV6_PATTERN})$` },
  );
  return v.pipe(
    described,
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const wrong = refuse(dataset.value);
      const bytes = parseIp(dataset.value);
      const canonical = bytes === undefined ? undefined : formatIp(bytes);
      if (wrong === undefined && canonical !== undefined) return canonical;
      addIssue(refusalIssue(wrong ?? { message: `${VALUE} is not an address` }));
      return NEVER;
    }),
  );
}

/** The address of a host, without prefix length. */
export function hostAddress(doc: Doc) {
  const range = "an IPv4 or IPv6 address that a host may have";
  return plainAddress({ range, ...doc }, "an address, in quotes", refuseHost);
}

/** What adverts go to where it is not the group of the RFCs. */
export function multicastGroup(doc: Doc) {
  const range = "224.0.0.0/4, or an IPv6 group of link-local scope (ff02::/16)";
  return plainAddress({ range, ...doc }, "a multicast group, in quotes", refuseGroup);
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
