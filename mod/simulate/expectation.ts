/**
 * What must be so, as a script says it: checked when it is read, judged when all is over.
 *
 * @module
 */

import { nameAdvice } from "../../config/nearest.ts";
import { formatIp, parseIp } from "../ip/mod.ts";
import type { Known } from "./known.ts";
import type { Span } from "./report.ts";
import type { ExpectConfig } from "./script_schema.ts";
import { secondsText } from "./words.ts";

/** What must be so of something at a time, or all the time. */
export type Claim =
  | { readonly type: "held_by"; readonly address: string; readonly node: string | null }
  | {
    readonly type: "router_state" | "session_state";
    readonly node: string;
    readonly name: string;
    readonly state: string;
  }
  | {
    readonly type: "in_service";
    readonly server: string;
    readonly virtualServer: string | null;
    readonly node: string | null;
    readonly inService: boolean;
  };

/** When a claim must be so. `by`: as `at`, and it is told since when. */
export type When =
  | { readonly type: "at" | "by"; readonly at: number }
  | { readonly type: "during"; readonly from: number; readonly to: number };

/** How much of something is too much, within a stretch of time. */
export interface Limit {
  readonly type: "outage" | "outage_total" | "double";
  /** null: of any. */
  readonly address: string | null;
  readonly most: number;
}

/** Where one stands. */
export interface Where {
  /** From 1. */
  readonly line: number;
  /** The file that the script includes; absent: the script itself. */
  readonly file?: string;
}

export type Expectation =
  & Where
  & { readonly text: string }
  & (
    | { readonly claim: Claim; readonly when: When }
    | {
      readonly limit: Limit;
      /** null: from when an address was first held to the end. */
      readonly within: Span | null;
    }
  );

/** What is wrong with a table. */
export interface Wrong {
  /** Null: the table as a whole. */
  readonly key: string | null;
  readonly message: string;
  readonly advice?: string;
}

const WHAT = [
  "held_by",
  "state",
  "in_service",
  "always_held",
  "outage_at_most",
  "outage_total_at_most",
  "double_at_most",
] as const;
type What = typeof WHAT[number];

/** Keys that say of what, by what is said. */
const OF: Readonly<Record<What, readonly string[]>> = {
  held_by: ["address"],
  state: ["router", "session", "node"],
  in_service: ["server", "virtual_server", "node"],
  always_held: ["address"],
  outage_at_most: ["address"],
  outage_total_at_most: ["address"],
  double_at_most: ["address"],
};

/** To the end, whenever that is. */
export const FOREVER = Number.MAX_SAFE_INTEGER;

class Refused extends Error {
  constructor(readonly wrong: Wrong) {
    super(wrong.message);
  }
}

function refuse(key: string | null, message: string, advice?: string): never {
  throw new Refused({ key, message, ...(advice === undefined ? {} : { advice }) });
}

export function expectationOf(
  config: ExpectConfig,
  where: Where,
  known: Known,
): Expectation | { readonly wrong: Wrong } {
  try {
    return { ...where, ...read(config, known) };
  } catch (error) {
    if (error instanceof Refused) return { wrong: error.wrong };
    throw error;
  }
}

type Body = Expectation extends infer E ? E extends Expectation ? Omit<E, keyof Where> : never
  : never;

function read(config: ExpectConfig, known: Known): Body {
  const given = WHAT.filter((key) => config[key] !== undefined);
  const [what, second] = given;
  if (what === undefined) refuse(null, "Nothing is expected here", `add one of ${WHAT.join(", ")}`);
  if (second !== undefined) {
    refuse(second, `An expectation is of one thing: \`${what}\` and \`${second}\` are two`);
  }
  for (const key of ["address", "router", "session", "server", "virtual_server", "node"] as const) {
    if (config[key] === undefined || OF[what].includes(key)) continue;
    refuse(key, `\`${key}\` says nothing to \`${what}\``, `known with it: ${OF[what].join(", ")}`);
  }
  switch (what) {
    case "held_by":
    case "state":
    case "in_service": {
      const claim = claimOf(config, what, known);
      const when = whenOf(config);
      return { claim, when, text: `${claimText(claim, known)} ${whenText(when)}` };
    }
    default: {
      const limit = limitOf(config, what, known);
      const within = stretchOf(config, what);
      const during = within === null ? "" : ` ${stretchText(within)}`;
      return { limit, within, text: `${limitText(limit)}${during}` };
    }
  }
}

function addressOf(config: ExpectConfig, known: Known): string {
  const { address } = config;
  if (address === undefined) refuse(null, "An `address` is missing here");
  const bytes = parseIp(address);
  const text = (bytes && formatIp(bytes)) ?? address;
  const all = [...new Set(known.nodes.flatMap(({ addresses }) => addresses))];
  if (all.includes(text)) return text;
  const list = `there are ${all.slice(0, 12).join(", ")}`;
  refuse("address", `No node holds the address "${address}"`, nameAdvice(text, all, list));
}

function nodeOf(config: ExpectConfig, key: "node" | "held_by", known: Known) {
  const name = config[key];
  const names = known.nodes.map((one) => one.name);
  const node = known.nodes.find((one) => one.name === name);
  if (node !== undefined) return node;
  if (name === undefined) refuse(null, `A \`${key}\` is missing here`);
  refuse(
    key,
    `There is no node "${name}"`,
    nameAdvice(name, names, `there are ${names.join(", ")}`),
  );
}

