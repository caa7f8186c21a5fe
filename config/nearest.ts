/**
 * The nearest known word to one that is not known, for “did you mean”. The distance is that of
 * Damerau and Levenshtein (optimal string alignment): insert, delete, replace, or swap two
 * neighbours, each counts one.
 *
 * @module
 */

/** Number of edits between two words, counted in UTF-16 units. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** Letters and digits only: `virtual-routerID` and `virtual_router_id` are the same word. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

/**
 * The word of `known` that `word` is most likely meant to be: at most a third of its letters
 * differ, or it is the start of exactly one; undefined where none is near.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const wanted = plain(word.slice(0, 100));
  if (wanted === "") return undefined;
  let best: string | undefined;
  let distance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const edits = editDistance(wanted, plain(candidate));
    if (edits < distance) [best, distance] = [candidate, edits];
  }
  if (best !== undefined) return best;
  const starts = known.filter((candidate) =>
    wanted.length >= 3 && plain(candidate).startsWith(wanted)
  );
  return starts.length === 1 ? starts[0] : undefined;
}

/** What to write in place of a name that nothing has: the nearest that is there, or `otherwise`. */
export function nameAdvice(name: string, known: readonly string[], otherwise: string): string {
  const near = nearest(name, known);
  return near === undefined ? otherwise : `write \`"${near}"\` instead`;
}
