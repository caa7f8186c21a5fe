/**
 * The interfaces of virtual MACs: made on their base, up while their router holds its addresses,
 * down otherwise, so that a backup takes no frame that is sent to the virtual MAC (RFC 9568 section
 * 6.4.2). Adverts neither leave nor arrive by them: the protocol plane sends them from the base as
 * frames with the virtual MAC, and so does not depend on how long the kernel takes to bring an
 * interface up.
 *
 * An interface is known as ours by the note that the kernel keeps with it (`virtual_settings.ts`),
 * whoever made it: a killed agent's is adopted where it is what is configured, and removed where it
 * is not. One that somebody else made is left alone, also where it stands in our way; then the
 * router cannot work, and says so.
 *
 * To take an interface down or away takes the kernel some milliseconds, in which all waits: that is
 * done last, some at a time. Times are whole microseconds.
 *
 * @module
 */

import {
  addLink,
  changeLink,
  describeAcknowledgement,
  type Link,
  type LinkChange,
  readLink,
  requestLink,
} from "../netlink/mod.ts";
import type { KernelRouter, VirtualLink } from "../plane/messages.ts";
import { present } from "../plane/present.ts";
import type { NamespaceIo } from "./io.ts";
import { dropLeaves } from "./leave_filter.ts";
import type { LeaseBook } from "./lease.ts";
import { ownInstance } from "./mark.ts";
import { isIpv6 } from "./operation.ts";
import type { Requester } from "./requester.ts";
import type { Say, Tables } from "./tables.ts";
import type { NamespaceView } from "./view.ts";
import { refusalOf, VirtualRemoval } from "./virtual_removal.ts";
import {
  noteOf,
  noteText,
  ownNoteOf,
  prepareBase,
  prepareVirtual,
  readOriginals,
} from "./virtual_settings.ts";

/** How long after an attempt the same is tried again. */
const RETRY = 1_000_000;
/** Interfaces made in one call: each takes some milliseconds, in which no lease is refreshed. */
const MAKINGS = 8;
/** What somebody else removes is made again at once, so often in so long a time. */
const PATIENCE = { times: 5, micros: 10_000_000 };

interface Wanted {
  readonly link: VirtualLink;
  readonly router: string;
  /** It has a hardware address that moves, and groups that the kernel joins and leaves. */
  readonly leaves: boolean;
  /** Index of the interface that says nothing of leaving them. */
  silent: number;
  /** Nothing is made before this time. */
  makeAt: number;
  /** When it was made, of late. */
  readonly made: number[];
  /** It is not brought up, nor given another MTU, before this time. */
  mendAt: number;
  /** Why it is not there, as it was said last; empty: it is. */
  failure: string;
  /** Index of the interface whose settings were seen to, and what was refused of them, in words. */
  prepared: number;
  refused: readonly string[];
}

/** Questions to the kernel, and what is known of it. */
interface Kernel {
  readonly io: NamespaceIo;
  readonly requester: Requester;
  readonly view: NamespaceView;
  readonly tables: Tables;
}

/** The virtual interfaces of one namespace. */
export class VirtualLinks {
  readonly #io: NamespaceIo;
  readonly #requester: Requester;
  readonly #view: NamespaceView;
  readonly #tables: Tables;
  readonly #book: Pick<LeaseBook, "router" | "ownership">;
  readonly #say: Say;
  readonly #changed: (router: string) => void;
  #wanted = new Map<string, Wanted>();
  #deadline = Infinity;
  /** The kernel has no filters for what leaves an interface; said once. */
  #filterless = false;
  readonly #removal: VirtualRemoval;

  /** @param changed what can be said of a router's interfaces is different now */
  constructor(
    { io, requester, view, tables }: Kernel,
    book: Pick<LeaseBook, "router" | "ownership">,
    say: Say,
    changed: (router: string) => void,
  ) {
    this.#changed = changed;
    this.#removal = new VirtualRemoval(io, requester, view, say);
    this.#io = io;
    this.#requester = requester;
    this.#view = view;
    this.#tables = tables;
    this.#book = book;
    this.#say = say;
  }

  /** When `act` should be called again though nothing happened. */
  get deadline(): number {
    return this.#deadline;
  }

  /** The interfaces of these routers and no others, from the next `act` on. */
  want(routers: readonly KernelRouter[]): void {
    const before = this.#wanted;
    this.#wanted = new Map();
    for (const router of routers) {
      for (const link of router.virtualLinks ?? []) {
        const known = before.get(link.name);
        const { makeAt = 0, made = [], mendAt = 0, failure = "", silent = 0 } = known ?? {};
        const { prepared = 0, refused = [] } = known ?? {};
        const leaves = link.mac !== undefined &&
          router.addresses.some((one) => one.interface === link.name && isIpv6(one.address));
        const entry = { router: router.name, makeAt, made, mendAt, failure, leaves, silent };
        this.#wanted.set(link.name, { link, ...entry, prepared, refused });
      }
    }
  }