function claimOf(
  config: ExpectConfig,
  what: "held_by" | "state" | "in_service",
  known: Known,
): Claim {
  if (what === "held_by") {
    const node = config.held_by === "nobody" ? null : nodeOf(config, "held_by", known).name;
    return { type: "held_by", address: addressOf(config, known), node };
  }
  if (what === "state") {
    const { router, session, state } = config;
    if ((router === undefined) === (session === undefined)) {
      refuse("state", "A `state` is that of a `router` or of a `session`: one of both");
    }
    const node = nodeOf(config, "node", known);
    const key = router === undefined ? "session" : "router";
    const name = router ?? session!;
    const names = key === "router" ? node.routers : node.sessions;
    if (!names.includes(name)) {
      const list = names.length === 0 ? "there is none" : `there are ${names.join(", ")}`;
      refuse(key, `There is no ${key} "${name}" on ${node.name}`, nameAdvice(name, names, list));
    }
    const possible = key === "router"
      ? ["init", "backup", "master", "fault"]
      : ["admin_down", "down", "init", "up"];
    if (!possible.includes(state!)) {
      refuse("state", `A ${key} is never in state "${state}"`, `one of ${possible.join(", ")}`);
    }
    return { type: `${key}_state`, node: node.name, name, state: state! };
  }
  const { server, virtual_server: virtualServer, in_service: inService } = config;
  if (server === undefined) refuse(null, "A `server` is missing here");
  const node = config.node === undefined ? null : nodeOf(config, "node", known);
  const nodes = node === null ? known.nodes : [node];
  const servers = [...new Set(nodes.flatMap((one) => one.servers))];
  if (!servers.includes(server)) {
    const list = servers.length === 0 ? "there is none" : `there are ${servers.join(", ")}`;
    refuse("server", `There is no real server "${server}"`, nameAdvice(server, servers, list));
  }
  const pools = [...new Set(nodes.flatMap((one) => one.virtualServers))];
  if (virtualServer !== undefined && !pools.includes(virtualServer)) {
    const list = `there are ${pools.join(", ")}`;
    const message = `There is no virtual server "${virtualServer}"`;
    refuse("virtual_server", message, nameAdvice(virtualServer, pools, list));
  }
  return {
    type: "in_service",
    server,
    virtualServer: virtualServer ?? null,
    node: node?.name ?? null,
    inService: inService!,
  };
}

function whenOf(config: ExpectConfig): When {
  const { at, by, from, until } = config;
  const stretch = from !== undefined || until !== undefined;
  if ([at !== undefined, by !== undefined, stretch].filter(Boolean).length !== 1) {
    const message = "It is expected at one time, or for a while";
    refuse(null, message, "give one of `at`, `by`, or `from` and `until`");
  }
  if (at !== undefined) return { type: "at", at };
  if (by !== undefined) return { type: "by", at: by };
  return { type: "during", ...spanOf(config) };
}

function spanOf({ from = 0, until = FOREVER }: ExpectConfig): Span {
  if (from >= until) refuse("until", "`until` is not after `from`");
  return { from, to: until };
}

function stretchOf(config: ExpectConfig, what: What): Span | null {
  for (const key of ["at", "by"] as const) {
    if (config[key] === undefined) continue;
    refuse(key, `\`${what}\` is about a while, not a moment`, "write `from` and `until`");
  }
  return config.from === undefined && config.until === undefined ? null : spanOf(config);
}

function limitOf(config: ExpectConfig, what: What, known: Known): Limit {
  if (what === "double_at_most") {
    const address = config.address === undefined ? null : addressOf(config, known);
    return { type: "double", address, most: config.double_at_most! };
  }
  const address = addressOf(config, known);
  if (what === "always_held") {
    if (config.always_held === false) {
      refuse("always_held", "It makes no sense to expect an outage", 'write `held_by = "nobody"`');
    }
    return { type: "outage", address, most: 0 };
  }
  if (what === "outage_at_most") return { type: "outage", address, most: config.outage_at_most! };
  return { type: "outage_total", address, most: config.outage_total_at_most! };
}

// ===== in words ==================================================================================

function claimText(claim: Claim, known: Known): string {
  switch (claim.type) {
    case "held_by":
      return `${claim.address} is held by ${claim.node ?? "nobody"}`;
    case "router_state": {
      // The other half of a router of both families is one by itself.
      const other = known.nodes.find(({ name }) => name === claim.node)?.routers
        .find((one) => one.startsWith(`${claim.name}/`));
      const without = other === undefined ? "" : ` (without ${other})`;
      return `${claim.name}${without} on ${claim.node} is ${claim.state}`;
    }
    case "session_state":
      return `BFD session ${claim.name} on ${claim.node} is ${claim.state}`;
    case "in_service": {
      const where = claim.virtualServer === null ? "" : ` of ${claim.virtualServer}`;
      const on = claim.node === null ? "" : ` on ${claim.node}`;
      return `${claim.server}${where} is ${claim.inService ? "" : "not "}in service${on}`;
    }
  }
}

function whenText(when: When): string {
  return when.type === "during" ? stretchText(when) : `${when.type} ${secondsText(when.at)}`;
}

function stretchText({ from, to }: Span): string {
  return `from ${secondsText(from)} to ${to === FOREVER ? "the end" : secondsText(to)}`;
}

function limitText({ type, address, most }: Limit): string {
  switch (type) {
    case "outage":
      return most === 0
        ? `${address} is never without holder`
        : `${address} is without holder for at most ${secondsText(most)} at a time`;
    case "outage_total":
      return `${address} is without holder for at most ${secondsText(most)} in all`;
    case "double": {
      const what = address ?? "no address";
      if (most > 0) {
        return `${address ?? "any address"} has two holders for at most ${secondsText(most)}`;
      }
      return address === null ? `${what} ever has two holders` : `${what} never has two holders`;
    }
  }
}
