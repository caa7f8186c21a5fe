/**
 * What the balancer needs of the world: a clock, ways to the kernel's load balancer, settings.
 *
 * @module
 */

import type { KernelIo } from "./io.ts";
import type { IpvsIo } from "./ipvs_io.ts";

export interface BalancerWorld extends Pick<KernelIo, "now" | "identity"> {
  /**
   * Opens a way to the load balancer of a namespace; empty: the agent's.
   *
   * @throws {MissingIpvs} where the kernel has none
   * @throws where the host has no libnl, or the namespace does not exist
   */
  openIpvs(namespace: string): IpvsIo;
  /**
   * A setting of the namespace; undefined: this kernel does not have it.
   *
   * @param path below /proc/sys/net
   */
  readSetting(namespace: string, path: string): string | undefined;
  /** Changes a setting. @throws where the kernel refuses, or /proc/sys may not be written */
  writeSetting(namespace: string, path: string, value: string): void;
}
