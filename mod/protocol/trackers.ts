/**
 * What is known of tracked things, and what that means for a virtual router. Findings come in as
 * they are made; a change counts when it has lasted as long as the thing's delays want.
 *
 * @module
 */

import {
  trackedIn,
  type TrackerDelays,
  type TrackerFinding,
  trackerKey,
  type TrackerMemory,
  type TrackerName,
  type TrackerUse,
} from "../plane/trackers.ts";
import type { TrackerReport } from "../plane/state.ts";
import {
  contribution,
  createSettling,
  type Delays,
  evaluateTrackers,
  find,
  isFault,
  settleDown,
  type Settling,
  type Tracker,
} from "../vrrp/mod.ts";

const AT_ONCE: Delays = { up: 0, down: 0 };
/** What is said of a thing that nobody has found yet. */
const UNKNOWN = "no result yet";

interface Entry {
  readonly thing: TrackerName;
  readonly settling: Settling;
  value: number | undefined;
}

/** What the trackers of one router come to. */
export interface Judgement {
  /** As far as they are known. */
  readonly trackers: readonly Tracker[];
  readonly reports: readonly TrackerReport[];
  /** Sum of what they add to the priority. */
  readonly contribution: number;
  /** What nobody knows yet and the router must wait for, in words. */
  readonly unknown: readonly string[];
  /** What keeps the router out of the election, in words. */
  readonly waitingFor: readonly string[];
}

export class TrackerTable {
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Set<Entry>();
  #delays: ReadonlyMap<string, Delays> = new Map();
  /** Keys of what a router tracks: a thousand texts are not made anew with each look at it. */
  readonly #keys = new WeakMap<readonly TrackerUse[], { namespace: string; keys: string[] }>();

  /** When `settle` should be called; `Infinity`: nothing is waited for. */
  get deadline(): number {
    let deadline = Infinity;
    for (const { settling } of this.#pending) {
      deadline = Math.min(deadline, settling.pending?.at ?? Infinity);
    }
    return deadline;
  }

  /** Delays from now on; what is waited for already keeps its time. */
  configure(delays: readonly TrackerDelays[]): void {
    this.#delays = new Map(delays.map((one) => [trackerKey(one), one]));
  }

  /** Takes a finding. @returns whether anything changed for those who track it */
  found(finding: TrackerFinding, now: number): boolean {
    const { kind, namespace, name, healthy, reason, value } = finding;
    const key = trackerKey(finding);
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const settling = createSettling({ healthy, reason });
      this.#entries.set(key, { thing: { kind, namespace, name }, settling, value });
      return true;
    }
    const { settling } = entry;
    const before = settling.believed;
    const newValue = entry.value !== value;
    entry.value = value;
    const turned = find(settling, this.#delays.get(key) ?? AT_ONCE, { healthy, reason }, now);
    if (settling.pending === null) this.#pending.delete(entry);
    else this.#pending.add(entry);
    return turned || newValue || settling.believed.reason !== before.reason;
  }

  /** The thing is not there any more: that counts at once, and what comes next does, too. */
  forget(thing: TrackerName): void {
    const key = trackerKey(thing);
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#pending.delete(entry);
    this.#entries.delete(key);
  }

  /** Forgets all that `isUsed` refuses, but interfaces: who tells of them does not do so twice. */
  keep(isUsed: (key: string) => boolean): void {
    for (const [key, { thing }] of this.#entries) {
      if (thing.kind !== "interface" && !isUsed(key)) this.forget(thing);
    }
  }

  /** Believes what has lasted long enough. @returns what changed */
  settle(now: number): TrackerName[] {
    const changed: TrackerName[] = [];
    for (const entry of this.#pending) {
      if (!settleDown(entry.settling, now)) continue;
      this.#pending.delete(entry);
      changed.push(entry.thing);
    }
    return changed;
  }

  /** Why the thing is not healthy; empty: it is; undefined: nobody knows. */
  fault(thing: TrackerName): string | undefined {
    return this.#fault(this.#entries.get(trackerKey(thing)));
  }

  #fault(entry: Entry | undefined): string | undefined {
    if (entry === undefined) return undefined;
    const { settling } = entry;
    if (settling.believed.healthy) return "";
    return settling.pending === null
      ? settling.believed.reason
      : `${settling.pending.finding.reason}, but not for long enough yet`;
  }

  /**
   * What `uses` come to for one router. What nobody knows yet keeps a router from beginning; one
   * that takes part already goes on without it.
   *
   * @param missing what is said of an interface that is not there
   */
  judge(
    uses: readonly TrackerUse[],
    namespace: string,
    takesPart: boolean,
    missing: string,
  ): Judgement {
    const trackers: Tracker[] = [];
    const reports: TrackerReport[] = [];
    const unknown: string[] = [];
    const keys = this.#keysOf(uses, namespace);
    for (const [i, use] of uses.entries()) {
      const { kind, name } = use;
      const entry = this.#entries.get(keys[i]!);
      const fault = this.#fault(entry);
      if (fault === undefined && kind !== "interface") {
        const report = { name, kind, healthy: false, contribution: 0, reason: UNKNOWN };
        reports.push({ ...report, fault: false });
        if (!takesPart) unknown.push(`tracked ${kind} ${name}: ${UNKNOWN}`);
        continue;
      }
      const healthy = fault === "";
      const reason = fault === undefined ? missing : healthy ? believed(entry) : fault;
      const value = entry?.value === undefined ? {} : { value: entry.value };
      const tracker: Tracker = { ...use, healthy, reason, ...value };
      trackers.push(tracker);
      const inFault = isFault(tracker);
      const added = inFault ? 0 : contribution(tracker);
      reports.push({ name, kind, healthy, contribution: added, reason, fault: inFault });
    }
    const { contribution: sum, faults } = evaluateTrackers(trackers);
    return { trackers, reports, unknown, contribution: sum, waitingFor: [...unknown, ...faults] };
  }

  #keysOf(uses: readonly TrackerUse[], namespace: string): readonly string[] {
    const known = this.#keys.get(uses);
    if (known?.namespace === namespace) return known.keys;
    const keys = uses.map(({ kind, name }) =>
      trackerKey({ kind, namespace: trackedIn(kind, namespace), name })
    );
    this.#keys.set(uses, { namespace, keys });
    return keys;
  }

  /** All that is known, for another process. */
  remember(): TrackerMemory[] {
    return [...this.#entries.values()].map(({ thing, settling, value }) => ({
      ...thing,
      believed: settling.believed,
      pending: settling.pending,
      ...(value === undefined ? {} : { value }),
    }));
  }

  /** Goes on from `memory`; what was found here meanwhile is newer. */
  restore(memory: readonly TrackerMemory[], now: number): void {
    for (const { kind, namespace, name, believed, pending, value } of memory) {
      const thing = { kind, namespace, name };
      const known = this.#entries.get(trackerKey(thing));
      const settling = { believed, pending };
      const entry = { thing, settling, value };
      this.#entries.set(trackerKey(thing), entry);
      if (known !== undefined) {
        this.#pending.delete(known);
        const newest = known.settling.pending?.finding ?? known.settling.believed;
        this.found({ ...thing, ...newest, ...valueOf(known) }, now);
      }
      if (settling.pending !== null) this.#pending.add(entry);
    }
  }
}

function valueOf({ value }: Entry): { value?: number } {
  return value === undefined ? {} : { value };
}

function believed(entry: Entry | undefined): string {
  return entry?.settling.believed.reason ?? "";
}
