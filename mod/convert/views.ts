/**
 * One site out of what each configuration id sees: what differs becomes `by_host`. Where a key
 * that one node has and another lacks has no value that means its absence, the table around it
 * differs as a whole.
 *
 * @module
 */

import { inlineText } from "./emit.ts";
import { type Entry, List, type Remarks, Table, type Value } from "./value.ts";

/** What one id sees. */
export interface View<T> {
  /** undefined: every other host. */
  readonly id: string | undefined;
  readonly value: T;
}

/** Keys whose absence is the same as a value. */
const ABSENT: Readonly<Record<string, string | number | boolean>> = {
  accept: true,
  preempt: true,
  preempt_delay: "0s",
  down_timer_adverts: 3,
  priority: 100,
  promote_secondaries: false,
  strict: false,
  weight: 0,
  reverse: false,
  passive: false,
  start_failed: false,
  quorum: 1,
  hysteresis: 0,
  start_down: false,
  run_down_on_stop: false,
  startup_delay: "0s",
  delay_after_boot: "0s",
  up_delay: "0s",
  down_delay: "0s",
  checksum: "auto",
  virtual_mac: false,
  mail: false,
  priority_changes: false,
  rise: 1,
};
/** Tables that are the same as none where they are empty. */
const EMPTY = new Set(["track", "notify", "garp", "static", "defaults", "agent"]);
/** Lists that are the same as none where they are empty. */
const LISTS = new Set([
  "excluded_addresses",
  "routes",
  "rules",
  "addresses",
  "interfaces",
  "scripts",
  "processes",
  "files",
  "bfd",
  "flags",
]);
/** By which key the tables of a list are told apart. */
const NAMES: Readonly<Record<string, string>> = { real_server: "address" };

type Views = readonly View<Value | undefined>[];

function sameText(views: Views): boolean {
  const [first, ...rest] = views.map(({ value }) => value === undefined ? "" : inlineText(value));
  return rest.every((text) => text === first);
}

/** The remarks of all, each once. */
function joined(all: readonly (Remarks | undefined)[]): Remarks {
  const before = new Set<string>();
  let behind: string | undefined;
  for (const remarks of all) {
    for (const text of remarks?.before ?? []) before.add(text);
    behind ??= remarks?.behind;
  }
  return { before: [...before], ...(behind === undefined ? {} : { behind }) };
}

/** What stands for the absence of a key; undefined: nothing does. */
function absent(key: string, views: Views): Value | undefined {
  const sample = views.find(({ value }) => value !== undefined)?.value;
  if (sample instanceof Table && EMPTY.has(key)) return new Table();
  if (sample instanceof List && LISTS.has(key)) return new List();
  if (typeof sample === "object") return undefined;
  return ABSENT[key];
}

/** `{ by_host = { … } }`, with a default for the other hosts where they are a view. */
function byHost(views: readonly View<Value>[]): Table {
  const hosts = new Table();
  const table = new Table().set("by_host", hosts);
  for (const { id, value } of views) {
    if (id === undefined) table.set("default", value);
    else hosts.set(id, value);
  }
  return table;
}

function isComplete(views: Views): views is readonly View<Value>[] {
  return views.every(({ value }) => value !== undefined);
}

/** One value of all views; undefined: it cannot be said at this place. */
function mergeValue(key: string, written: Views): Value | undefined {
  let views = written;
  if (!isComplete(views)) {
    const stand = absent(key, views);
    if (stand === undefined) return undefined;
    views = views.map(({ id, value }) => ({ id, value: value ?? stand }));
  }
  if (!isComplete(views)) return undefined;
  const [first] = views;
  if (sameText(views) || first === undefined) return merged(key, views) ?? first?.value;
  return merged(key, views) ?? byHost(views);
}

/** Tables of tables and lists of named tables are merged within. */
function merged(key: string, views: readonly View<Value>[]): Value | undefined {
  const tables = views.flatMap(({ id, value }) => value instanceof Table ? [{ id, value }] : []);
  if (tables.length === views.length) return mergeTables(tables);
  const lists = views.flatMap(({ id, value }) => value instanceof List ? [{ id, value }] : []);
  return lists.length === views.length ? mergeLists(key, lists) : undefined;
}

function mergeLists(key: string, views: readonly View<List>[]): List | undefined {
  const name = NAMES[key] ?? "name";
  const names = views.map(({ value }) =>
    value.items.map((item) => {
      const own = item.value instanceof Table ? item.value.get(name) : undefined;
      return typeof own === "string" ? own : undefined;
    })
  );
  const [first = []] = names;
  if (first.length === 0 || first.includes(undefined) || new Set(first).size < first.length) {
    return sameText(views) ? views[0]?.value : undefined;
  }
  const isSame = names.every((own) =>
    own.length === first.length && own.every((one, index) => one === first[index])
  );
  if (!isSame) return undefined;
  const list = new List();
  for (const index of first.keys()) {
    const items = views.map(({ id, value }) => ({ id, item: value.items[index] as Entry }));
    const tables = items.map(({ id, item }) => ({ id, value: item.value as Table }));
    list.add(mergeTables(tables) ?? byHost(tables), joined(items.map(({ item }) => item)));
  }
  return list;
}

/** One table of all views; undefined: a key of it cannot be said by host. */
function mergeTables(views: readonly View<Table>[]): Table | undefined {
  const table = new Table();
  const keys = new Set(views.flatMap(({ value }) => [...value.entries.keys()]));
  for (const key of keys) {
    const entries = views.map(({ value }) => value.entries.get(key));
    const values = views.map(({ id, value }) => ({ id, value: value.get(key) }));
    const value = mergeValue(key, values);
    if (value === undefined) return undefined;
    const { before, behind } = joined(entries);
    table.entries.set(key, { value, before, ...(behind === undefined ? {} : { behind }) });
  }
  table.rest.push(...new Set(views.flatMap(({ value }) => value.rest)));
  return table;
}

/** The site of all views. What one of them lacks at the top is by host as a whole. */
export function mergeViews(views: readonly View<Table>[]): Table {
  const [first] = views;
  if (views.length === 1 && first !== undefined) return first.value;
  const root = new Table();
  const keys = new Set(views.flatMap(({ value }) => [...value.entries.keys()]));
  for (const key of keys) {
    const entries = views.map(({ value }) => value.entries.get(key));
    const sample = entries.find((entry) => entry !== undefined)!.value;
    const values = views.map(({ id, value }) => ({
      id,
      value: value.get(key) ?? (sample instanceof List ? new List() : new Table()),
    }));
    const value = mergeValue(key, values) ?? byHost(values);
    const { before, behind } = joined(entries);
    root.entries.set(key, { value, before, ...(behind === undefined ? {} : { behind }) });
  }
  root.rest.push(...new Set(views.flatMap(({ value }) => value.rest)));
  return root;
}
