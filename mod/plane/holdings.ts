/**
 * What is held while a router is master, or while the agent runs: addresses, routes, rules. Plain
 * data, as everything in `messages.ts`; interfaces by name, since they may come later.
 *
 * @module
 */

import type { AnnouncePlan } from "./announcements.ts";
import type { RouteForm, RuleForm } from "../netlink/mod.ts";

/** One virtual address as the kernel plane holds it. */
export interface HeldAddress {
  /** Canonical text, of either family. */
  readonly address: string;
  /**
   * As configured, for display and for a connected route of our own; installed as /32 or /128.
   */
  readonly prefixLength: number;
  /** Interface that carries it. */
  readonly interface: string;
  /** IFA_LABEL; absent: none. */
  readonly label?: string;
  /** It is not in the adverts. */
  readonly excluded?: true;
  /** RT_SCOPE_…, IPv4 only; absent: what the address suggests. */
  readonly scope?: number;
  /** The other end of a point-to-point link; the kernel makes a route to it. */
  readonly peer?: string;
  /** IPv4 only; absent: none. */
  readonly broadcast?: string;
  /** IPv6: new connections may choose it as their source. IPv4 addresses always are preferred. */
  readonly preferred?: true;
}

/** A route that moves with mastership. */
export type HeldRoute = RouteForm<string>;

/** A rule that moves with mastership. */
export type HeldRule = RuleForm;

/** What became of a router's routes or rules, in words of `ip`. */
export interface ObjectReport {
  readonly present: readonly string[];
  readonly failed: readonly { readonly text: string; readonly reason: string }[];
}

/** An interface of a router's own that carries its addresses: that of its virtual MAC. */
export interface VirtualLink {
  readonly name: string;
  /** Name of the interface it lies upon. */
  readonly base: string;
  readonly type: "macvlan" | "ipvlan";
  /** `aa:bb:cc:dd:ee:ff`; absent: an ipvlan has that of its base. */
  readonly mac?: string;
}

/** What is not as it should be with what a router holds, though it holds it. */
export interface HoldingTrouble {
  /** Why the addresses are open though nothing should be accepted; absent: as it should be. */
  readonly open?: string;
  /** What is wrong with the interface of the virtual MAC, in words; absent: nothing. */
  readonly virtualMacProblem?: string;
  /** Who else says that it has an address, and since when we know; absent: nobody. */
  readonly duplicates?: readonly {
    readonly address: string;
    readonly mac: string;
    readonly since: number;
  }[];
}

/** One virtual router, as the kernel plane needs it. */
export interface KernelRouter {
  /** Unique name from site.toml. */
  readonly name: string;
  /** Index into the mastership words of the shared memory (see `shared.ts`). */
  readonly slot: number;
  readonly namespace: string;
  readonly addresses: readonly HeldAddress[];
  /** Added after the addresses, removed before them. Absent: none. */
  readonly routes?: readonly HeldRoute[];
  readonly rules?: readonly HeldRule[];
  /** Held as long as the agent runs, without leases: nobody says hold or drop. */
  readonly always?: true;
  /**
   * The kernel plane's balancer says hold and drop (the addresses that a virtual server announces),
   * and leases are refreshed while that plane turns. Absent: the protocol plane does.
   */
  readonly decidedBy?: "balancer";
  /** Whole seconds that the kernel keeps the addresses without us; 0: for ever (`"off"`). */
  readonly lease: number;
  readonly announce: AnnouncePlan;
  /** Interfaces that exist for this router, and are up while it holds its addresses. */
  readonly virtualLinks?: readonly VirtualLink[];
  /** Packets to the addresses are dropped (Accept_Mode); absent: they are taken. */
  readonly accept?: false;
  /** The interfaces of the addresses keep other addresses when the first one goes. */
  readonly promoteSecondaries?: true;
}
