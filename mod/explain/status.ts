/**
 * What of the status document (CONTRACT.md section 3) an explanation needs. Whatever has more fits.
 *
 * @module
 */

export interface ExplainedTracker {
  readonly name: string;
  readonly kind: string;
  readonly healthy: boolean;
  readonly contribution: number;
  readonly reason: string;
  readonly fault: boolean;
}

export interface ExplainedRouter {
  readonly name: string;
  readonly interface: string;
  readonly state: string;
  readonly since: string;
  readonly waiting_for: readonly string[];
  readonly releasing: boolean;
  readonly priority: number;
  readonly effective_priority: number;
  readonly preempt: boolean;
  readonly override: { readonly kind: string; readonly until: string | null } | null;
  readonly sync_group: string | null;
  readonly takeover: { readonly in_ms: number; readonly reason: string } | null;
  readonly trackers: readonly ExplainedTracker[];
  readonly addresses: readonly string[];
  readonly addresses_failed: readonly { readonly address: string; readonly reason: string }[];
  readonly duplicate_holders: readonly { readonly address: string; readonly mac: string }[];
  readonly virtual_mac_problem: string | null;
  readonly repairs: number;
  readonly sessions: readonly {
    readonly family: string;
    readonly source: string | null;
    readonly master: { readonly address: string; readonly priority: number } | null;
    readonly master_down_interval_ms: number;
    readonly peers: readonly {
      readonly address: string;
      readonly last_heard: string;
      readonly priority: number;
    }[];
    readonly authentication: { readonly alarm?: string | null } | null;
    readonly counters: { readonly dropped: Readonly<Record<string, number>> };
  }[];
}

export interface ExplainedGroup {
  readonly name: string;
  readonly state: string;
  readonly since: string;
  readonly need: string | number;
  readonly members: readonly string[];
  readonly override: { readonly kind: string; readonly until: string | null } | null;
}

export interface ExplainedSession {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly waiting_for: readonly string[];
  readonly peer: string;
  readonly interface: string | null;
  readonly since: string;
  readonly transitions: number;
  readonly remote_diagnostic: string;
  readonly detection_time_ms: number | null;
}

export interface ExplainedCheck {
  readonly name: string | null;
  readonly id: string;
  readonly type: string;
  readonly target: string | null;
  readonly healthy: boolean | null;
  readonly since: string | null;
  readonly reason: string;
  readonly last_failure: { readonly at: string; readonly reason: string } | null;
  readonly last_probe: string | null;
  readonly output: string;
  readonly held: string | null;
}

export interface ExplainedRealServer {
  readonly address: string;
  readonly state: string;
  readonly reason: string;
  readonly since: string | null;
  readonly weight: number;
  readonly effective_weight: number;
  readonly override: number | null;
  readonly drain: {
    readonly since: string;
    readonly until: string | null;
    readonly done: boolean;
  } | null;
  readonly checks: readonly ExplainedCheck[];
}

export interface ExplainedServer {
  readonly name: string;
  readonly active: boolean;
  readonly follow: readonly string[] | string | null;
  readonly quorum: {
    readonly required: number;
    readonly hysteresis: number;
    readonly current: number;
    readonly met: boolean;
  };
  readonly since: string | null;
  readonly sorry_server: string | null;
  readonly sorry_server_active: boolean;
  readonly list_problem: string | null;
  readonly real_servers: readonly ExplainedRealServer[];
}

export interface ExplainedStatus {
  readonly started: string;
  readonly vrrp: readonly ExplainedRouter[];
  readonly sync_groups: readonly ExplainedGroup[];
  readonly bfd: readonly ExplainedSession[];
  readonly checks: readonly ExplainedCheck[];
  readonly virtual_servers: readonly ExplainedServer[];
  readonly ipvs: { readonly trouble: string | null; readonly failures: readonly string[] } | null;
  readonly interfaces: readonly {
    readonly name: string;
    readonly dropped: Readonly<Record<string, number>>;
  }[];
  readonly realtime: {
    readonly stalls: readonly { readonly at: string; readonly late_us: number }[];
  };
}
