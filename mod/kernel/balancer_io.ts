/**
 * What the balancer needs of the world: a clock, ways to the kernel's load balancer, settings, and
 * who hears of it.
 *
 * @module
 */

import type { MarkTableName } from "../netlink/mod.ts";
import type { EventId, KernelToControl } from "../plane/messages.ts";
import type { TrackerFinding } from "../plane/trackers.ts";
import type { FirewallIo, KernelIo } from "./io.ts";
import type { IpvsIo } from "./ipvs_io.ts";

export interface BalancerWorld extends Pick<KernelIo, "now" | "identity"> {
  /**
   * Opens a way to the load balancer of a namespace; empty: the agent's.
   *
   * @throws {MissingIpvs} where the kernel has none
   * @throws where the host has no libnl, or the namespace does not exist
   */
  openIpvs(namespace: string): IpvsIo;
  /** Opens a socket to nftables. @throws where the kernel has none */
  openFirewall(namespace: string): FirewallIo;
  /** Where marks are set, if it is not the table of `mark_table.ts`. */
  readonly markTable?: MarkTableName;
  /**
   * A setting of the namespace; undefined: this kernel does not have it.
   *
   * @param path below /proc/sys/net
   */
  readSetting(namespace: string, path: string): string | undefined;
  /** Changes a setting. @throws where the kernel refuses, or /proc/sys may not be written */
  writeSetting(namespace: string, path: string, value: string): void;
}

/** Where the balancer's messages go. */
export interface BalancerPorts {
  control(message: KernelToControl): void;
  /** To the protocol plane. */
  finding(finding: TrackerFinding): void;
  /** The addresses of a virtual server are to be held, or no longer. */
  hold(holding: string, epoch: number, cause: EventId): void;
  drop(holding: string, cause: EventId): void;
}
