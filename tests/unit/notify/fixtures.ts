/** Notices, settings and a clock that tests turn. */

import type { NotificationsConfig, NotifyConfig } from "../../../config/mod.ts";
import type { Notice } from "../../../mod/notify/notice.ts";

export const NOBODY = { name: "nobody", uid: 65_534, gid: 65_534, groups: [] };

export function notice(more: Partial<Notice> = {}): Notice {
  return {
    type: "INSTANCE",
    name: "web",
    state: "MASTER",
    previous: "BACKUP",
    priority: 150,
    cause: "no advert in time",
    time: "2026-01-01T00:00:00.000Z",
    generation: 1,
    ...more,
  };
}

export function target(more: Partial<NotifyConfig> = {}): NotifyConfig {
  return {
    type: "INSTANCE",
    name: "web",
    user: NOBODY,
    timeout: 60_000_000,
    mail: false,
    priority_changes: false,
    ...more,
  };
}

export function notifications(more: Partial<NotificationsConfig> = {}): NotificationsConfig {
  return {
    groups: [],
    sessions: [],
    targets: [],
    agent: { states_on_reload: false },
    fifo_user: NOBODY,
    script_user: NOBODY,
    ...more,
  };
}

/** `setTimeout` and `Date.now` of a world in which time passes when the test says so. */
export class Clock {
  #now = 1_000_000;
  #next = 1;
  readonly #timers = new Map<number, { at: number; work: () => void }>();
  readonly #real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    now: Date.now,
  };

  constructor() {
    const set = (work: () => void, delay = 0): number => {
      this.#timers.set(this.#next, { at: this.#now + delay, work });
      return this.#next++;
    };
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((id?: number) => {
      this.#timers.delete(id ?? 0);
    }) as unknown as typeof clearTimeout;
    Date.now = () => this.#now;
  }

  /** Lets promises that wait for nothing else go on. */
  async settle(): Promise<void> {
    for (let i = 0; i < 1000; i++) await Promise.resolve();
  }

  /** Lets so many milliseconds pass, timer by timer. */
  async pass(duration: number): Promise<void> {
    const end = this.#now + duration;
    for (;;) {
      await this.settle();
      const [first] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
      if (first === undefined || first[1].at > end) break;
      this.#timers.delete(first[0]);
      this.#now = first[1].at;
      first[1].work();
    }
    this.#now = end;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#real.setTimeout;
    globalThis.clearTimeout = this.#real.clearTimeout;
    Date.now = this.#real.now;
  }
}
