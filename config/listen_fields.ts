/**
 * Where virtual servers listen and where real servers are, as documented valibot schemas (see
 * `fields.ts`): an address with a port, a range or a network of addresses with a port. All of it is
 * kept canonical.
 *
 * @module
 */

import * as v from "valibot";
import { compareBytes, endpointText, formatIp, networkOf, parseIp } from "../mod/ip/mod.ts";
import { type Doc, documented, type Refusal, refusalIssue, VALUE } from "./fields.ts";
import { guessIp, mappedIpv4, unusableIp } from "./ip.ts";

/** An address, or several, with a port. */
export interface ListenConfig {
  /** Canonical; the first one of a range or network. */
  readonly address: string;
  /** The last one of a range. */
  readonly last?: string;
  /** Of a network; not together with `last`. */
  readonly prefix_length?: number;
  /** 0: all ports. */
  readonly port: number;
  /** The last one of a range of ports. */
  readonly last_port?: number;
}

/** An address, and a port where one is given. */
export interface EndpointConfig {
  /** Canonical. */
  readonly address: string;
  /** 1 to 65535; absent: that of the service. */
  readonly port?: number;
}

/** The text without its port; brackets are taken off. */
interface Split {
  readonly host: string;
  readonly port: string | undefined;
}

/** A port, or a range of them. */
const PORTS = "(?::([0-9]{1,5}(?:-[0-9]{1,5})?))?$";
const BRACKETED = new RegExp(
  "^\\[([^\\][]+)\\](?:-\\[([^\\][]+)\\]|/([0-9]{1,3}))?" + PORTS,
);
const PLAIN = new RegExp("^([^:[\\]]+)" + PORTS);

function split(value: string): Split | undefined {
  // A range of two in brackets, or a prefix length behind them, is as plain as all in one pair.
  const bracketed = BRACKETED.exec(value);
  if (bracketed !== null) {
    const [, first, last, length, port] = bracketed;
    const tail = last !== undefined ? `-${last}` : length !== undefined ? `/${length}` : "";
    return { host: `${first}${tail}`, port };
  }
  const plain = PLAIN.exec(value);
  if (plain !== null) return { host: plain[1] ?? "", port: plain[2] };
  return /^[0-9A-Fa-f:.]+$/.test(value) ? { host: value, port: undefined } : undefined;
}

/** What is wrong with an address that packets are to go to; loopback is one of this host. */
function refuseAddress(bytes: Uint8Array): Refusal {
  const unusable = unusableIp(bytes);
  if (unusable === undefined || /loopback/.test(unusable)) return undefined;
  const inside = mappedIpv4(bytes);
  return {
    message: `${VALUE} has ${unusable} in it`,
    ...(inside === undefined ? {} : { advice: `write the IPv4 address \`${inside}\` instead` }),
  };
}

type Read<T> = { readonly value: T } | { readonly wrong: NonNullable<Refusal> };

function readAddress(text: string, kind: string): Read<{ bytes: Uint8Array; address: string }> {
  const bytes = parseIp(text);
  const address = bytes === undefined ? undefined : formatIp(bytes);
  if (bytes === undefined || address === undefined) {
    const guess = guessIp(text);
    const advice = guess === undefined ? {} : { advice: `write the address as \`${guess}\`` };
    return { wrong: { message: `${VALUE} is not ${kind}`, ...advice } };
  }
  const wrong = refuseAddress(bytes);
  return wrong === undefined ? { value: { bytes, address } } : { wrong };
}

function readPort(text: string, least: number): Read<number> {
  const port = Number(text);
  if (port >= least && port <= 65_535) return { value: port };
  const zero = least === 0 ? " (0: all)" : "";
  return { wrong: { message: `${VALUE} has no port from ${least} to 65535${zero}` } };
}

const LISTEN = "an address with a port, such as 192.0.2.10:80 or [2001:db8::10]:80";

function readListen(value: string): Read<ListenConfig> {
  const parts = split(value.trim());
  if (parts === undefined) return { wrong: { message: `${VALUE} is not ${LISTEN}` } };
  if (parts.port === undefined) {
    const address = formatIp(parseIp(parts.host) ?? new Uint8Array());
    const advice = address === undefined
      ? {}
      : { advice: `write \`"${endpointText({ address, port: 80 })}"\` for port 80` };
    return { wrong: { message: `${VALUE} has no port`, ...advice } };
  }
  const ports = readPorts(parts.port);
  if ("wrong" in ports) return ports;
  const host = readHosts(parts.host);
  return "wrong" in host ? host : { value: { ...host.value, ...ports.value } };
}

