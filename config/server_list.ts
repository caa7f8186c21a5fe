/**
 * Real servers that stand in a file (`servers_file`) in place of the configuration, a line each:
 *
 *     # address, port where it is another one, weight
 *     198.51.100.12:8080 10
 *     [2001:db8::12]:8080
 *
 * What a line does not say its virtual server does. A line that cannot be understood, or that the
 * kernel would refuse, is left out and named; the others count.
 *
 * @module
 */

import { endpointText } from "../mod/ip/mod.ts";
import { GREATEST_WEIGHT, servedBy, servicePort, TakenPlaces } from "../mod/ipvs/mod.ts";
import { VALUE } from "./fields.ts";
import { readEndpoint } from "./listen_fields.ts";
import type { RealServerConfig } from "./real_server_schema.ts";
import { listenOf, realServerOf } from "./virtual_server_table.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

/** Most lines of a list that are looked at, and longest line, in UTF-16 units. */
export const MOST_LISTED = 65_536;
const LONGEST_LINE = 1_024;
/** Characters of a line that a reason repeats. */
const SHOWN = 60;

/** What a list says. */
export interface ServerList {
  readonly servers: readonly RealServerConfig[];
  /** Lines, from 1, that are left out, and why; text of the file is in quotes, as JSON. */
  readonly refused: readonly { readonly line: number; readonly reason: string }[];
}

/**
 * Reads a list.
 *
 * @param text of the file; never throws, whatever it is
 */
export function readServerList(text: string, virtual: VirtualServerConfig): ServerList {
  const servers: RealServerConfig[] = [];
  const refused: { line: number; reason: string }[] = [];
  const taken = new Places(virtual);
  const lines = text.split(/\r?\n/, MOST_LISTED + 1);
  lines.forEach((whole, index) => {
    const line = index + 1;
    if (line > MOST_LISTED) {
      if (line === MOST_LISTED + 1) {
        refused.push({ line, reason: `only the first ${MOST_LISTED} lines count` });
      }
      return;
    }
    const words = whole.slice(0, LONGEST_LINE).replace(/#.*/, "").trim().split(/\s+/);
    if (words[0] === "") return;
    const read = whole.length > LONGEST_LINE ? "the line is too long" : readLine(words, virtual);
    const reason = typeof read === "string" ? read : taken.take(read);
    if (reason !== undefined) refused.push({ line, reason });
    else if (typeof read !== "string") servers.push(read);
  });
  return { servers, refused };
}

function quoted(word: string): string {
  return JSON.stringify(word.length > SHOWN ? `${word.slice(0, SHOWN)}…` : word);
}

function readLine(words: readonly string[], { listed }: VirtualServerConfig) {
  const [place = "", weight, ...more] = words;
  if (more.length > 0) return `${quoted(more[0] ?? "")} is one word too many`;
  const address = readEndpoint(place);
  if ("wrong" in address) return address.wrong.message.replaceAll(VALUE, () => quoted(place));
  if (weight === undefined) return { ...listed, address: address.value };
  const number = /^[0-9]{1,5}$/.test(weight) ? Number(weight) : Number.NaN;
  if (!(number <= GREATEST_WEIGHT)) {
    return `${quoted(weight)} is not a weight from 0 to ${GREATEST_WEIGHT}`;
  }
  return { ...listed, address: address.value, weight: number };
}

/** The places in the kernel's table that are taken, by the configured servers first. */
class Places {
  readonly #taken: TakenPlaces;

  constructor(virtual: VirtualServerConfig) {
    this.#taken = new TakenPlaces(listenOf(virtual));
    for (const server of virtual.real_server) this.take(server);
  }

  /** Why there is no place for it; undefined: it has one now. */
  take(server: RealServerConfig): string | undefined {
    const text = endpointText(server.address);
    const wanted = realServerOf(server);
    const { forward, port } = wanted;
    if (forward !== "nat" && port !== undefined) {
      const services = servedBy(this.#taken.services, wanted);
      if (services.some((service) => port !== servicePort(service))) {
        return `${text} has a port that packets would not arrive at: only NAT changes it`;
      }
    }
    const taken = this.#taken.take(wanted, text);
    if (!taken.ok) return `${text}: ${taken.reason}`;
    return taken.value === null ? undefined : `${text} is there already, as ${taken.value}`;
  }
}

/** A virtual server with what its list says beside what is configured. */
export function withListed(
  virtual: VirtualServerConfig,
  listed: readonly RealServerConfig[],
): VirtualServerConfig {
  return { ...virtual, real_server: [...virtual.real_server, ...listed] };
}
