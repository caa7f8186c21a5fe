/**
 * A site.toml between parsing and validation: a tree in which each value knows the file and the
 * place it came from. Includes are merged, `by_host` is replaced and defaults are laid under, and
 * still every error can point at the characters that somebody typed. Values that came from a file
 * or the environment carry the words by which they are spoken of, so that no message shows them.
 *
 * @module
 */

/** Keys and list positions from the top of a file. */
export type Path = readonly (string | number)[];

/** A configuration file that was read. */
export interface Source {
  /** As the user named it or as an include led to it. */
  readonly name: string;
  /** Without a byte order mark. */
  readonly text: string;
}

/** A place in a source: of a key, of a value, or of the header of a table. */
export interface Place {
  readonly source: Source;
  readonly path: Path;
  readonly at: "key" | "value";
}

interface Origin {
  readonly source: Source;
  /** Where the value stands. */
  readonly path: Path;
  /** Where the key stands that it belongs to: elsewhere than the value under `by_host`. */
  readonly keyPath: Path;
  /** How to speak of a value that must not be shown, such as `the value of $VRRP_KEY`. */
  readonly secret?: string;
}

/** A string, number, truth value or date. */
export interface ScalarNode extends Origin {
  readonly kind: "scalar";
  value: unknown;
}

/** A list. */
export interface ListNode extends Origin {
  readonly kind: "list";
  readonly items: TreeNode[];
}

/** A table; keys in the order of the file. */
export interface TableNode extends Origin {
  readonly kind: "table";
  readonly entries: Map<string, TreeNode>;
}

/** A value with its origin. */
export type TreeNode = ScalarNode | ListNode | TableNode;

/** The value of a substitution that failed: reported already, so nothing more is said of it. */
export const FAILED: unique symbol = Symbol("failed");

/** Whether `value`, as the TOML parser gives it, is a table. */
function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/** The tree of what the TOML parser gave for `source`. */
export function plant(source: Source, value: unknown, path: Path = []): TreeNode {
  const origin = { source, path, keyPath: path };
  if (Array.isArray(value)) {
    const items = value.map((item, index) => plant(source, item, [...path, index]));
    return { ...origin, kind: "list", items };
  }
  if (!isTable(value)) return { ...origin, kind: "scalar", value };
  const entries = new Map<string, TreeNode>();
  for (const key of Object.keys(value)) entries.set(key, plant(source, value[key], [...path, key]));
  return { ...origin, kind: "table", entries };
}

/** The plain data of a tree, for the schema. */
export function harvest(node: TreeNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(harvest);
  const table: Record<string, unknown> = {};
  for (const [key, entry] of node.entries) {
    // Not an assignment: a key may be called __proto__.
    Object.defineProperty(table, key, {
      value: harvest(entry),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return table;
}

/** The node at `path` below `node`, or the last one on the way there. */
export function descend(node: TreeNode, path: Path): TreeNode {
  let current = node;
  for (const step of path) {
    const next = current.kind === "table"
      ? current.entries.get(String(step))
      : current.kind === "list"
      ? current.items[Number(step)]
      : undefined;
    if (next === undefined) return current;
    current = next;
  }
  return current;
}

/** Whether somebody has written what is at a path; defaults are nowhere. */
export function isWritten(root: TreeNode, path: Path): boolean {
  return path.length > 0 && descend(root, path) !== descend(root, path.slice(0, -1));
}

/** The place of a node's value. */
export function valuePlace(node: TreeNode): Place {
  return { source: node.source, path: node.path, at: "value" };
}

/** The place of the key that a node belongs to. */
export function keyPlace(node: TreeNode): Place {
  return { source: node.source, path: node.keyPath, at: "key" };
}

/** `over` laid on `under`: tables key by key, anything else replaces. */
export function overlay(under: TreeNode | undefined, over: TreeNode): TreeNode {
  if (under === undefined || under.kind !== "table" || over.kind !== "table") return over;
  const entries = new Map(under.entries);
  for (const [key, entry] of over.entries) entries.set(key, overlay(entries.get(key), entry));
  return { ...over, entries };
}

/** A value as it may be written in TOML, in one line. */
export function tomlText(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "a date" : value.toISOString();
  if (Array.isArray(value)) return `[${value.map(tomlText).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).map(([key, entry]) =>
    `${writeKey(key)} = ${tomlText(entry)}`
  );
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** A key, quoted where TOML wants it. */
export function writeKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}

/** How to speak of a node's value in a message, at most about 60 characters. */
export function shown(node: TreeNode): string {
  const text = secretOf(node) ?? tomlText(harvest(node));
  return text.length <= 60 ? text : `${[...text].slice(0, 57).join("")}…`;
}

/** The words for a value that must not be shown, its own or that of something in it. */
export function secretOf(node: TreeNode): string | undefined {
  if (node.secret !== undefined || node.kind === "scalar") return node.secret;
  const children = node.kind === "list" ? node.items : [...node.entries.values()];
  for (const child of children) {
    const secret = secretOf(child);
    if (secret !== undefined) return secret;
  }
  return undefined;
}
