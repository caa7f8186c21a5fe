/**
 * The queue of a simulation: earliest first, and of one time first come, first served.
 *
 * @module
 */

/** Something to do at a time, in microseconds; `order` counts what was put in. */
export interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Puts an item into a binary heap. */
export function push(heap: Scheduled[], item: Scheduled): void {
  let i = heap.push(item) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!before(item, heap[parent]!)) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = item;
}

/** Takes the first item out of a heap that is not empty. */
export function pop(heap: Scheduled[]): Scheduled {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  let i = 0;
  while (true) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = last;
  return first;
}
