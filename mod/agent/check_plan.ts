/**
 * From the checks of a site to what each plane runs. A check with a name is one; checks of servers
 * that ask the same of the same are one, too. Pure, as all planning.
 *
 * A check with credentials has them in its plan: that goes to the plane that runs it and nowhere
 * else, and is neither kept nor shown.
 *
 * @module
 */

import {
  addressOf,
  askedOf,
  type CheckConfig,
  type CheckedServer,
  needsRuntime,
  portOf,
  question,
  type SiteConfig,
} from "../../config/mod.ts";
import { sha256 } from "../../config/sha256.ts";
import { type ServerUse, serverUses } from "./check_names.ts";
import type { SocketSource, SocketTarget } from "../check/drivers/open.ts";
import type { CheckSettings } from "../check/mod.ts";
import type { SocketTask } from "../check/task.ts";
import type { KernelCheck, SessionCheck } from "../plane/checks.ts";
import { type RuntimeJob, runtimeJob, socketTask, sourceOf } from "./check_tasks.ts";
import { planForwarding } from "./forwarding_plan.ts";

/** Limits of what is not given, microseconds. */
const LONGEST_TIMEOUT = 5_000_000;
const LONGEST_RETRY = 1_000_000;
const LONGEST_WARMUP = 1_000_000;

/** A check as control runs it. */
export interface ControlCheck extends CheckSettings {
  readonly job: RuntimeJob;
  /** A virtual router tracks it. */
  readonly tracked: boolean;
  /** A real server lives by it. */
  readonly served: boolean;
}

/** What status and log say of a check. */
export interface CheckIdentity {
  readonly id: string;
  readonly type: CheckConfig["type"];
  /** A `[[check]]`. */
  readonly named: boolean;
  /** Whom it asks, in words; empty: this host. */
  readonly asked: string;
}

/** All checks, by the plane that runs them. */
export interface ChecksPlan {
  readonly identities: readonly CheckIdentity[];
  readonly kernel: readonly KernelCheck[];
  readonly control: readonly ControlCheck[];
  readonly protocol: readonly SessionCheck[];
}

/** Of a site without checks. */
export const NO_CHECKS: ChecksPlan = { identities: [], kernel: [], control: [], protocol: [] };

interface Planned {
  readonly check: CheckConfig;
  /** Where it stands; absent: it has a name. */
  readonly server?: CheckedServer;
  /** See `question`. */
  readonly target: string;
  readonly named: boolean;
}

/**
 * All checks of a site.
 *
 * @param servers whose checks count beside those that have a name
 */
export function planChecks(
  site: SiteConfig,
  servers: readonly ServerUse[] = serverUses(site),
): ChecksPlan {
  const tracks = [...site.vrrp, ...site.sync_group].flatMap(({ track }) => track.checks);
  const tracked = new Set(tracks.map(({ name }) => name));
  const served = new Set(servers.flatMap(({ ids }) => ids));
  const all = new Map<string, Planned>();
  for (const check of site.check) {
    all.set(check.name, { check, target: question(check, undefined), named: true });
  }
  for (const { server, inline } of servers) {
    for (const { id, check, target } of inline) {
      all.set(id, { check, server, target, named: false });
    }
  }
  const { marks } = planForwarding(site);
  const plan = {
    identities: [] as CheckIdentity[],
    kernel: [] as KernelCheck[],
    control: [] as ControlCheck[],
    protocol: [] as SessionCheck[],
  };
  for (const [id, { check, server, target, named }] of all) {
    plan.identities.push({ id, type: check.type, named, asked: askedOf(check, server) });
    if (check.type === "bfd") {
      plan.protocol.push({ check: id, session: check.session ?? "" });
      continue;
    }
    const settings = settingsOf(id, check, target);
    const source = sourceOf(check, server, site, marks);
    const task = needsRuntime(check) ? null : socketTask(check, server, site);
    if (task === null) {
      const job = runtimeJob(check, server, site, source);
      plan.control.push({ ...settings, job, tracked: tracked.has(id), served: served.has(id) });
    } else {
      const end = endOf(check, server, task, source);
      plan.kernel.push({ ...settings, task, end, tracked: tracked.has(id) });
    }
  }
  return plan;
}

function settingsOf(id: string, check: CheckConfig, target: string): CheckSettings {
  const { interval, rise, fall, hold_down: holdDown, damping, start_failed } = check;
  return {
    id,
    timing: {
      interval,
      timeout: check.timeout ?? Math.min(interval, LONGEST_TIMEOUT),
      retryInterval: check.retry_interval ?? Math.min(interval, LONGEST_RETRY),
      warmup: check.warmup ?? Math.min(interval, LONGEST_WARMUP),
    },
    target,
    jitter: parseInt(sha256(id).slice(0, 8), 16) / 2 ** 32,
    verdict: {
      rise,
      fall,
      holdDown,
      damping: damping === undefined ? null : {
        suppress: damping.suppress,
        reuse: damping.reuse,
        halfLife: damping.half_life,
        longest: damping.longest,
      },
    },
    initial: start_failed ? "down" : "up",
  };
}

function endOf(
  check: CheckConfig,
  server: CheckedServer | undefined,
  task: SocketTask,
  source: SocketSource,
): SocketTarget {
  const { type } = task;
  const tcp = type !== "udp" && type !== "ping" &&
    !(type === "dns" && task.settings.protocol === "udp");
  return {
    transport: tcp ? "tcp" : type === "ping" ? "ping" : "udp",
    address: addressOf(check, server) ?? "",
    port: portOf(check, server) ?? 0,
    // The interface that it is bound to says which of the link-local addresses is meant.
    scope: 0,
    ...source,
  };
}
