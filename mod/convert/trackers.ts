/**
 * What is tracked: `vrrp_script`, `vrrp_track_process`, `track_file`, and the lists of tracked
 * things in instances and groups.
 *
 * @module
 */

import { command, userText } from "./commands.ts";
import type { Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";
import { commandWords } from "./words.ts";

const DAY = 86_400_000_000;
const HOUR = 3_600_000_000;

/** Weights of what is tracked, by kind and keepalived's name: those of members of a group count. */
export class Weights {
  readonly #weights = new Map<string, number>();

  set(kind: string, name: string, weight: number): void {
    this.#weights.set(`${kind} ${name}`, weight);
  }

  get(kind: string, name: string): number {
    return this.#weights.get(`${kind} ${name}`) ?? 0;
  }
}

/** `weight N [reverse]` of a tracker's own block. */
function weightHandler(
  scope: Scope,
  table: Table,
  limit: number,
  known: (weight: number) => void,
): (statement: Statement) => void {
  return (statement) => {
    const weight = scope.whole(statement, -limit, limit);
    if (weight === undefined) return;
    const kept = limit < 1_000 ? Math.min(Math.max(weight, -253), 253) : weight;
    if (kept !== weight) {
      scope.notes.approximated(statement, `a weight is -253 to 253: written as ${kept}`);
    }
    table.set("weight", kept, statement);
    known(kept);
    if (statement.args[1] === "reverse") table.set("reverse", true);
  };
}

/** `vrrp_script NAME { … }`; nothing where its program cannot run. */
export function trackScript(scope: Scope, block: Statement, weights: Weights): void {
  const { notes } = scope;
  const [written = ""] = block.args;
  const table = new Table().set("name", "").set("interval", "1s");
  let runs = false;
  scope.block(
    block.children ?? [],
    {
      script: (statement) => {
        const [text = "", ...more] = statement.args;
        const words = statement.quoted[0] === true ? commandWords(text) : [text];
        const list = command(scope, statement, [...words, ...more]);
        if (list === undefined) return;
        table.set("command", list, statement);
        runs = true;
      },
      interval: (statement) => {
        const time = scope.time(statement, 10_000, DAY);
        if (time !== undefined) table.set("interval", time, statement);
      },
      timeout: (statement) => {
        const time = scope.time(statement, 10_000, DAY);
        if (time !== undefined) table.set("timeout", time, statement);
      },
      weight: weightHandler(scope, table, 253, (weight) => weights.set("scripts", written, weight)),
      rise: (statement) => {
        const count = scope.whole(statement, 1, 1_000);
        if (count !== undefined) table.set("rise", count, statement);
      },
      fall: (statement) => {
        const count = scope.whole(statement, 1, 1_000);
        if (count !== undefined) table.set("fall", count, statement);
      },
      user: (statement) => {
        const user = userText(statement.args);
        if (user !== undefined) table.set("user", user, statement);
      },
      init_fail: (statement) => {
        table.set("start_failed", true, statement);
      },
    },
    {},
    "in a vrrp_script",
    table,
  );
  if (!runs) {
    if (!block.children?.some(({ keyword }) => keyword === "script")) {
      notes.unread(block, "it has no script");
    } else notes.dropped(block, "its program cannot run: see below");
    return;
  }
  table.set("name", scope.name("scripts", written));
  table.order(["name", "command", "interval", "timeout", "rise", "fall", "weight", "reverse"]);
  scope.root.list("track_script").add(table, remarksOf(block));
}

/** `vrrp_track_process NAME { … }`. */
export function trackProcess(scope: Scope, block: Statement, weights: Weights): void {
  const [written = ""] = block.args;
  const table = new Table().set("name", scope.name("processes", written));
  let matches = false;
  scope.block(
    block.children ?? [],
    {
      process: (statement) => {
        const words = statement.args.length === 1 && statement.quoted[0] === true
          ? [statement.plain[0]!]
          : [...statement.plain];
        if (words.length === 0) return scope.notes.unread(statement, "there is no process");
        table.set("command", words.length === 1 ? words[0]! : List.of(words), statement);
      },
      param_match: (statement) => {
        const [match = ""] = statement.args;
        if (match !== "initial" && match !== "partial") {
          return scope.notes.unread(statement, `"${match}" is neither initial nor partial`);
        }
        matches = true;
        table.set("param_match", match, statement);
      },
      full_command: (statement) => {
        table.set("full_command", true, statement);
      },
      quorum: (statement) => {
        const quorum = scope.whole(statement, 0, 1_000_000);
        if (quorum !== undefined) table.set("quorum", quorum, statement);
      },
      quorum_max: (statement) => {
        const quorum = scope.whole(statement, 0, 1_000_000);
        if (quorum === undefined) return;
        table.set("quorum_max", quorum, statement);
        const least = table.get("quorum");
        if (quorum === 0 && least === undefined) table.set("quorum", 0);
      },
      delay: (statement) => {
        const time = scope.time(statement, 0, HOUR);
        if (time !== undefined) table.set("up_delay", time, statement).set("down_delay", time);
      },
      fork_delay: (statement) => {
        const time = scope.time(statement, 0, HOUR);
        if (time !== undefined) table.set("up_delay", time, statement);
      },
      terminate_delay: (statement) => {
        const time = scope.time(statement, 0, HOUR);
        if (time !== undefined) table.set("down_delay", time, statement);
      },
      weight: weightHandler(
        scope,
        table,
        254,
        (weight) => weights.set("processes", written, weight),
      ),
    },
    {},
    "in a vrrp_track_process",
    table,
  );
  const named = table.get("command");
  if (named === undefined) return scope.notes.unread(block, "it has no process");
  if (matches && typeof named === "string") {
    // With `param_match` and no parameters, there must be none.
    table.set("command", List.of([named]));
    table.entries.delete("param_match");
    table.set("param_match", "exact");
  }
  table.order(["name", "command", "full_command", "param_match", "quorum", "quorum_max"]);
  scope.root.list("track_process").add(table, remarksOf(block));
}

/** `track_file NAME { … }`; real servers that check one find it in `files`. */
export function trackFile(
  scope: Scope,
  block: Statement,
  weights: Weights,
  files: Map<string, Table>,
): void {
  const [written = ""] = block.args;
  const table = new Table().set("name", "");
  weights.set("files", written, 1);
  scope.block(
    block.children ?? [],
    {
      file: (statement) => {
        const path = scope.plain(statement);
        if (path === undefined) return;
        if (!path.startsWith("/")) {
          return scope.notes.dropped(
            statement,
            `"${path}" is no absolute path`,
            "write it from / on",
          );
        }
        table.set("path", path, statement);
      },
      weight: weightHandler(
        scope,
        table,
        2_147_483_647,
        (weight) => weights.set("files", written, weight),
      ),
      init_file: (statement) => {
        const [first, second] = statement.args;
        const init = new Table();
        if (first !== undefined && /^-?[0-9]{1,10}$/.test(first)) init.set("value", Number(first));
        if (first === "overwrite" || second === "overwrite") init.set("overwrite", true);
        table.set("init_file", init, statement);
      },
    },
    {},
    "in a track_file",
    table,
  );
  if (table.get("path") === undefined) return scope.notes.unread(block, "it has no file");
  table.set("name", scope.name("files", written));
  files.set(written, table);
  scope.root.list("track_file").add(table.order(["name", "path"]), remarksOf(block));
}

/** `interface_up_down_delays { IF down [up] }`. */
export function interfaceDelays(scope: Scope, block: Statement): void {
  for (const line of block.children ?? []) {
    const name = scope.interface(line, line.keyword);
    const down = scope.time(line, 0, HOUR);
    if (name === undefined || down === undefined) continue;
    const up = line.args[1] === undefined ? down : scope.time(line, 0, HOUR, 1);
    const table = new Table().set("name", name).set("down_delay", down);
    if (up !== undefined) table.set("up_delay", up);
    scope.root.list("track_interface").add(table, remarksOf(line));
    if (!scope.notes.has(line)) scope.notes.of(line, "translated");
  }
}

/** Whose tracked things are read. */
export interface TrackOwner {
  readonly track: () => Table;
  /** In a sync group whose weights keepalived leaves out. */
  readonly unweighted: boolean;
  /** Priority 255: weights do nothing. */
  readonly owner: boolean;
  readonly weights: Weights;
}

const KINDS: Readonly<Record<string, string>> = {
  track_script: "scripts",
  track_process: "processes",
  track_file: "files",
  track_bfd: "bfd",
};

/** One line of a `track_…` block: a name, `weight N`, `reverse`. */
function tracked(scope: Scope, line: Statement, kind: string, owner: TrackOwner): void {
  const { notes } = scope;
  const written = line.keyword;
  const isInterface = kind === "interfaces";
  const name = isInterface ? scope.interface(line, written) : scope.known(kind, written);
  if (name === undefined) {
    if (!isInterface) notes.dropped(line, `there is no ${written}, or it cannot be used`);
    return;
  }
  const table = new Table().set("name", name);
  let own: number | undefined;
  for (let at = 0; at < line.args.length; at++) {
    const word = line.args[at]!;
    if (word === "weight") {
      const weight = scope.whole(line, -2_147_483_647, 2_147_483_647, ++at);
      if (weight === undefined) return;
      own = kind === "files" ? weight : Math.min(Math.max(weight, -253), 253);
      if (own !== weight) notes.approximated(line, `a weight is -253 to 253: written as ${own}`);
      table.set("weight", own);
    } else if (word === "reverse") table.set("reverse", true);
    else if (word === "noreverse" || word === "no_reverse") table.set("reverse", false);
    else notes.unread(line, `keepalived knows no "${word}" here`);
  }
  const weight = own ?? owner.weights.get(kind, written);
  if (weight !== 0 && (owner.unweighted || owner.owner)) {
    const who = owner.owner ? "the owner of the addresses" : "a sync group";
    if (isInterface || kind === "files") {
      table.set("weight", 0);
      notes.approximated(line, `keepalived takes weights from ${who}: it has none here, either`);
    } else {
      const instead = owner.owner
        ? undefined
        : `{ name = "${name}", weight = ${weight} } counts it`;
      notes.dropped(line, `keepalived ignores what has a weight in ${who}`, instead);
      return;
    }
  }
  owner.track().list(kind).add(table.entries.size === 1 ? name : table, remarksOf(line));
  if (!notes.has(line)) notes.of(line, "translated");
}

/** Handlers for the `track_…` blocks. */
export function trackHandlers(
  scope: Scope,
  owner: TrackOwner,
): Record<string, (statement: Statement) => void> {
  const read = (kind: string) => (block: Statement) => {
    // Names may stand in one line with the keyword's braces.
    for (const line of block.children ?? []) tracked(scope, line, kind, owner);
    const list = owner.track().entries.get(kind);
    if (list === undefined || block.before.length === 0) return;
    const { before } = remarksOf(block);
    owner.track().entries.set(kind, { ...list, before: [...list.before, ...before] });
  };
  return {
    track_interface: read("interfaces"),
    ...Object.fromEntries(Object.entries(KINDS).map(([word, kind]) => [word, read(kind)])),
  };
}
