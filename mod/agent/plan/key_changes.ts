/**
 * How two tables of a settled configuration differ, in words: a piece of text for each key. Pure.
 *
 * @module
 */

import { formatDuration, isDurationAt } from "../../../config/mod.ts";
import { endpointText } from "../../ip/mod.ts";
import { isPlain, sameValue } from "../../values/mod.ts";
import { isMark } from "./settled.ts";

/** Items of a list that are named; where more differ, that they do. */
const MOST_ITEMS = 8;
/** Keys of an inner table that are named; where more differ, that it does. */
const MOST_KEYS = 4;

/** Where a value stands: keys of the schema, numbers for items of lists. */
type Path = readonly (string | number)[];

/**
 * Numbers and words with their values, items of lists that come and go, secrets by name alone.
 *
 * @param path of both tables in the schema of a site, such as `["vrrp", 0]`
 */
export function keyChanges(before: object, after: object, path: Path): string[] {
  return tableChanges(before, after, path, "");
}

function tableChanges(before: object, after: object, path: Path, prefix: string): string[] {
  const [former, present] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  return [...new Set([...former.keys(), ...present.keys()])].flatMap((key) =>
    valueChanges(former.get(key), present.get(key), [...path, key], `${prefix}${key}`)
  );
}

function valueChanges(from: unknown, to: unknown, path: Path, name: string): string[] {
  if (sameValue(from, to)) return [];
  if (isMark(from) || isMark(to)) return [`${name} changed`];
  if (isShort(from) && isShort(to)) {
    return [`${name} ${shown(from, path)} -> ${shown(to, path)}`];
  }
  if (Array.isArray(from) && Array.isArray(to)) return [listChange(from, to, name)];
  if (isPlain(from) && isPlain(to)) {
    const inner = tableChanges(from, to, path, `${name}.`);
    if (inner.length <= MOST_KEYS) return inner;
  }
  return [`${name} changed`];
}

function listChange(from: readonly unknown[], to: readonly unknown[], name: string): string {
  const [former, present] = [from.map(itemText), to.map(itemText)];
  const known = (all: readonly (string | undefined)[]): all is string[] =>
    all.every((item) => item !== undefined);
  if (!known(former) || !known(present)) return `${name} changed`;
  const added = present.filter((item) => !former.includes(item)).map((item) => `+${item}`);
  const removed = former.filter((item) => !present.includes(item)).map((item) => `-${item}`);
  const all = [...added, ...removed];
  if (all.length > MOST_ITEMS) {
    return `${name}: ${added.length} added, ${removed.length} removed`;
  }
  return all.length === 0 ? `${name} changed` : `${name} ${all.join(" ")}`;
}

/** By what an item of a list is known; undefined: by nothing that is short. */
export function itemText(item: unknown): string | undefined {
  if (typeof item === "string" || typeof item === "number") return String(item);
  if (!isPlain(item)) return undefined;
  const { address, name, to, port, prefix_length: prefix } = item;
  if (typeof address === "string") {
    const whole = typeof port === "number" ? endpointText({ address, port }) : address;
    return typeof prefix === "number" ? `${whole}/${prefix}` : whole;
  }
  for (const own of [name, to]) if (typeof own === "string") return own;
  return undefined;
}

type Short = string | number | boolean | undefined;

function isShort(value: unknown): value is Short {
  return value === undefined || ["string", "number", "boolean"].includes(typeof value);
}

/** Durations are microseconds here, and not what anybody has written. */
function shown(value: Short, path: Path): string {
  if (value === undefined) return "(none)";
  if (typeof value === "number" && isDurationAt(path)) return formatDuration(value);
  return String(value);
}
