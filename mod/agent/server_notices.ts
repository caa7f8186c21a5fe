/**
 * What is told of virtual and real servers, and how keepalived would name them. Pure.
 *
 * keepalived tells of each quorum that is met, at the start too; of one that is lost, if it was met
 * before, or its sorry server takes over from the start; of real servers that come and go, and of
 * one that begins down (its `alpha`) once its checks have failed, too. Draining is no news to it. At
 * its end it tells that all of it is down where the virtual server says so (`run_down_on_stop`, its
 * `omega`), else nothing.
 *
 * @module
 */

import { realServerTarget } from "../../config/mod.ts";
import type { RealServerSettings, VirtualServerSettings } from "../balance/settings.ts";
import type { Notice, NoticeState, ServerDetails } from "../notify/notice.ts";
import type {
  BalanceMemory,
  BalancePlan,
  BalanceStep,
  RealServerReport,
  VirtualServerReport,
} from "../plane/balance.ts";

/** A virtual server, as far as it matters here. */
export interface ServerFacts {
  /** `[192.0.2.10]:tcp:80`. */
  readonly label: string;
  /**
   * Its real servers by name: the same, and what each is taken for until its checks have spoken;
   * null: for nothing, whatever they say is news.
   */
  readonly realServers: ReadonlyMap<
    string,
    { readonly label: string; readonly begins: Plain | null }
  >;
  readonly runDownOnStop: boolean;
  /** Whether there is somebody who serves while the quorum is lost. */
  readonly sorry: boolean;
}

/** What keepalived says of a server. */
type Plain = "UP" | "DOWN";

/** By name. */
export type AllServerFacts = ReadonlyMap<string, ServerFacts>;

/** @param site the configured tables, for what is no business of the planes */
export function serverFacts(
  plan: BalancePlan | undefined,
  site: readonly { readonly name: string; readonly run_down_on_stop: boolean }[],
): AllServerFacts {
  const omega = new Set(site.filter((one) => one.run_down_on_stop).map(({ name }) => name));
  const kept = plan?.onStop === "keep";
  return new Map(
    plan?.servers.map((server) => [server.name, {
      label: virtualLabel(server),
      realServers: new Map(
        server.servers.map((real) => {
          const begins = real.startDown && real.checks.length > 0 ? null : "UP";
          return [real.name, { label: realLabel(server, real), begins }] as const;
        }),
      ),
      // What stays in the table does not go down.
      runDownOnStop: omega.has(server.name) && !kept,
      sorry: server.sorryServer !== null,
    }]),
  );
}

/** As keepalived: an address, a mark, or the name of what is a group to it. */
export function virtualLabel({ name, listen }: VirtualServerSettings): string {
  const [first, ...others] = listen;
  if (first === undefined || others.length > 0) return `[${name}]:0`;
  if ("mark" in first) return `FWM ${first.mark}`;
  if (first.last !== undefined || first.prefixLength !== undefined) return `[${name}]:0`;
  return `[${first.address}]:${first.protocol}:${first.port}`;
}

/** `[198.51.100.11]:tcp:8080`; what is marked has neither protocol nor port. */
export function realLabel(
  { listen }: VirtualServerSettings,
  { server: { address, port, forward } }: RealServerSettings,
): string {
  const first = listen.find((one) => "protocol" in one);
  if (first === undefined || !("protocol" in first)) return `[${address}]:none:0`;
  const reached = forward === "nat" ? port ?? first.port : first.port;
  return `[${address}]:${first.protocol}:${reached}`;
}

/** What a notice is about, and what there is to tell. */
export interface ServerNews {
  readonly type: "VS" | "RS";
  /** By which targets and programs know it. */
  readonly name: string;
  readonly state: NoticeState;
  readonly cause: string;
  /** What it is taken for by whom nothing was told; null: whatever it is, that is told. */
  readonly begins: Plain | null;
  readonly server: Pick<ServerDetails, "virtual_server" | "real_server" | "line">;
}

/** What is to be told of a step; undefined: nothing. */
export function stepNews({ server, what }: BalanceStep, facts: AllServerFacts) {
  switch (what.kind) {
    case "quorum":
      return virtualNews(server, what.met, what.reason, facts);
    case "real_server":
      return realNews(server, what.realServer, what.state, what.reason, facts);
    default:
      return undefined;
  }
}

/** How everything stands, as news. */
export function reportNews(
  reports: readonly VirtualServerReport[],
  facts: AllServerFacts,
): ServerNews[] {
  return reports.flatMap(({ name, quorum, servers }) => [
    ...servers.filter(({ undecided }) => undecided !== true)
      .map((real) => realNews(name, real.name, real.state, real.reason, facts)),
    virtualNews(name, quorum.met, "as it stands", facts),
  ]);
}

/** The same, of what another process has told. */
export function memoryNews(memory: BalanceMemory["servers"], facts: AllServerFacts): ServerNews[] {
  const cause = "as before";
  return memory.flatMap(({ name, met, servers }) => [
    ...servers.filter(({ undecided }) => undecided !== true).map((real) => {
      const state = real.drain !== null ? "draining" : real.up ? "up" : "down";
      return realNews(name, real.name, state, cause, facts);
    }),
    virtualNews(name, met, cause, facts),
  ]);
}

function virtualNews(
  name: string,
  met: boolean,
  cause: string,
  facts: AllServerFacts,
): ServerNews {
  const { label: line = `[${name}]:0`, sorry = false } = facts.get(name) ?? {};
  const server = { virtual_server: name, real_server: null, line };
  const begins = sorry ? null : "DOWN";
  return { type: "VS", name, state: met ? "UP" : "DOWN", cause, begins, server };
}

function realNews(
  name: string,
  realServer: string,
  state: RealServerReport["state"],
  cause: string,
  facts: AllServerFacts,
): ServerNews {
  const known = facts.get(name);
  const { label = `[${realServer}]`, begins = "UP" } = known?.realServers.get(realServer) ?? {};
  const line = `${label} ${known?.label ?? `[${name}]:0`}`;
  return {
    type: "RS",
    name: realServerTarget(name, realServer),
    state: state.toUpperCase() as "UP" | "DOWN" | "DRAINING",
    cause,
    begins,
    server: { virtual_server: name, real_server: realServer, line },
  };
}

/**
 * Whether only readers of JSON are told: keepalived would say nothing.
 *
 * @param before what was told before; undefined: nothing
 */
export function isQuiet({ state, begins }: ServerNews, before: Notice | undefined): boolean {
  if (state === "DRAINING" || state === "DELETED") return true;
  return state === (before?.server?.plain ?? begins);
}

/** What keepalived has said last when this is told. */
export function plainAfter({ state, begins }: ServerNews, before: Notice | undefined): Plain {
  return state === "UP" || state === "DOWN" ? state : before?.server?.plain ?? begins ?? "DOWN";
}
