/**
 * What nodes track besides interfaces, sessions and servers: how it stands, and when each agent
 * finds out. A script finds out with its next runs, by its `rise` and `fall`; processes, files, routes
 * and addresses are told of at once.
 *
 * @module
 */

import type { SiteConfig, TrackScriptConfig } from "../../config/mod.ts";
import { trackedIn, type TrackerFinding } from "../plane/trackers.ts";
import {
  createVerdict,
  type Micros,
  observe,
  type TrackerKind,
  type Verdict,
} from "../vrrp/mod.ts";
import type { Agenda } from "./agenda.ts";
import type { Agent } from "./agent.ts";
import type { Journal } from "./journal.ts";

/** Names one thing of one node. */
export interface ThingName {
  readonly node: string;
  readonly kind: TrackerKind;
  readonly name: string;
}

/** How it stands. */
interface Thing {
  healthy: boolean;
  value: number;
}

/** Kinds that are looked after elsewhere. */
const ELSEWHERE: readonly TrackerKind[] = ["interface", "bfd", "virtual_server", "check"];

const key = ({ node, kind, name }: ThingName): string => `${node} ${kind} ${name}`;

/** What an agent knows of one script. */
interface Watch {
  readonly config: TrackScriptConfig;
  readonly verdict: Verdict;
  /** A run is planned. */
  planned: boolean;
}

/** The trackers of one agent while it lives. */
interface Watcher {
  readonly agent: Agent;
  readonly since: Micros;
  readonly scripts: Map<string, Watch>;
}

export class Things {
  readonly #things = new Map<string, Thing>();
  readonly #watchers = new Map<string, Watcher>();

  constructor(readonly agenda: Agenda, readonly journal: Journal) {}

  /** An agent begins to look. */
  watch(agent: Agent, site: SiteConfig, now: Micros): void {
    const node = agent.host.name;
    const watcher: Watcher = { agent, since: now, scripts: new Map() };
    this.#watchers.set(node, watcher);
    for (const { kind, name } of usesOf(agent)) {
      if (ELSEWHERE.includes(kind)) continue;
      if (kind === "script") {
        const config = site.track_script.find((one) => one.name === name)!;
        const { rise, fall, start_failed: startFailed } = config;
        const verdict = createVerdict({ rise, fall, startFailed }, now);
        watcher.scripts.set(name, { config, verdict, planned: false });
        this.#run(watcher, name, now);
      } else this.#tell(watcher, { node, kind, name }, now);
    }
  }

  #of(name: ThingName): Thing {
    const known = this.#things.get(key(name)) ?? { healthy: true, value: 0 };
    this.#things.set(key(name), known);
    return known;
  }

  /** It fails, or recovers. */
  set(name: ThingName, healthy: boolean, now: Micros): void {
    this.#of(name).healthy = healthy;
    const watcher = this.#watchers.get(name.node);
    if (watcher === undefined) return;
    if (name.kind === "script") this.#plan(watcher, name.name, now);
    else this.#tell(watcher, name, now);
  }

  /** What stands in a file. */
  number(
    { node, name }: { readonly node: string; readonly name: string },
    value: number,
    now: Micros,
  ) {
    const thing = { node, kind: "file", name } as const;
    this.#of(thing).value = value;
    const watcher = this.#watchers.get(node);
    if (watcher !== undefined) this.#tell(watcher, thing, now);
  }

  /** The next run of a script, where one could change anything. */
  #plan(watcher: Watcher, name: string, now: Micros, later = false): void {
    const script = watcher.scripts.get(name);
    if (script === undefined || script.planned || watcher.agent.dead) return;
    const { config: { interval }, verdict } = script;
    const { healthy } = this.#of({ node: watcher.agent.host.name, kind: "script", name });
    if (verdict.healthy === healthy && verdict.streak === 0) return;
    script.planned = true;
    const passed = Math.max(0, now - watcher.since);
    const runs = later ? Math.floor(passed / interval) + 1 : Math.ceil(passed / interval);
    this.agenda.once(watcher.since + runs * interval, "host", (at) => {
      script.planned = false;
      watcher.agent.told((told) => this.#run(watcher, name, told), at);
    });
  }

  #run(watcher: Watcher, name: string, now: Micros): void {
    const { config, verdict } = watcher.scripts.get(name)!;
    const node = watcher.agent.host.name;
    const { healthy } = this.#of({ node, kind: "script", name });
    const { rise, fall, start_failed: startFailed } = config;
    const reason = healthy ? "exit 0" : "exit 1";
    observe(verdict, { rise, fall, startFailed }, { healthy, reason }, now);
    if (verdict.healthy !== null) {
      this.#found(watcher, "script", {
        name,
        healthy: verdict.healthy,
        reason: verdict.reason,
      }, now);
    }
    this.#plan(watcher, name, now, true);
  }

  #tell(watcher: Watcher, thing: ThingName, now: Micros): void {
    const { kind, name } = thing;
    const { healthy, value } = this.#of(thing);
    const reason = kind === "file" ? `${value}` : healthy ? "there" : "failed";
    const more = kind === "file" ? { value } : {};
    watcher.agent.told((told) => {
      this.#found(watcher, kind, { name, healthy, reason, ...more }, told);
    }, now);
  }

  #found(
    { agent }: Watcher,
    kind: TrackerKind,
    finding: Omit<TrackerFinding, "kind" | "namespace">,
    now: Micros,
  ): void {
    const node = agent.host.name;
    const { name, healthy, reason } = finding;
    const span = { node, kind, name, healthy, reason };
    this.journal.trackers.set(`${node} ${kind} ${name}`, span, now);
    const namespaces = new Set(
      [...agent.machines.values()].map(({ config }) => trackedIn(kind, config.namespace)),
    );
    for (const namespace of namespaces) agent.found({ ...finding, kind, namespace }, now);
  }
}

/** What the routers of an agent track, each thing once. */
export function usesOf({ plan }: Agent): { readonly kind: TrackerKind; readonly name: string }[] {
  const uses = new Map(
    plan.routers.flatMap(({ trackers }) =>
      trackers.map(({ kind, name }) => [`${kind}/${name}`, { kind, name }] as const)
    ),
  );
  return [...uses.values()];
}
