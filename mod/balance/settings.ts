/**
 * What is wanted of virtual servers, as the balancer's machine needs it: everything about the
 * kernel's tables is a value of `mod/ipvs`, a check is known by the id of its verdict, a virtual
 * router by the name of what the kernel plane holds for it.
 *
 * Durations are whole microseconds.
 *
 * @module
 */

import type { Require } from "../check/mod.ts";
import type { Listen, RealServer, ServiceSettings } from "../ipvs/mod.ts";

/** A real server of one virtual server. */
export interface RealServerSettings {
  /** As the operator writes it, unique within its virtual server: `198.51.100.11:8080`. */
  readonly name: string;
  /** With the configured weight, 0 to 65535. */
  readonly server: RealServer;
  /** Ids of the checks that say whether it is up; none: it is. */
  readonly checks: readonly string[];
  readonly require: Require;
  /** What becomes of it in the table while it is down. */
  readonly onFailure: "remove" | "weight-zero";
  /** It is down until its checks have passed (keepalived's alpha); otherwise up until they fail. */
  readonly startDown: boolean;
  /** From its return to its full weight; 0: at once. */
  readonly slowStart: number;
  /** Longest time that a drain waits for its connections; 0: as long as they last. */
  readonly drainTimeout: number;
}

/** Takes over while the quorum is lost. */
export interface SorryServerSettings {
  readonly server: RealServer;
  /** It stays in the table with weight 0 while it is not needed. */
  readonly inhibit: boolean;
}

/** One virtual server. */
export interface VirtualServerSettings {
  /** Unique. */
  readonly name: string;
  /** Where it listens: each address or mark becomes a service of the kernel's. */
  readonly listen: readonly Listen[];
  /** Settings of each of these services. */
  readonly service: ServiceSettings;
  /**
   * It is in the table only while one of these is held (the holdings of the virtual router that it
   * follows); empty: always.
   */
  readonly follow: readonly string[];
  /** Total weight of servers that are up which is needed; at least 1. */
  readonly quorum: number;
  /** Met at quorum + hysteresis, lost below quorum − hysteresis; less than the quorum. */
  readonly hysteresis: number;
  readonly sorryServer: SorryServerSettings | null;
  /** Its addresses are held on an interface while the quorum is met. */
  readonly announce: boolean;
  readonly servers: readonly RealServerSettings[];
}
