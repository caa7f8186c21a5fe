/**
 * What became of a keepalived.conf, in words: at the end of the converted file, and for the
 * terminal.
 *
 * @module
 */

import { showText } from "../text/mod.ts";
import type { Note, Verdict } from "./types.ts";

/** How many statements had which end. */
export type Counts = Readonly<Record<Verdict, number>>;

/** Most notes that stand in the file itself. */
const MOST_SHOWN = 500;

/** Counts notes by their verdict. */
export function countNotes(notes: readonly Note[]): Counts {
  const counts: Record<Verdict, number> = {
    translated: 0,
    approximated: 0,
    needless: 0,
    dropped: 0,
    unread: 0,
  };
  for (const { verdict } of notes) counts[verdict]++;
  return counts;
}

/** `41 translated, 3 approximated, …`. */
export function countsText(counts: Counts): string {
  return [
    `${counts.translated} translated`,
    `${counts.approximated} approximated`,
    `${counts.needless} not needed`,
    `${counts.dropped} dropped`,
    ...(counts.unread === 0 ? [] : [`${counts.unread} not understood`]),
  ].join(", ");
}

const WORDS: Readonly<Record<Verdict, string>> = {
  translated: "translated",
  approximated: "approximated",
  needless: "not needed",
  dropped: "dropped",
  unread: "not understood",
};

/** A note on one line. */
export function noteText(note: Note): string {
  const { file, line, keyword, verdict, reason, instead } = note;
  const place = line === 0 ? file : `${file}:${line}`;
  const why = reason === undefined ? "" : `: ${reason}`;
  const advice = instead === undefined ? "" : `; instead: ${instead}`;
  return showText(`${place}: ${keyword}: ${WORDS[verdict]}${why}${advice}`, 400);
}

/** What somebody should look at, worst first; statements that are as before are left out. */
export function remarkable(notes: readonly Note[]): Note[] {
  const order: readonly Verdict[] = ["unread", "dropped", "approximated", "needless"];
  return order.flatMap((verdict) => notes.filter((note) => note.verdict === verdict));
}

/** The summary at the end of the file, a comment a line. */
export function footOf(notes: readonly Note[], ids: readonly string[]): string[] {
  const shown = remarkable(notes);
  const lines = [`Summary: ${countsText(countNotes(notes))}.`];
  if (ids.length > 1) {
    lines.push(`Hosts: ${ids.map((id) => showText(id)).join(", ")}; halb refuses any other name.`);
  }
  for (const note of shown.slice(0, MOST_SHOWN)) lines.push(`  ${noteText(note)}`);
  if (shown.length > MOST_SHOWN) lines.push(`  and ${shown.length - MOST_SHOWN} more.`);
  return lines;
}
