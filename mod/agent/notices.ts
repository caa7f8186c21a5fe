/**
 * From what the protocol plane tells to what users are told: each change of state once, whatever
 * planes die and processes follow each other.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import type { NotificationsConfig, NotifyConfig } from "../../config/mod.ts";
import type { Notice, NoticeState, SessionDetails } from "../notify/notice.ts";
import { Notifier, type NotifierStatus } from "../notify/notifier.ts";
import { sessionNotice, standingNotice } from "../notify/session_notice.ts";
import type { BfdChanged, BfdMemory } from "../plane/bfd.ts";
import type { GroupMemory, GroupStepRecord } from "../plane/groups.ts";
import type { StepRecord } from "../plane/steps.ts";
import type { LowerPriorityRemark, PriorityRemark } from "../plane/remarks.ts";
import { routerOfSession } from "../plane/sessions.ts";
import { priorityOf, type Router, type RouterStateName } from "../vrrp/mod.ts";
import { CheckTeller } from "./check_teller.ts";
import { wallTime } from "./clock.ts";
import { log } from "./logging.ts";
import type { AllServerFacts } from "./server_notices.ts";
import { ServerTeller } from "./server_teller.ts";

const STATES: Readonly<Record<RouterStateName, NoticeState>> = {
  init: "STOP",
  backup: "BACKUP",
  master: "MASTER",
  fault: "FAULT",
};

/** How the agent stands, as far as it matters here. */
export interface NoticesSurroundings {
  /** The agent's name. */
  readonly name: string;
  /** Counts configurations, from 1. */
  generation(): number;
  stopping(): boolean;
}

type Type = Notice["type"];

export class Notices {
  readonly #env: NoticesSurroundings;
  #config: NotificationsConfig;
  /** null: not our turn yet, see `start`. */
  #notifier: Notifier | null = null;
  /** What happened before it was our turn. */
  #early: Notice[] = [];
  /** FIFOs to which a former process could not write everything. */
  readonly #unread: string[] = [];
  /** What was told last of each router and group, in the order of their first notice. */
  readonly #told = new Map<string, Notice>();
  readonly #priorities = new Map<string, number>();
  /** Sessions of routers of both families that are elected by themselves, by their group. */
  readonly #lonely = new Map<string, readonly string[]>();
  /** Tables of routers that a reload takes away. */
  #leaving = new Map<string, NotifyConfig | undefined>();
  /** The same of BFD sessions. */
  #leavingSessions = new Map<string, NotifyConfig | undefined>();

  /** Hears each notice, too. */
  told: (notice: Notice) => void = () => {};
  /** Virtual and real servers. */
  readonly servers: ServerTeller;
  /** Single checks. */
  readonly checks: CheckTeller;

