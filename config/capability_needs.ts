/**
 * What of a site takes which capability (capabilities(7)): the one table of it, from which `check`,
 * the agent's start and the documentation are made.
 *
 * @module
 */

import type { Report } from "./finding.ts";
import type { SiteConfig } from "./schema.ts";
import { endpointText } from "../mod/ip/mod.ts";
import { realServerTarget } from "./notify_checks.ts";
import { descend, isWritten, keyPlace, type Path, type TableNode } from "./tree.ts";
import type { ScriptUser } from "./users.ts";

/** Something that an agent does, and what it takes. */
export interface Feature {
  /** In words, as the subject of a sentence. */
  readonly what: string;
  /** What of a site asks for it. */
  readonly keys: string;
  readonly capabilities: readonly string[];
  /** What becomes of it without. */
  readonly without: string;
  /** The agent does not start, or something of the site does not work: `check` refuses. */
  readonly refused: boolean;
}

/** All of them. The order is that of the documentation. */
export const FEATURES = {
  agent: {
    what: "every agent",
    keys: "all",
    capabilities: ["cap_net_admin", "cap_net_raw"],
    without: "the agent does not start (exit code 4)",
    refused: true,
  },
  realtime: {
    what: "real-time scheduling, the kernel plane's preference, and `cpus`",
    keys: '`agent.realtime.policy`, unless `"other"`',
    capabilities: ["cap_sys_nice"],
    without: "adverts and BFD share the processors with ordinary programs; a warning in the log",
    refused: false,
  },
  memory: {
    what: "locked memory",
    keys: "`agent.realtime.lock_memory`, unless `false`",
    capabilities: ["cap_ipc_lock"],
    without: "as much is locked as the limit allows (`LimitMEMLOCK`); a warning in the log",
    refused: false,
  },
  scripts: {
    what: "programs as another user",
    keys: "`agent.script_user`, and `user` of a script, check, hook or notification",
    capabilities: ["cap_setgid", "cap_setuid"],
    without:
      "the program is not started; without these keys it runs as the agent's own user, and " +
      "not at all where that is root",
    refused: true,
  },
  killing: {
    what: "an end to such a program that does not end in time",
    keys: "the same",
    capabilities: ["cap_kill"],
    without: "it hangs on, and the next one is started beside it; a warning in the log",
    refused: true,
  },
  fifos: {
    what: "a FIFO that belongs to another user",
    keys:
      "`agent.notify.fifo_user` (else `agent.script_user`), where there is a `fifo` or `json_fifo`",
    capabilities: ["cap_chown", "cap_setgid", "cap_setuid"],
    without:
      "the FIFO is not made, or cannot be written to; without these keys it belongs to the " +
      "agent's own user, unless that is root",
    refused: true,
  },
  ports: {
    what: "a port below 1024",
    keys: "`agent.http.listen`, `bind_port` of a check",
    capabilities: ["cap_net_bind_service"],
    without: "the port is not to be had",
    refused: true,
  },
  namespaces: {
    what: "another network namespace",
    keys: "`namespace` of the agent, a router, a session, IPVS",
    capabilities: ["cap_sys_admin", "cap_dac_read_search"],
    without: "the agent does not start, or does not work in that namespace",
    refused: true,
  },
} as const satisfies Readonly<Record<string, Feature>>;

export type FeatureName = keyof typeof FEATURES;

/** Something that a site asks for, and where it does. */
export interface Need {
  readonly feature: FeatureName;
  /** Steps from the top of the site to the key; empty: the site as a whole. */
  readonly path: Path;
  /** As whom: who is that user already needs nothing for it. */
  readonly user?: ScriptUser;
}

/** Whom programs run as, and FIFOs belong to, where nothing else is written. */
const SCRIPT_USER: Path = ["agent", "script_user"];

/** Ports below need a privilege. */
const FIRST_FREE_PORT = 1024;

/** What a site asks for, of an agent that is none of the users it names. */
export function needsOf(site: SiteConfig): Need[] {
  const needs: Need[] = [{ feature: "agent", path: [] }];
  const { realtime, http } = site.agent;
  if (realtime.policy !== "other") {
    needs.push({ feature: "realtime", path: ["agent", "realtime", "policy"] });
  }
  if (realtime.lock_memory) {
    needs.push({ feature: "memory", path: ["agent", "realtime", "lock_memory"] });
  }
  if (http !== undefined && "port" in http.listen && http.listen.port < FIRST_FREE_PORT) {
    needs.push({ feature: "ports", path: ["agent", "http", "listen"] });
  }
  for (const { value, path } of leavesOf(site)) {
    const key = path.at(-1);
    if (key === "namespace" && typeof value === "string") {
      needs.push({ feature: "namespaces", path });
    } else if (key === "bind_port" && typeof value === "number" && value < FIRST_FREE_PORT) {
      if (value > 0) needs.push({ feature: "ports", path });
    }
  }
  const { agent, targets, fifo_user } = site.notifications;
  if ([agent, ...targets].some(({ fifo, json_fifo }) => (fifo ?? json_fifo) !== undefined)) {
    needs.push({ feature: "fifos", path: ["agent", "notify", "fifo_user"], user: fifo_user });
  }
  const programs = programsOf(site);
  return [
    ...needs,
    ...programs.map((one): Need => ({ feature: "scripts", ...one })),
    ...programs.map((one): Need => ({ feature: "killing", ...one })),
  ];
}