function readPorts(text: string): Read<Pick<ListenConfig, "port" | "last_port">> {
  const [start = "", end] = text.split("-");
  const port = readPort(start, end === undefined ? 0 : 1);
  if ("wrong" in port) return port;
  if (end === undefined) return { value: { port: port.value } };
  const last = readPort(end, 1);
  if ("wrong" in last) return last;
  if (last.value < port.value) {
    return { wrong: { message: `${VALUE} has a range of ports that ends before it begins` } };
  }
  const more = last.value > port.value ? { last_port: last.value } : {};
  return { value: { port: port.value, ...more } };
}

function readHosts(host: string): Read<Omit<ListenConfig, "port">> {
  const [start = "", end, ...more] = host.split("-");
  if (end !== undefined) return more.length > 0 ? noListen() : readRange(start, end);
  const [base = "", length, ...rest] = host.split("/");
  const address = readAddress(base, LISTEN);
  if ("wrong" in address) return address;
  if (length === undefined) return { value: { address: address.value.address } };
  return rest.length > 0 ? noListen() : readNetwork(address.value.bytes, length);
}

function noListen(): { wrong: NonNullable<Refusal> } {
  return { wrong: { message: `${VALUE} is not ${LISTEN}` } };
}

function readRange(start: string, end: string): Read<Omit<ListenConfig, "port">> {
  const first = readAddress(start, LISTEN);
  if ("wrong" in first) return first;
  // keepalived writes the last part of the last address alone.
  const short = /^[0-9]{1,3}$/.test(end) && !start.includes(":");
  const last = readAddress(short ? start.replace(/[0-9]+$/, end) : end, LISTEN);
  if ("wrong" in last) return last;
  const [from, to] = [first.value, last.value];
  if (from.bytes.length !== to.bytes.length) {
    return { wrong: { message: `${VALUE} goes from one address family to the other` } };
  }
  const order = compareBytes(from.bytes, to.bytes);
  if (order > 0) {
    const range = `${to.address}-${from.address}`;
    return {
      wrong: {
        message: `${VALUE} ends before it begins`,
        advice: `write the range as \`${range}\``,
      },
    };
  }
  if (order === 0) return { value: { address: from.address } };
  return { value: { address: from.address, last: to.address } };
}

function readNetwork(bytes: Uint8Array, text: string): Read<Omit<ListenConfig, "port">> {
  const most = bytes.length * 8;
  const length = /^[0-9]{1,3}$/.test(text) ? Number(text) : most + 1;
  if (length < 1 || length > most) {
    return { wrong: { message: `${VALUE} has no prefix length from 1 to ${most}` } };
  }
  const base = networkOf(bytes, length);
  const address = formatIp(base) ?? "";
  if (compareBytes(base, bytes) !== 0) {
    return {
      wrong: {
        message: `${VALUE} is not a network: there are bits behind its prefix`,
        advice: `write the network as \`${address}/${length}\``,
      },
    };
  }
  return { value: length === most ? { address } : { address, prefix_length: length } };
}

/** A text that stands for something else, as a schema. */
function reading<T>(read: (value: string) => Read<T>, kind: string, doc: Doc) {
  return v.pipe(
    documented(v.string(), kind, doc),
    v.rawTransform(({ dataset, addIssue, NEVER }): T => {
      const result = read(dataset.value);
      if ("value" in result) return result.value;
      addIssue(refusalIssue(result.wrong));
      return NEVER;
    }),
  );
}

/** Where a virtual server listens: one address, a range or a network, with a port. */
export function listenItem(doc: Doc) {
  return reading(readListen, "an address with a port, in quotes", {
    range: "an address, a range `FIRST-LAST` or a network `ADDRESS/LENGTH`, of either family " +
      "(IPv6 in brackets), and a port from 0 to 65535; 0: all ports, with `persistence` or " +
      "`mark`; with `mark` also a range of ports",
    ...doc,
  });
}

const ENDPOINT = "an address, with a port or without, such as 198.51.100.11:8080";

/** Where a real server is. */
export function endpoint(doc: Doc) {
  return reading(readEndpoint, "an address, with a port or without, in quotes", {
    range: "an IPv4 or IPv6 address (with a port in brackets), and a port from 1 to 65535",
    ...doc,
  });
}

/** The real server that a text names; what is wrong, with the character {@link VALUE} for it. */
export function readEndpoint(value: string): Read<EndpointConfig> {
  const parts = split(value.trim());
  if (parts === undefined) return { wrong: { message: `${VALUE} is not ${ENDPOINT}` } };
  const address = readAddress(parts.host, ENDPOINT);
  if ("wrong" in address) return address;
  if (parts.port === undefined) return { value: { address: address.value.address } };
  if (parts.port.includes("-")) {
    return { wrong: { message: `${VALUE} has a range of ports, and a server has one` } };
  }
  const port = readPort(parts.port, 1);
  if ("wrong" in port) return port;
  return { value: { address: address.value.address, port: port.value } };
}
