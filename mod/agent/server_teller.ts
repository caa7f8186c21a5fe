/**
 * Who tells of virtual and real servers: each change once, whatever planes die and processes follow
 * each other. `notices.ts` does the same for routers, groups and BFD sessions.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import type { NotifyConfig } from "../../config/mod.ts";
import type { Notice } from "../notify/notice.ts";
import type { BalanceMemory, BalanceStep, VirtualServerReport } from "../plane/balance.ts";
import { wallTime } from "./clock.ts";
import {
  type AllServerFacts,
  isQuiet,
  memoryNews,
  plainAfter,
  reportNews,
  type ServerNews,
  stepNews,
} from "./server_notices.ts";

/** Gives a notice to whom it is for. @param target its table, where the site has it no longer */
export type Tell = (notice: Notice, target?: NotifyConfig) => void;

export class ServerTeller {
  readonly #generation: () => number;
  readonly #tell: Tell;
  /** What was told last, by type and name. */
  readonly #told = new Map<string, Notice>();
  #facts: AllServerFacts = new Map();
  /** Before the reload that goes on. */
  #former: AllServerFacts = new Map();
  #formerTargets: readonly NotifyConfig[] = [];

  constructor(generation: () => number, tell: Tell) {
    this.#generation = generation;
    this.#tell = tell;
  }

  /** How all stand, as was told last. */
  get told(): Notice[] {
    return [...this.#told.values()];
  }

  /** What a former process has told: nothing of it is told again. */
  remember(memory: BalanceMemory | undefined, facts: AllServerFacts): void {
    this.#facts = facts;
    for (const news of memoryNews(memory?.servers ?? [], facts)) {
      const notice = this.#noticeOf(news, undefined, monotonicMicros());
      this.#told.set(`${news.type} ${news.name}`, notice);
    }
  }

  /** A reload begins. @param targets the tables before it */
  begin(facts: AllServerFacts, targets: readonly NotifyConfig[]): void {
    this.#former = this.#facts;
    this.#formerTargets = targets;
    this.#facts = facts;
  }

  /** The reload is over: of those that are gone, readers of JSON hear; others if they wish to. */
  applied(): void {
    const at = monotonicMicros();
    const cause = "removed from the configuration";
    for (const [key, before] of [...this.#told]) {
      const { type, name, server } = before;
      if (server === undefined) continue;
      const { virtual_server, real_server } = server;
      const now = this.#facts.get(virtual_server);
      if (now !== undefined && (real_server === null || now.realServers.has(real_server))) continue;
      const target = this.#formerTargets.find((one) => one.type === type && one.name === name);
      const { plain: begins } = server;
      const news = { type: type as ServerNews["type"], name, cause, begins, server };
      const omega = this.#former.get(virtual_server)?.runDownOnStop ?? false;
      if (omega && server.plain === "UP") this.#news({ ...news, state: "DOWN" }, at, target);
      this.#news({ ...news, state: "DELETED" }, at, target);
      this.#told.delete(key);
    }
    this.#former = new Map();
    this.#formerTargets = [];
  }

  /** Something happened. */
  step(step: BalanceStep): void {
    const news = stepNews(step, this.#facts);
    if (news !== undefined) this.#news(news, step.at);
  }

  /** How everything stands: what of it has not been told, since its plane died, say, is told now. */
  reconcile(reports: readonly VirtualServerReport[], at: number): void {
    for (const news of reportNews(reports, this.#facts)) this.#news(news, at);
  }

  /** The agent ends, and with it what should go down by that. */
  end(cause: string): void {
    const at = monotonicMicros();
    // Real servers before their virtual server.
    const all = this.told.toSorted((a, b) => a.type < b.type ? -1 : a.type > b.type ? 1 : 0);
    for (const { type, name, server } of all) {
      if (server?.plain !== "UP") continue;
      if (this.#facts.get(server.virtual_server)?.runDownOnStop !== true) continue;
      const { plain: begins } = server;
      const own = { type: type as ServerNews["type"], name, cause, begins, server };
      this.#news({ ...own, state: "DOWN" }, at);
    }
  }

  #news(news: ServerNews, at: number, target?: NotifyConfig): void {
    const key = `${news.type} ${news.name}`;
    const before = this.#told.get(key);
    if (before?.state === news.state) return;
    const notice = this.#noticeOf(news, before, at);
    this.#told.set(key, notice);
    this.#tell(notice, target);
  }

  #noticeOf(news: ServerNews, before: Notice | undefined, at: number): Notice {
    const { type, name, state, cause, server: { virtual_server, real_server, line } } = news;
    return {
      type,
      name,
      state,
      previous: before?.state ?? null,
      priority: 0,
      cause,
      time: wallTime(at),
      generation: this.#generation(),
      server: {
        virtual_server,
        real_server,
        line,
        quiet: isQuiet(news, before),
        plain: plainAfter(news, before),
      },
    };
  }
}
