/**
 * The kernel plane: virtual addresses with a lease, their connected routes, announcements, the
 * state of interfaces, and the load balancer's driver. `runKernelPlane` is the loop that a Worker
 * (worker.ts) runs; `KernelPlane` is the plane without loop and sockets, for tests and simulations.
 *
 * @module
 */

export { type Announcement, Announcer, type AnnounceTarget } from "./announce.ts";
export { ConnectedRoutes } from "./connected.ts";
export {
  announcementFrame,
  type FrameSource,
  gratuitousArp,
  neighbourAdvertisement,
} from "./frames.ts";
export { backoff, Gate, type Pulse, refreshShare } from "./gate.ts";
export type { KernelIo, NamespaceIo } from "./io.ts";
export {
  type ConvergeOptions,
  IpvsDirector,
  type IpvsFailure,
  type IpvsOutcome,
  type ServiceSnapshot,
} from "./ipvs_director.ts";
export { type IpvsIo, MissingIpvs, openIpvs } from "./ipvs_io.ts";
export { LeaseBook } from "./lease.ts";
export type { LeasedAddress, LeasedRouter, LeaseEvents } from "./leased.ts";
export { runKernelPlane } from "./loop.ts";
export { describeOperation, encodeOperation, type Operation, ROUTE_METRIC } from "./operation.ts";
export { InjectedFault, KernelPlane, type KernelPlaneOptions } from "./plane.ts";
export type { KernelPorts, KernelWords } from "./ports.ts";
export { SystemIo } from "./system_io.ts";
export { NamespaceView } from "./view.ts";
export { type InterfaceNews, InterfaceWatch } from "./watch.ts";