/** Whether the site starts programs that keep what root has. */
export function runsAsRoot(site: SiteConfig): boolean {
  return programsOf(site).some(({ user }) => user.uid === 0);
}

/** The capabilities of these needs. */
export function capabilitiesOf(needs: readonly Need[]): Set<string> {
  return new Set(needs.flatMap(({ feature }): readonly string[] => FEATURES[feature].capabilities));
}

/** Tables in which a notification's target stands. */
const TARGETS = {
  INSTANCE: "vrrp",
  GROUP: "sync_group",
  BFD: "bfd",
  VS: "virtual_server",
} as const;

/** All programs of a site, by who runs them. */
function programsOf(site: SiteConfig): { readonly path: Path; readonly user: ScriptUser }[] {
  const { notifications, agent: _, ...rest } = site;
  const found: { path: Path; user: ScriptUser }[] = [];
  for (const { value, path } of leavesOf(rest)) {
    if (path.at(-1) === "user" && isUser(value)) found.push({ path, user: value });
  }
  for (const { type, name, user } of notifications.targets) {
    found.push({ path: [...tableOf(site, type, name), "notify", "user"], user });
  }
  for (const key of ["startup_script", "shutdown_script"] as const) {
    const hook = notifications[key];
    if (hook !== undefined) found.push({ path: ["agent", key, "user"], user: hook.user });
  }
  const { fifo_script, json_fifo_script } = notifications.agent;
  if ((fifo_script ?? json_fifo_script) !== undefined) {
    found.push({ path: SCRIPT_USER, user: notifications.script_user });
  }
  return found;
}

/** Where the table stands whose notifications these are. */
function tableOf(site: SiteConfig, type: keyof typeof TARGETS | "RS", name: string): Path {
  if (type !== "RS") {
    return [
      TARGETS[type],
      site[TARGETS[type]].findIndex((one) => one.name === name),
    ];
  }
  for (const [at, server] of site.virtual_server.entries()) {
    const index = server.real_server.findIndex(({ address }) =>
      realServerTarget(server.name, endpointText(address)) === name
    );
    if (index >= 0) return ["virtual_server", at, "real_server", index];
  }
  return [];
}

function isUser(value: unknown): value is ScriptUser {
  return typeof value === "object" && value !== null && "uid" in value && "gid" in value;
}

/** Every value that is no table or list, and every user, with the way to it. */
function* leavesOf(value: unknown, path: Path = []): Generator<{ value: unknown; path: Path }> {
  if (typeof value !== "object" || value === null || isUser(value)) yield { value, path };
  else if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) yield* leavesOf(item, [...path, at]);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const [key, item] of Object.entries(value)) yield* leavesOf(item, [...path, key]);
  }
}

/**
 * Reports what a site asks for that takes more than an agent will have: an error where something
 * would not work, a warning where it would work less well, or does where the agent is root.
 *
 * @param root the tree that the site was made of
 */
export function checkCapabilities(
  site: SiteConfig,
  root: TableNode,
  capabilities: ReadonlySet<string>,
  report: Report,
): void {
  const told = new Set<string>();
  for (const need of needsOf(site)) {
    const { feature, user } = need;
    const { what, without, refused, capabilities: wanted }: Feature = FEATURES[feature];
    const missing = wanted.filter((one) => !capabilities.has(one));
    if (missing.length === 0) continue;
    const at = placeOf(root, need);
    const key = `${feature} ${at?.join(".") ?? ""}`;
    if (told.has(key)) continue;
    told.add(key);
    // As root an agent becomes root without any; as another one it stays what it is, by default.
    const perhaps = user?.uid === 0 ? ", unless it is root itself" : "";
    report({
      // Or it is so by default.
      place: at === undefined
        ? { source: root.source, line: 0, column: 0, length: 0 }
        : keyPlace(descend(root, at)),
      ...(refused && perhaps === "" && user?.assumed !== true ? {} : { severity: "warning" }),
      message: `${what[0]!.toUpperCase()}${what.slice(1)}: that takes ` +
        `${missing.join(", ").toUpperCase()}, which the agent will not have${perhaps}: ${without}`,
      advice: "give the agent that capability (AmbientCapabilities= of the unit, --cap-add of a " +
        "container), or leave this out",
    });
  }
}

/** Where a need is written: at its place, or, of a user, for all; undefined: nowhere. */
function placeOf(root: TableNode, { path, user }: Need): Path | undefined {
  return [path, ...(user === undefined ? [] : [SCRIPT_USER])].find((one) => isWritten(root, one));
}