  /** Whether the name is that of an interface which halb makes. */
  isVirtual(name: string): boolean {
    return this.#wanted.has(name);
  }

  /** What is wrong with the interfaces of a router, in words; empty: nothing. */
  problemOf(router: string): string {
    for (const one of this.#wanted.values()) {
      if (one.router !== router) continue;
      if (one.failure !== "") return `Cannot make ${one.link.name}: ${one.failure}`;
      const [first, ...more] = one.refused;
      if (first !== undefined) {
        return more.length === 0 ? first : `${first} (and ${more.length} more)`;
      }
    }
    return "";
  }

  /** Makes what is missing and brings up what is needed. @returns whether there was anything */
  act(now: number): boolean {
    this.#deadline = Infinity;
    let acted = false;
    let left = MAKINGS;
    for (const wanted of this.#wanted.values()) {
      const base = this.#linkNamed(wanted.link.base);
      // The router waits for its interface; what lies on a renamed one is of no use meanwhile.
      if (base === undefined) continue;
      const present = this.#linkNamed(wanted.link.name);
      if (present === undefined) {
        if (left-- > 0) acted = this.#make(wanted, base, now) || acted;
        else this.#wakeAt(now);
      } else if (ownNoteOf(present) === undefined) {
        const note = noteOf(present);
        this.#refuse(wanted, note === undefined ? FOREIGN : anothers(note.instance), now);
      } else if (!this.#fits(present, wanted.link, base)) {
        acted = this.#replace(wanted, present, now) || acted;
      } else {
        this.#prepare(wanted, present, base);
        acted = this.#mend(wanted, present, base, now) || acted;
      }
    }
    return acted;
  }

