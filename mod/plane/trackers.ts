/**
 * What the planes tell each other of tracked things. Whoever finds out (the kernel plane: routes and
 * addresses; control: scripts, processes, files) tells the protocol plane, which knows the routers;
 * interfaces it judges by itself.
 *
 * @module
 */

import type { Finding, Settling, TrackerKind } from "../vrrp/mod.ts";
import type { EventId } from "./messages.ts";

/** Names one tracked thing. */
export interface TrackerName {
  readonly kind: TrackerKind;
  /** Of the network namespace that the thing is in; empty: the agent's, or in none. */
  readonly namespace: string;
  /** Unique within its kind and namespace; for an interface its name. */
  readonly name: string;
}

/** How a tracked thing was found. */
export interface TrackerFinding extends TrackerName, Finding {
  /** The number in a file, in place of `healthy`. */
  readonly value?: number;
}

/** A tracked thing was found for the first time, or otherwise than before. */
export interface TrackerFound extends TrackerFinding {
  readonly type: "tracker";
  readonly id: EventId;
}

/** How long a change must last before it counts, microseconds. */
export interface TrackerDelays extends TrackerName {
  readonly up: number;
  readonly down: number;
}

/** What one router makes of a tracked thing. */
export interface TrackerUse {
  readonly kind: TrackerKind;
  readonly name: string;
  /** Added to the priority, as keepalived does; 0: failure is a fault. -253 to 253, files any. */
  readonly weight: number;
  /** The other way round; absent: not. */
  readonly reverse?: true;
}

/** What the protocol plane remembers of a tracked thing, for who goes on with it. */
export interface TrackerMemory extends TrackerName, Settling {
  readonly value?: number;
}

/** Things that exist once for each network namespace. */
const IN_NAMESPACE: readonly TrackerKind[] = ["interface", "route", "address"];

/** The namespace in which a router looks for what it tracks. */
export function trackedIn(kind: TrackerKind, namespace: string): string {
  return IN_NAMESPACE.includes(kind) ? namespace : "";
}

/** One text for each tracked thing. */
export function trackerKey({ kind, namespace, name }: TrackerName): string {
  return `${kind}/${namespace}/${name}`;
}

/** A route that the kernel plane is to look for. */
export interface WatchedRoute extends TrackerName {
  readonly kind: "route";
  /** Canonical text of the network; `0.0.0.0` or `::` for a default route. */
  readonly to: string;
  readonly prefixLength: number;
  readonly table: number;
  /** Only through this gateway; absent: through any or none. */
  readonly via?: string;
  /** Only through this interface; absent: through any. */
  readonly interface?: string;
}

/** An address that the kernel plane is to look for. */
export interface WatchedAddress extends TrackerName {
  readonly kind: "address";
  /** Canonical text. */
  readonly address: string;
  /** Only on this interface; absent: on any. */
  readonly interface?: string;
}

/** What the kernel plane is to look for. */
export type WatchedPresence = WatchedRoute | WatchedAddress;
