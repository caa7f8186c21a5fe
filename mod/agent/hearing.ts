/**
 * What the planes say, and who gets it: questions their answers, the flight recorder its steps,
 * successors their memory, users their notifications.
 *
 * @module
 */

import { BalanceParts } from "../plane/balance_parts.ts";
import type { BfdChanged } from "../plane/bfd.ts";
import type { CheckStep } from "../plane/checks.ts";
import type { PlaneCrashed } from "../plane/crash.ts";
import type { AddressReport, KernelToControl, ProtocolToControl } from "../plane/messages.ts";
import { Assembler } from "../plane/pieces.ts";
import type { ProtocolState } from "../plane/state.ts";
import { History } from "../snmp/mod.ts";
import type { Balancing } from "./balancing.ts";
import type { Checks } from "./checks.ts";
import { FlightTap } from "./flight/tap.ts";
import { writeLog } from "./logging.ts";
import type { Notices } from "./notices.ts";
import type { PlaneListener, PlaneName } from "./planes.ts";
import type { Questions } from "./questions.ts";
import { Recorder } from "./recorder.ts";
import { Snapshots } from "./snapshots.ts";

/** Who else hears. */
export interface Hearers {
  readonly questions: Questions;
  readonly notices: Notices;
  /** The protocol plane's loop turns from now on, or no longer. */
  beats(beats: boolean): void;
  died(plane: PlaneName, reason: string, stack: string): void;
  balancing(): Pick<Balancing, "step" | "note">;
  checks(): Pick<Checks, "step">;
}

export class Hearing implements PlaneListener {
  readonly snapshots = new Snapshots();
  /** What the kernel plane holds, by router. */
  readonly reports = new Map<string, AddressReport>();
  readonly recorder = new Recorder();
  /** What of it people ask about. */
  readonly flight = new FlightTap();
  /** Where steps of checks go, whichever plane runs them. */
  readonly steps = {
    push: (step: CheckStep): void => {
      this.recorder.push(step);
      this.flight.check(step);
    },
  };
  /** What each BFD session has told last. */
  readonly bfd = new Map<string, BfdChanged>();
  /** What MIBs count. */
  readonly history = new History();
  readonly #hearers: Hearers;
  readonly #parts = new BalanceParts();
  readonly #state = new Assembler<ProtocolState>(true);

  constructor(hearers: Hearers) {
    this.#hearers = hearers;
  }

  /** Forgets all routers but these. @param statics whose reports stay, too: `[static]`'s */
  keep(names: ReadonlySet<string>, statics?: string): void {
    this.snapshots.keep(names);
    this.history.keep(names);
    for (const name of this.reports.keys()) {
      if (!names.has(name) && name !== statics) this.reports.delete(name);
    }
  }

  fromProtocol(message: Exclude<ProtocolToControl, PlaneCrashed>): void {
    const { questions, notices } = this.#hearers;
    this.flight.fromProtocol(message);
    switch (message.type) {
      case "snapshot":
        this.snapshots.router(message.router);
        notices.snapshot(message.router);
        break;
      case "group_snapshot":
        this.snapshots.group(message);
        notices.groupSnapshot(message.name, message.memory);
        break;
      case "step":
      case "group_step":
        if (message.type === "step") {
          this.history.step(message, this.snapshots.peersOf(message.router));
        }
        this.recorder.push(message);
        notices.step(message);
        break;
      case "priority_changed":
      case "lower_priority":
        notices.remark(message);
        break;
      case "peer":
      case "late":
        break;
      case "bfd_memory":
        this.snapshots.bfd(message.memory);
        break;
      case "bfd_changed":
        // One that ended may never come back: strangers have names, too.
        if (message.memory.session.stopped) this.bfd.delete(message.session);
        else this.bfd.set(message.session, message);
        this.snapshots.bfd(message.memory);
        this.history.bfd(message);
        notices.session(message);
        break;
      case "piece":
        this.#state.take(message);
        break;
      case "end":
        this.fromProtocol(this.#state.end(message));
        break;
      case "configured":
      case "frozen":
      case "overridden":
      case "bfd_administered":
      case "state":
      case "recorded":
        questions.answered("protocol", message);
        break;
      default:
        this.#common("protocol", message);
    }
  }

  fromKernel(message: Exclude<KernelToControl, PlaneCrashed>): void {
    this.flight.fromKernel(message);
    switch (message.type) {
      case "addresses":
        this.reports.set(message.router, message);
        break;
      case "configured":
      case "balance_ordered":
      case "checks_state":
      case "machines":
      case "recorded":
      case "way_state":
        this.#hearers.questions.answered("kernel", message);
        break;
      case "balance_part":
        this.#parts.take(message);
        break;
      case "balance_state":
        this.#hearers.questions.answered("kernel", this.#parts.join(message));
        break;
      case "interface":
      case "interface_gone":
        break;
      case "check_step":
        this.#hearers.checks().step(message);
        break;
      case "balance_note":
        this.#hearers.balancing().note(message);
        break;
      case "balance_step":
        this.recorder.push(message);
        this.#hearers.balancing().step(message);
        this.#hearers.notices.servers.step(message);
        break;
      default:
        this.#common("kernel", message);
    }
  }

  #common(
    plane: PlaneName,
    message: Extract<ProtocolToControl, { type: "log" | "ready" | "stopped" }>,
  ): void {
    if (message.type === "log") return writeLog(message);
    if (plane === "protocol") this.#hearers.beats(message.type === "ready");
    this.#hearers.questions.reached(plane, message.type);
  }

  died(plane: PlaneName, reason: string, stack: string): void {
    this.#hearers.died(plane, reason, stack);
  }
}
