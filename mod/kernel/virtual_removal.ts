/**
 * How the interfaces of virtual MACs go: the settings of their base first, since what those were is
 * noted with the interface; and many in the time of one.
 *
 * @module
 */

import {
  type Acknowledgement,
  changeLink,
  deleteLink,
  deleteLinkGroup,
  describeAcknowledgement,
  ENODEV,
  type Link,
} from "../netlink/mod.ts";
import type { NamespaceIo } from "./io.ts";
import type { Requester } from "./requester.ts";
import type { Say } from "./tables.ts";
import type { NamespaceView } from "./view.ts";
import { noteOf, restoreBase } from "./virtual_settings.ts";

/** The group that interfaces are put into to be removed together: "HALB". */
const DEPARTING = 0x4841_4c42;

/** Removes virtual interfaces in one namespace. */
export class VirtualRemoval {
  readonly #io: NamespaceIo;
  readonly #requester: Requester;
  readonly #view: NamespaceView;
  readonly #say: Say;

  constructor(io: NamespaceIo, requester: Requester, view: NamespaceView, say: Say) {
    this.#io = io;
    this.#requester = requester;
    this.#view = view;
    this.#say = say;
  }

  /** @returns whether it has gone */
  one(link: Link): boolean {
    this.#restoreBases([link]);
    const [answer] = this.#requester.answersTo([
      (writer, sequence) => deleteLink(writer, sequence, link.index),
    ]);
    const refusal = refusalOf(answer);
    if (refusal === undefined) this.#forget([link]);
    else this.#complain([`remove ${link.name}: ${refusal}`]);
    return refusal === undefined;
  }

  /** Removes many in the time of one. @returns whether that went well */
  many(links: readonly Link[]): boolean {
    const chosen = new Set(links.map(({ index }) => index));
    // A group of somebody else's: nothing that is not ours may go with it.
    for (const { index, group } of this.#view.links()) {
      if (group === DEPARTING && !chosen.has(index)) return false;
    }
    this.#restoreBases(links);
    const grouped = this.#requester.answersTo(
      links.map(({ index }) => (writer, sequence) =>
        changeLink(writer, sequence, index, { group: DEPARTING })
      ),
    );
    if (grouped.some((answer) => refusalOf(answer) !== undefined)) return false;
    const [answer] = this.#requester.answersTo([
      (writer, sequence) => deleteLinkGroup(writer, sequence, DEPARTING),
    ]);
    if (refusalOf(answer) !== undefined) return false;
    this.#forget(links);
    return true;
  }

  #forget(links: readonly Link[]): void {
    for (const link of links) this.#view.removeLink(link);
    this.#say("info", ["kernel"], `Removed ${links.map(({ name }) => name).join(" ")}`);
  }

  /** Before interfaces go, for what is noted goes with them: bases that keep none are set back. */
  #restoreBases(going: readonly Link[]): void {
    const indexes = new Set(going.map(({ index }) => index));
    const staying = new Set<number>();
    for (const link of this.#view.links()) {
      const note = indexes.has(link.index) ? undefined : noteOf(link);
      if (note !== undefined) staying.add(note.base);
    }
    for (const link of going) {
      const note = noteOf(link);
      const base = note === undefined ? undefined : this.#view.link(note.base);
      if (note === undefined || base === undefined || staying.has(base.index)) continue;
      staying.add(base.index);
      this.#complain(restoreBase(this.#io, base.name, note.originals));
    }
  }

  #complain(problems: readonly string[]): void {
    for (const problem of problems) {
      this.#say("warning", ["kernel"], "The kernel refused", { operation: problem });
    }
  }
}

/** What the kernel refused, in words; undefined: nothing, or there was no such interface left. */
export function refusalOf(answer: Acknowledgement | undefined): string | undefined {
  if (answer === undefined || answer.errno === 0 || answer.errno === ENODEV) return undefined;
  return describeAcknowledgement(answer);
}
