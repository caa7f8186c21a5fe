/**
 * The kernel's settings around an interface with a virtual MAC, and what they were before.
 *
 * The base and the virtual interface are on one wire: an ARP request reaches both. So each answers
 * for its own addresses alone (`arp_ignore`, `arp_filter`), and what the host asks through the base
 * is asked from the base's own address, never from a virtual one (`arp_announce`): a question
 * teaches the neighbours as much as an answer, and would give them the wrong hardware address.
 *
 * What comes in for a virtual address is answered through the base, whose routes these are:
 * strict filtering by reverse path would refuse it. Where the host filters everywhere
 * (`all/rp_filter`), the loose form is set, which the kernel prefers to the strict one; so the
 * setting for all interfaces is left alone.
 *
 * What the settings of the base were is written into the note that the kernel keeps with each
 * virtual interface (IFLA_IFALIAS): it outlives the agent, and goes with the interface and the boot.
 *
 * @module
 */

import type { Link } from "../netlink/mod.ts";
import type { NamespaceIo } from "./io.ts";
import { textOf } from "../text/mod.ts";
import { ownInstance } from "./mark.ts";

/** Settings of the base, in the order in which they stand in the note. */
const BASE_SETTINGS = { arp_ignore: "1", arp_filter: "1", arp_announce: "2" } as const;
type BaseSetting = keyof typeof BASE_SETTINGS;
const BASE_NAMES = Object.keys(BASE_SETTINGS) as BaseSetting[];

/** What the settings of a base were. */
export type Originals = Readonly<Record<BaseSetting, string>>;

/** What halb has noted at a virtual interface of its own. */
export interface Note {
  /** Whose it is; absent: the agent's that has no instance. */
  readonly instance?: string;
  /** Index of the base when the interface was made. */
  readonly base: number;
  readonly originals: Originals;
}

/** The note for a new virtual interface. */
export function noteText({ base, originals, instance }: Note): string {
  const words = BASE_NAMES.map((name) => `${name}=${originals[name]}`);
  const whose = instance === undefined ? "halb" : `halb instance ${instance}`;
  return `${whose} virtual link on ${base}: ${words.join(" ")}`;
}

/** The note of an interface that this agent has made, or one before it; undefined: it is none. */
export function ownNoteOf(link: Pick<Link, "alias">): Note | undefined {
  const note = noteOf(link);
  return note?.instance === ownInstance() ? note : undefined;
}

/** The note of an interface that an agent of this host has made; undefined: none has. */
export function noteOf(link: Pick<Link, "alias">): Note | undefined {
  const [, instance, base, words] =
    /^halb (?:instance (\S{1,32}) )?virtual link on ([0-9]{1,10}):(.*)$/.exec(link.alias) ?? [];
  if (base === undefined || words === undefined) return undefined;
  const values = new Map(
    words.trim().split(" ").map((word) => {
      const [name = "", value = ""] = word.split("=");
      return [name, value];
    }),
  );
  const value = (name: BaseSetting): string => {
    const text = values.get(name) ?? "";
    return /^[0-9]$/.test(text) ? text : "0";
  };
  return {
    ...(instance === undefined ? {} : { instance }),
    base: Number(base),
    originals: {
      arp_ignore: value("arp_ignore"),
      arp_filter: value("arp_filter"),
      arp_announce: value("arp_announce"),
    },
  };
}

/** What the settings of a base are. */
export function readOriginals(io: NamespaceIo, base: string): Originals {
  const read = (name: BaseSetting): string => io.setting(`ipv4/conf/${base}/${name}`) ?? "0";
  return {
    arp_ignore: read("arp_ignore"),
    arp_filter: read("arp_filter"),
    arp_announce: read("arp_announce"),
  };
}

/** Sets what a base needs. @returns what the kernel refused, in words */
export function prepareBase(io: NamespaceIo, base: string): string[] {
  return BASE_NAMES.flatMap((name) => change(io, `ipv4/conf/${base}/${name}`, BASE_SETTINGS[name]));
}

/** Sets a base as it was, but for what somebody else has changed meanwhile. */
export function restoreBase(io: NamespaceIo, base: string, originals: Originals): string[] {
  return BASE_NAMES.flatMap((name) => {
    const path = `ipv4/conf/${base}/${name}`;
    return io.setting(path) === BASE_SETTINGS[name] ? change(io, path, originals[name]) : [];
  });
}

/** Sets what a new virtual interface needs while it is down. @returns what was refused */
export function prepareVirtual(io: NamespaceIo, name: string, base: string): string[] {
  const filtered = (io.setting("ipv4/conf/all/rp_filter") ?? "0") !== "0";
  const ipv4: Record<string, string | undefined> = {
    arp_ignore: "1",
    arp_filter: "0",
    accept_local: "1",
    rp_filter: filtered ? "2" : "0",
    promote_secondaries: "1",
    send_redirects: "0",
    forwarding: io.setting(`ipv4/conf/${base}/forwarding`),
  };
  // No address and no route of its own from router advertisements: the base has them already.
  const ipv6: Record<string, string | undefined> = {
    accept_ra: "0",
    autoconf: "0",
    forwarding: io.setting(`ipv6/conf/${base}/forwarding`),
    disable_ipv6: io.setting(`ipv6/conf/${base}/disable_ipv6`),
  };
  const set = (family: string, wanted: Record<string, string | undefined>): string[] =>
    Object.entries(wanted).flatMap(([key, value]) =>
      value === undefined ? [] : change(io, `${family}/conf/${name}/${key}`, value)
    );
  return [...set("ipv4", ipv4), ...set("ipv6", ipv6)];
}

/** A setting that is right, or that this kernel does not have, is left alone. */
function change(io: NamespaceIo, path: string, value: string): string[] {
  const present = io.setting(path);
  if (present === undefined || present === value) return [];
  try {
    io.set(path, value);
    return [];
  } catch (error) {
    return [`${path} = ${value}: ${textOf(error)}`];
  }
}