  constructor(config: NotificationsConfig, env: NoticesSurroundings) {
    this.#env = env;
    this.#config = config;
    this.servers = new ServerTeller(env.generation, (...notice) => this.#give(...notice));
    this.checks = new CheckTeller(env.generation, (notice) => this.#give(notice));
  }

  /** FIFOs, programs and mails are ours from now on, not another process's. */
  start(): void {
    this.#notifier ??= new Notifier(this.#config, {
      agent: this.#env.name,
      states: () =>
        [...this.#told.values(), ...this.servers.told, ...this.checks.told]
          .filter(({ state }) => state !== "STOP"),
      log: (level, names, message, properties) =>
        log(level, ["notify", ...names], message, properties),
      // What speaks TLS is loaded when there is something to say.
      sendMail: async (...mail) => {
        const { sendMail } = await import("../notify/mail_transport.ts");
        await sendMail(...mail);
      },
    });
    this.#notifier.repeatStates(this.#unread.splice(0));
    for (const notice of this.#early.splice(0)) this.#give(notice);
  }

  /** Paths of FIFOs whose readers do not know everything yet. */
  get unread(): string[] {
    return this.status.fifos.filter(({ held }) => held > 0).map(({ path }) => path);
  }

  get status(): NotifierStatus {
    return this.#notifier?.status ?? { fifos: [], mail: null };
  }

  /**
   * What a former process has told: nothing of it is told again.
   *
   * @param unread FIFOs that it held events for: their readers are told how things stand
   */
  remember(
    routers: readonly Router[],
    groups: readonly Pick<GroupMemory, "settings" | "state" | "members">[],
    unread: readonly string[],
  ): void {
    for (const group of groups) this.groupSnapshot(group.settings.name, group);
    const add = (type: Type, name: string, state: RouterStateName, priority: number): void => {
      const [time, generation] = [new Date().toISOString(), this.#env.generation()];
      const told = { previous: null, priority, cause: "as before", time, generation };
      if (state !== "init" && !this.#isLonely(name)) {
        const router = routerOfSession(name);
        this.#told.set(`${type} ${router}`, { type, name: router, state: STATES[state], ...told });
      }
    };
    for (const router of routers) {
      this.snapshot(router);
      add("INSTANCE", router.settings.name, router.state, priorityOf(router));
    }
    for (const { settings: { name }, state } of groups) {
      if (this.#isGroup(name)) add("GROUP", name, state, 0);
    }
    this.#unread.push(...unread);
    this.#notifier?.repeatStates(this.#unread.splice(0));
  }

  /** A reload begins: these names will be gone after it. @param servers that will be there */
  begin(
    config: NotificationsConfig,
    leaving: readonly string[],
    servers: AllServerFacts = new Map(),
  ): void {
    const { targets, sessions } = this.#config;
    const tables = (type: Type, names: readonly string[]) =>
      new Map(
        names.map((name) => [
          name,
          targets.find((one) => one.type === type && one.name === name),
        ]),
      );
    this.#leaving = tables("INSTANCE", leaving);
    const gone = sessions.filter((name) => !config.sessions.includes(name));
    this.#leavingSessions = tables("BFD", gone);
    this.servers.begin(servers, targets);
    this.#config = config;
    this.#notifier?.configure(config);
  }

  /** The reload is over. */
  applied(): void {
    for (const name of this.#leaving.keys()) {
      this.#told.delete(`INSTANCE ${name}`);
      this.#priorities.delete(name);
    }
    for (const [key, { type, name }] of this.#told) {
      if (type === "GROUP" && !this.#isGroup(name)) this.#told.delete(key);
    }
    for (const name of this.#leavingSessions.keys()) this.#told.delete(`BFD ${name}`);
    this.#leaving.clear();
    this.#leavingSessions.clear();
    this.servers.applied();
    this.checks.applied();
    if (this.#config.agent.states_on_reload) this.#notifier?.repeatStates();
  }

  /** What a router remembers now. */
  snapshot(router: Router): void {
    this.#priorities.set(router.settings.name, priorityOf(router));
  }

  /** What a group remembers now; null: it is no more. */
  groupSnapshot(group: string, memory: Pick<GroupMemory, "members"> | null): void {
    const lonely = memory?.members.filter((one) => one.lonely).map(({ name }) => name) ?? [];
    if (lonely.length === 0) this.#lonely.delete(group);
    else this.#lonely.set(group, lonely);
  }

  /** Of a router of both families, the sessions that are bound to each other tell its state. */
  #isLonely(session: string): boolean {
    for (const names of this.#lonely.values()) if (names.includes(session)) return true;
    return false;
  }

  /** Something happened to a router or a group; their snapshots came before. */
  step(step: StepRecord | GroupStepRecord): void {
    for (const { effect } of step.effects) {
      if (effect.type === "transition" && step.type === "step") {
        if (this.#isLonely(step.router)) continue;
        const priority = this.#priorities.get(step.router) ?? 0;
        const router = routerOfSession(step.router);
        this.transition("INSTANCE", router, effect.to, priority, effect.reason, step.at);
      } else if (effect.type === "group_transition" && step.type === "group_step") {
        // A group may exist for an operator's word on one router only.
        if (!this.#isGroup(step.group)) continue;
        this.transition("GROUP", step.group, effect.to, 0, effect.reason, step.at);
      }
    }
  }

  /** A BFD session has another state. */
  session(changed: BfdChanged): void {
    const { session: name, at } = changed;
    const notice = sessionNotice(changed, this.#told.get(`BFD ${name}`)?.state ?? null);
    if (notice === undefined) return;
    const { state, cause, session } = notice;
    this.#tell("BFD", name, state, 0, cause, at, this.#leavingSessions.get(name), session);
  }

  /** The same, for sessions that a former process has told of. */
  rememberSessions(memories: readonly BfdMemory[]): void {
    const [time, generation] = [new Date().toISOString(), this.#env.generation()];
    for (const memory of memories) {
      const { name } = memory.session.settings;
      const notice = standingNotice(memory);
      if (notice === undefined) continue;
      const told = { previous: null, priority: 0, time, generation, ...notice };
      this.#told.set(`BFD ${name}`, { type: "BFD", name, ...told });
    }
  }

  #isGroup(name: string): boolean {
    return this.#config.groups.includes(name);
  }

  /** A router or group has another state. @param at microseconds on CLOCK_MONOTONIC */
  transition(
    type: Type,
    name: string,
    to: RouterStateName,
    priority: number,
    cause: string,
    at: number,
  ): void {
    // One that moves to another interface begins there at once: that is told.
    const moves = to === "init" && !this.#env.stopping();
    if (moves && (type === "GROUP" || !this.#leaving.has(name))) return;
    const deleted = type === "INSTANCE" && to === "init" && this.#leaving.has(name);
    const target = this.#leaving.get(name);
    const state = !deleted
      ? STATES[to]
      // As keepalived: only who asks for it hears of a deletion.
      : target === undefined || target.deleted !== undefined
      ? "DELETED"
      : "FAULT";
    const why = deleted ? "removed from the configuration" : cause;
    this.#tell(type, name, state, priority, why, at, deleted ? target : undefined);
  }

  /** The protocol plane remarks something. */
  remark(remark: PriorityRemark | LowerPriorityRemark): void {
    const { router: session, at } = remark;
    const name = routerOfSession(session);
    // Of a router of both families, the first session tells.
    if (session !== name) return;
    if (remark.type === "priority_changed") {
      const state = remark.state === "master" ? "MASTER_PRIORITY" : "BACKUP_PRIORITY";
      const cause = `the priority was ${remark.from}`;
      return this.#tell("INSTANCE", name, state, remark.to, cause, at);
    }
    const cause = `${remark.address} advertises with priority ${remark.priority}`;
    const priority = this.#told.get(`INSTANCE ${name}`)?.priority ?? 0;
    this.#tell("INSTANCE", name, "MASTER_RX_LOWER_PRI", priority, cause, at);
  }

  #tell(
    type: Type,
    name: string,
    state: NoticeState,
    priority: number,
    cause: string,
    at: number,
    target?: NotifyConfig,
    session?: SessionDetails,
  ): void {
    const key = `${type} ${name}`;
    const before = this.#told.get(key);
    const isState = state in STATE_WORDS;
    if (isState && before?.state === state) return;
    const notice: Notice = {
      type,
      name,
      state,
      previous: before?.state ?? null,
      priority,
      cause,
      time: wallTime(at),
      generation: this.#env.generation(),
      ...(session === undefined ? {} : { session }),
    };
    if (isState) this.#told.set(key, notice);
    else if (before !== undefined && state !== "MASTER_RX_LOWER_PRI") {
      this.#told.set(key, { ...before, priority });
    }
    this.#give(notice, target);
  }

  #give(notice: Notice, target?: NotifyConfig): void {
    if (this.#notifier === null) return void this.#early.push(notice);
    this.#notifier.tell(notice, target);
    this.told(notice);
  }

  /** The agent stops: whoever was not told of a stop is told now; then all have their time. */
  async end(cause: string): Promise<void> {
    const at = monotonicMicros();
    for (const { type, name, priority } of [...this.#told.values()]) {
      // Sessions say by themselves that they end.
      if (type !== "BFD") this.#tell(type, name, "STOP", priority, cause, at);
    }
    this.servers.end(cause);
    await this.#notifier?.end();
  }

  /** Another process goes on: nobody is told anything. What was begun is ended. */
  async leave(): Promise<void> {
    await this.#notifier?.end();
  }

  /** No more patience. */
  hurry(): void {
    this.#notifier?.hurry();
  }
}

/** States that one is in, unlike what one meets. */
const STATE_WORDS = {
  MASTER: 1,
  BACKUP: 1,
  FAULT: 1,
  STOP: 1,
  DELETED: 1,
  UP: 1,
  DOWN: 1,
  ADMIN_DOWN: 1,
};
