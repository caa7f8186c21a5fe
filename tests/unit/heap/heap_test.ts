/** The heap against a sorted list, with items taken out of its middle. */

import { strictEqual, throws } from "node:assert/strict";
import { createLine, precedes, type Timed } from "../../../mod/check/line.ts";
import { forSeeds } from "../../lib/random.ts";

Deno.test("the first is always the earliest, whatever comes and goes", () => {
  forSeeds(100, (random) => {
    const heap = createLine<Timed>();
    const items: Timed[] = [];
    for (let line = 0; line < 300; line++) {
      if (items.length > 0 && random.chance(0.45)) {
        const [gone] = items.splice(random.int(0, items.length - 1), 1);
        heap.remove(gone!);
        strictEqual(gone!.position, -1);
      } else {
        const item = { at: random.int(0, 50), line, position: -1 };
        items.push(item);
        heap.add(item);
      }
      const earliest = items.reduce<Timed | undefined>(
        (best, item) => best === undefined || precedes(item, best) ? item : best,
        undefined,
      );
      strictEqual(heap.first, earliest);
      strictEqual(heap.size, items.length);
    }
  });
});

Deno.test("an item is in one place at most", () => {
  const heap = createLine<Timed>();
  const item = { at: 1, line: 1, position: -1 };
  throws(() => heap.remove(item), /not in this heap/);
  heap.add(item);
  throws(() => heap.add(item), /two places/);
});
