/**
 * Kinds of values that routes and rules take: networks, tables, scopes, realms, ranges.
 *
 * @module
 */

import * as v from "valibot";
import { formatIp, networkOf, parseIp } from "../mod/ip/mod.ts";
import { type Doc, documented, type Refusal, refusalIssue, VALUE, whole } from "./fields.ts";
import { guessIp } from "./ip.ts";

/** Largest number of 32 bits. */
export const MOST_U32 = 4_294_967_295;

const TABLES = { default: 253, main: 254, local: 255 } as const;
const SCOPES = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
const PROTOCOLS = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  vrrp: 112,
  sctp: 132,
} as const;

/** A word with a meaning, or the number itself. */
function wordOrNumber<const T extends Readonly<Record<string, number>>>(
  words: T,
  least: number,
  most: number,
  doc: Doc,
) {
  const names = Object.keys(words) as [string, ...string[]];
  const kind = `one of ${names.map((word) => `"${word}"`).join(", ")}, or a number`;
  return documented(
    v.union([
      v.pipe(v.picklist(names), v.transform((word) => words[word] ?? 0)),
      whole(least, most, doc),
    ]),
    kind,
    { range: `${names.join(", ")}, or ${least} to ${most}`, ...doc },
  );
}

/** A routing table, by number or by one of the names that every host has. */
export function routingTable(doc: Doc) {
  return wordOrNumber(TABLES, 1, MOST_U32, doc);
}

/** RT_SCOPE_… */
export function scope(doc: Doc) {
  return wordOrNumber(SCOPES, 0, 255, doc);
}

/** IPPROTO_… */
export function ipProtocol(doc: Doc) {
  return wordOrNumber(PROTOCOLS, 1, 255, doc);
}

/** What is wrong with the text of a network, or its canonical form. */
function readNetwork(value: string): { network: string } | NonNullable<Refusal> {
  const [address = "", length, ...rest] = value.split("/");
  const bytes = rest.length > 0 ? undefined : parseIp(address);
  if (bytes === undefined) {
    const guess = guessIp(address);
    return {
      message: `${VALUE} is not a network such as 203.0.113.0/24 or 2001:db8::/32`,
      ...(guess === undefined || rest.length > 0
        ? {}
        : { advice: `write \`"${guess}${length === undefined ? "" : `/${length}`}"\` instead` }),
    };
  }
  const most = bytes.length * 8;
  if (length !== undefined && (!/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > most)) {
    return { message: `${VALUE} has no prefix length from 0 to ${most}` };
  }
  const bits = length === undefined ? most : Number(length);
  const network = `${formatIp(networkOf(bytes, bits))}/${bits}`;
  if (network === `${formatIp(bytes)}/${bits}`) return { network };
  return {
    message: `${VALUE} is not a network: there are bits behind its prefix`,
    advice: `write \`"${network}"\` instead`,
  };
}

/**
 * A network in canonical form, with its prefix length.
 *
 * @param words that stand for themselves, such as `default`
 */
export function network(words: readonly string[], doc: Doc) {
  const tail = words.map((word) => `, or \`${word}\``).join("");
  return v.pipe(
    documented(v.string(), "a network, in quotes", {
      range: `an address with prefix length, without one /32 (IPv6: /128)${tail}`,
      ...doc,
    }),
    v.rawTransform(({ dataset, addIssue, NEVER }): string => {
      if (words.includes(dataset.value)) return dataset.value;
      const result = readNetwork(dataset.value);
      if ("network" in result) return result.network;
      addIssue(refusalIssue(result));
      return NEVER;
    }),
  );
}

/** A plain address of either family, canonical. */
export function plainAddress(doc: Doc) {
  return v.pipe(
    documented(v.string(), "an address, in quotes", { range: "an IPv4 or IPv6 address", ...doc }),
    v.rawTransform(({ dataset, addIssue, NEVER }): string => {
      const bytes = parseIp(dataset.value);
      const canonical = bytes === undefined ? undefined : formatIp(bytes);
      if (canonical !== undefined) return canonical;
      const guess = guessIp(dataset.value.split("/")[0] ?? "");
      addIssue(refusalIssue({
        message: `${VALUE} is not a plain IP address`,
        ...(guess === undefined ? {} : { advice: `write \`"${guess}"\` instead` }),
      }));
      return NEVER;
    }),
  );
}

/** Realms: `"SOURCE/DESTINATION"`, or the destination's number alone; as one number of 32 bits. */
export function realms(doc: Doc) {
  return documented(
    v.union([
      v.pipe(
        v.string(),
        v.rawTransform(({ dataset, addIssue, NEVER }): number => {
          const match = /^(?:([0-9]{1,5})\/)?([0-9]{1,5})$/.exec(dataset.value);
          const [source, destination] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
          if (match !== null && source <= 65_535 && destination <= 65_535) {
            return source * 0x10000 + destination;
          }
          addIssue({ message: `${VALUE} is not a pair of realms such as "1/2"` });
          return NEVER;
        }),
      ),
      whole(0, 65_535, doc),
    ]),
    "realms",
    { range: '"SOURCE/DESTINATION" or a number, 0 to 65535 each', ...doc },
  );
}

/** One number, or two with a hyphen in between: both ends of a range. */
export function numberRange(most: number, doc: Doc) {
  return documented(
    v.union([
      v.pipe(whole(0, most, doc), v.transform((one): [number, number] => [one, one])),
      v.pipe(
        v.string(),
        v.rawTransform(({ dataset, addIssue, NEVER }): [number, number] => {
          const match = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/.exec(dataset.value);
          const first = Number(match?.[1]);
          const last = Number(match?.[2] ?? match?.[1]);
          if (match !== null && first <= last && last <= most) return [first, last];
          addIssue({ message: `${VALUE} is not a range of numbers from 0 to ${most}` });
          return NEVER;
        }),
      ),
    ]),
    "a number, or a range in quotes",
    { range: `0 to ${most}, or "FIRST-LAST"`, ...doc },
  );
}
