/**
 * The process that the agent is: what it must be allowed, and what must not end it.
 *
 * @module
 */

import { hasCapability, lockMappings, monotonicMicros, SystemError } from "../../ffi/mod.ts";
import type { SiteConfig } from "../../config/mod.ts";
import { VERSION } from "../version.ts";
import { log } from "./logging.ts";
import { MissingPrivilege } from "./missing_privilege.ts";
import { keptFacts } from "./shedding.ts";
import { textOf } from "../text/mod.ts";

/**
 * An exception that nobody caught would end the process, and with it every address. It is a defect
 * of the control plane; the planes that hold the addresses have nothing to do with it.
 */
export function containStrayErrors(): void {
  const report = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack ?? "" : "";
    log("error", ["control"], `Internal error: ${textOf(error)}`, { stack });
  };
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    report(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    report(event.error);
  });
}

/** @throws {MissingPrivilege} when this process may not do what the agent must */
export function requirePrivileges(): void {
  for (const name of ["cap_net_admin", "cap_net_raw"]) {
    if (hasCapability(name)) continue;
    throw new MissingPrivilege(
      `halb needs ${name.toUpperCase()}: run it as root, ` +
        `or with AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_NICE`,
    );
  }
}

/** The first line of an agent's log. @param path of its configuration */
export function logStart(site: SiteConfig, path: string): void {
  const facts = { config: path, ...keptFacts(site) };
  log("info", ["control"], `halb ${VERSION} starts as ${site.agent.name}`, facts);
}

/** Memory that is not locked is a risk, not a reason to stay down. */
export function lockMemory(): void {
  try {
    const before = monotonicMicros();
    const bytes = lockMappings();
    const took = Math.round((monotonicMicros() - before) / 1000);
    log("debug", ["control"], "Locked memory", { bytes, milliseconds: took });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log("warning", ["control"], `Cannot lock memory: ${error.message}`);
  }
}
