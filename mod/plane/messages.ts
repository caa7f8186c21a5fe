/**
 * What the three planes say to each other.
 *
 * Everything here is plain data that survives a structured clone: the flight recorder can store
 * it and a test can write it by hand. Each event and effect has an `id`, unique within the plane
 * that made it (see `ids.ts`), and the id of its `cause`.
 *
 * Times are whole microseconds on CLOCK_MONOTONIC unless a name says otherwise.
 *
 * @module
 */

/** Names one event or effect: the plane's letter and a counter, such as `p:1042`. */
export type EventId = string;

/** An interface is known by namespace and index, never by its name, which may change. */
export interface InterfaceKey {
  /** Name of the network namespace; empty: the one the agent runs in. */
  readonly namespace: string;
  /** Kernel interface index, 1 or more. */
  readonly index: number;
}

/** What the kernel plane knows of one interface. */
export interface InterfaceState extends InterfaceKey {
  readonly name: string;
  /** IFF_UP: the administrator wants it up. */
  readonly up: boolean;
  /** IFF_RUNNING: there is carrier. */
  readonly running: boolean;
  /** Hardware address, `aa:bb:cc:dd:ee:ff`; empty when the device has none. */
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /**
   * The host's own IPv4 addresses in kernel order, those halb holds left out: the first one is
   * what adverts are sent from.
   */
  readonly ipv4: readonly string[];
}

/** One virtual address as the kernel plane holds it. */
export interface HeldAddress {
  /** Dotted quad. */
  readonly address: string;
  /** As configured, for display and for a connected route of our own; installed as /32. */
  readonly prefixLength: number;
  /** Interface that carries it. */
  readonly interface: string;
  /** IFA_LABEL; absent: none. */
  readonly label?: string;
}

/** How gratuitous ARP is sent for a router's addresses. */
export interface AnnouncePlan {
  /** Rounds sent at once on becoming master, 0 or more. */
  readonly repeat: number;
  /** Microseconds until the second block of `repeat` rounds; 0: no second block. */
  readonly delay: number;
  /** Microseconds between refreshes while master; 0: none. */
  readonly refresh: number;
  /** Rounds in each refresh. */
  readonly refreshRepeat: number;
  /** Microseconds between two frames on one interface; 0: no gap. */
  readonly interval: number;
}

/** One virtual router, as the kernel plane needs it. */
export interface KernelRouter {
  /** Unique name from site.toml. */
  readonly name: string;
  /** Index into the mastership words of the shared memory (see `shared.ts`). */
  readonly slot: number;
  readonly namespace: string;
  readonly addresses: readonly HeldAddress[];
  /** Whole seconds that the kernel keeps the addresses without us; 0: for ever (`"off"`). */
  readonly lease: number;
  readonly announce: AnnouncePlan;
}

// ---- control → kernel ---------------------------------------------------------------------------

/** The whole desired state. The plane compares with what it has and does only the difference. */
export interface ConfigureKernel {
  readonly type: "configure";
  readonly id: EventId;
  readonly routers: readonly KernelRouter[];
  /** Interfaces whose state is wanted by name (adverts, trackers). */
  readonly interfaces: readonly { readonly namespace: string; readonly name: string }[];
}

/** End the plane. `keep`: leave the addresses as they are; otherwise remove what it holds. */
export interface StopPlane {
  readonly type: "stop";
  readonly id: EventId;
  readonly keep: boolean;
}

/** For tests of the restart (accepted only where HALB_FAULT_INJECTION is set). */
export interface InjectFault {
  readonly type: "inject_fault";
  readonly id: EventId;
  readonly fault: "throw" | "hang";
  /** How long a `hang` spins, microseconds. */
  readonly duration?: number;
}

// ---- protocol → kernel --------------------------------------------------------------------------

/** Hold the router's addresses from now on and announce them. */
export interface HoldAddresses {
  readonly type: "hold";
  readonly id: EventId;
  readonly cause: EventId;
  readonly router: string;
  /** The word that must stand in the router's mastership slot for a lease to be refreshed. */
  readonly epoch: number;
}

/** Remove the router's addresses. */
export interface DropAddresses {
  readonly type: "drop";
  readonly id: EventId;
  readonly cause: EventId;
  readonly router: string;
}

/** Announce the held addresses again, e.g. after a losing advert was answered. */
export interface AnnounceAddresses {
  readonly type: "announce";
  readonly id: EventId;
  readonly cause: EventId;
  readonly router: string;
}

export type ToKernel =
  | ConfigureKernel
  | StopPlane
  | InjectFault
  | HoldAddresses
  | DropAddresses
  | AnnounceAddresses;

// ---- kernel → protocol --------------------------------------------------------------------------

/** State of an interface, at start and at every change. */
export interface InterfaceChanged {
  readonly type: "interface";
  readonly id: EventId;
  readonly state: InterfaceState;
}

/** An interface is gone; the same name may come back with another index. */
export interface InterfaceGone {
  readonly type: "interface_gone";
  readonly id: EventId;
  readonly key: InterfaceKey;
  readonly name: string;
}

export type KernelToProtocol = InterfaceChanged | InterfaceGone;

// ---- kernel → control ---------------------------------------------------------------------------

/** Answer to `configure`. */
export interface Configured {
  readonly type: "configured";
  readonly id: EventId;
  readonly cause: EventId;
  /** What was done, in words, one line each; empty where nothing differed. */
  readonly changes: readonly string[];
}

/** What the plane holds now, sent after each change: for status and for the snapshot. */
export interface AddressReport {
  readonly type: "addresses";
  readonly id: EventId;
  readonly cause: EventId;
  readonly router: string;
  readonly wanted: boolean;
  /** Addresses seen on their interface. */
  readonly present: readonly string[];
  /** Addresses that could not be added: what and why, in words. */
  readonly failed: readonly { readonly address: string; readonly reason: string }[];
  /** Times that an address which somebody else removed was put back. */
  readonly repairs: number;
  readonly announcements: number;
}

/** A log record from a synchronous plane; control writes it. Rate-limited at the source. */
export interface LogRecord {
  readonly type: "log";
  readonly level: "debug" | "info" | "warning" | "error";
  /** Such as `["vrrp", "web"]` or `["kernel"]`. */
  readonly category: readonly string[];
  readonly message: string;
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
  /** Like records that were left out since the last one of this kind. */
  readonly suppressed?: number;
}

/** The plane has ended in order. */
export interface PlaneStopped {
  readonly type: "stopped";
  readonly id: EventId;
}

/** The plane's loop runs and takes messages. */
export interface PlaneReady {
  readonly type: "ready";
  readonly id: EventId;
}

export type KernelToControl =
  | Configured
  | AddressReport
  | LogRecord
  | PlaneReady
  | PlaneStopped
  | InterfaceChanged
  | InterfaceGone;