  /** Another one is to be in its place: it goes. @returns whether it has gone */
  #replace(wanted: Wanted, present: Link, now: number): boolean {
    if (wanted.mendAt > now) {
      this.#wakeAt(wanted.mendAt);
      return false;
    }
    const gone = this.#removal.one(present);
    if (!gone) this.#wakeAt(wanted.mendAt = now + RETRY);
    return gone;
  }

  /** Settings of one that is new, or that a former process may have left half done. */
  #prepare(wanted: Wanted, { name, index }: Link, base: Link): void {
    if (wanted.prepared === index) return;
    wanted.prepared = index;
    const before = wanted.refused.length;
    wanted.refused = [
      ...prepareVirtual(this.#io, name, base.name),
      ...prepareBase(this.#io, base.name),
    ];
    this.#complain(["kernel", wanted.router], wanted.refused);
    if (before + wanted.refused.length > 0) this.#changed(wanted.router);
  }

  /**
   * Takes down and removes what nobody needs.
   *
   * @param most interfaces in this call
   * @returns whether something is left
   */
  retire(now: number, most: number): boolean {
    const ours = [...this.#view.links()].filter((link) => ownNoteOf(link) !== undefined);
    const unknown = ours.filter(({ name }) => !this.#wanted.has(name));
    if (unknown.length > 1 && this.#removal.many(unknown)) return true;
    const idle = ours.filter((link) => {
      const wanted = this.#wanted.get(link.name);
      return wanted !== undefined && link.up && this.#isIdle(wanted, link, now);
    });
    for (const link of unknown.slice(0, most)) this.#removal.one(link);
    const downs = Math.max(0, most - unknown.length);
    for (const link of idle.slice(0, downs)) this.#change(link, { up: false });
    return unknown.length + idle.length > most;
  }

  #linkNamed(name: string): Link | undefined {
    const index = this.#view.indexOf(name);
    return index === undefined ? undefined : this.#view.link(index);
  }

  #fits(present: Link, link: VirtualLink, base: Link): boolean {
    return present.kind === link.type && noteOf(present)?.base === base.index &&
      (link.mac === undefined || present.mac === link.mac);
  }

  #make(wanted: Wanted, base: Link, now: number): boolean {
    if (wanted.makeAt > now) {
      this.#wakeAt(wanted.makeAt);
      return false;
    }
    wanted.makeAt = now + RETRY;
    const { name, type, mac } = wanted.link;
    const { index: parent } = base;
    const originals = this.#originals(base);
    const link = { name, kind: type, parent, ...(mac === undefined ? {} : { mac }) };
    const alias = noteText({ base: parent, originals, ...present({ instance: ownInstance() }) });
    const answers = this.#requester.answersTo([
      (writer, sequence) => addLink(writer, sequence, link),
      // In the same call, so that there never is one that nobody knows as ours.
      (writer, sequence) => changeLink(writer, sequence, name, { alias }),
      // Refused where the interface has no IPv6, which is as good.
      (writer, sequence) => changeLink(writer, sequence, name, { noLinkLocal: true }),
    ]);
    const failed = answers.slice(0, 2).find(({ errno }) => errno !== 0);
    if (failed !== undefined) {
      this.#refuse(wanted, describeAcknowledgement(failed), now);
      return false;
    }
    wanted.failure = "";
    wanted.made.push(now);
    while (wanted.made[0]! < now - PATIENCE.micros) wanted.made.shift();
    if (wanted.made.length < PATIENCE.times) wanted.makeAt = now;
    this.#learn(name);
    this.#say("info", ["kernel", wanted.router], `Made ${name} on ${base.name}`);
    return true;
  }

  /** The kernel tells of a new interface, but of a note only while the interface is up. */
  #learn(name: string): void {
    this.#tables.follow();
    const read = readLink(
      this.#requester.ask((writer, sequence) => requestLink(writer, sequence, name)),
    );
    if (read.ok) this.#view.putLink(read.value);
  }

  /** Up where it is needed, in the VRF of its base and with the MTU of that. */
  #mend(wanted: Wanted, present: Link, base: Link, now: number): boolean {
    wanted.failure = "";
    if (wanted.leaves && wanted.silent !== present.index) this.#silence(wanted, present);
    const up = !present.up && base.up && this.#book.router(wanted.router)?.wanted === true;
    const mtu = base.mtu !== present.mtu && base.mtu > 0;
    const vrf = this.#view.link(base.master)?.vrfTable === undefined ? 0 : base.master;
    const moved = present.master !== vrf;
    if (!up && !mtu && !moved) return false;
    if (wanted.mendAt > now) {
      this.#wakeAt(wanted.mendAt);
      return false;
    }
    const refused = this.#change(present, {
      ...(up ? { up } : {}),
      ...(mtu ? { mtu: base.mtu } : {}),
      ...(moved ? { master: vrf } : {}),
    });
    // At once again where somebody else interferes, but not against a kernel that refuses.
    if (refused) wanted.mendAt = now + RETRY;
    if (refused) this.#wakeAt(wanted.mendAt);
    return !refused;
  }

  /** Before it is up for the first time. */
  #silence(wanted: Wanted, { name, index }: Link): void {
    wanted.silent = index;
    if (this.#filterless) return;
    const problem = dropLeaves(this.#requester, index);
    this.#filterless = problem !== undefined;
    if (problem !== undefined) this.#complain(["kernel"], [`filter ${name}: ${problem}`]);
  }

  /** Whether its router has let go, and nothing of it is left there. */
  #isIdle({ router: name }: Wanted, link: Link, now: number): boolean {
    const router = this.#book.router(name);
    if (router === undefined || router.wanted) return false;
    if (!router.decided && now < router.adoptedUntil) return false;
    return !this.#view.addresses(link.index).some((one) => this.#book.ownership.isOurs(one));
  }

  /** As they were before the first virtual interface was made there. */
  #originals(base: Link) {
    for (const link of this.#view.links()) {
      const note = noteOf(link);
      if (note?.base === base.index) return note.originals;
    }
    return readOriginals(this.#io, base.name);
  }

  /** @returns whether the kernel refused */
  #change(link: Link, change: LinkChange): boolean {
    const [answer] = this.#requester.answersTo([
      (writer, sequence) => changeLink(writer, sequence, link.index, change),
    ]);
    const refusal = refusalOf(answer);
    if (refusal === undefined) return false;
    this.#complain(["kernel"], [`change ${link.name}: ${refusal}`]);
    return true;
  }

  /** The interface is not there; told once for each reason. */
  #refuse(wanted: Wanted, reason: string, now: number): void {
    this.#wakeAt(now + RETRY);
    if (wanted.failure === reason) return;
    wanted.failure = reason;
    this.#changed(wanted.router);
    const { name } = wanted.link;
    this.#say("error", ["kernel", wanted.router], `Cannot make ${name}: ${reason}`);
  }

  #complain(category: readonly string[], problems: readonly string[]): void {
    for (const problem of problems) {
      this.#say("warning", category, "The kernel refused", { operation: problem });
    }
  }

  #wakeAt(time: number): void {
    if (time < this.#deadline) this.#deadline = time;
  }
}

/** Made by the agent of that instance, which may be the one that this one was before an update. */
function anothers(instance: string | undefined): string {
  const [who, option] = instance === undefined
    ? ["an agent without an instance", ""]
    : [`the instance "${instance}"`, ` --instance ${instance}`];
  return `an interface of that name exists, and ${who} has made it: where that one runs no more, ` +
    `"halb cleanup${option}" removes it`;
}

const FOREIGN = "an interface of that name exists, and halb has not made it";
