/**
 * `halb watch`: a live view of routers, sessions, pools and recent events, in a terminal. What is
 * shown and what keys do is decided in `watch/state.ts` and `watch/screen.ts`; here are the clock,
 * the terminal and the agent.
 *
 * The agent is asked for a short status once a second, and soon after an event; more seldom the
 * longer its answers take: whoever looks costs a busy one a twentieth of its time at most.
 *
 * @module
 */

import { AgentUnreachable, ask } from "../control/client.ts";
import type { Overview } from "../control/overview.ts";
import type { Status } from "../control/status.ts";
import { textOf } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";
import { followEvents, SYSTEM } from "./follow.ts";
import { readKeys, unfinishedAt } from "./watch/keys.ts";
import { screenOf } from "./watch/screen.ts";
import { type WatchEffect, type WatchEvent, type WatchOrder, WatchState } from "./watch/state.ts";
import { Terminal } from "./watch/terminal.ts";

/** Between two looks at the agent, milliseconds, and at one that is away. */
const LOOK = 1_000;
const AWAY = 500;
/** The least time between two looks, however many events there are. */
const SOON = 200;
/** So many times as long as an answer took is the time to the next question. */
const REST = 20;
/** Changes that come together are drawn together, milliseconds. */
const DRAW = 30;
/** Recent events at the start. */
const RECENT = 50;
/** An agent that has not answered for so long is shown as one that does not, milliseconds. */
const LATE = 3_000;
/** What follows an escape comes within so many milliseconds, or it is the key. */
const ESCAPE = 100;
/** Until events are asked for again where that was refused, milliseconds. */
const REFUSED = 2_000;

/** The times above that tests change. */
interface Times {
  readonly look: number;
  readonly late: number;
  readonly refused: number;
}

/**
 * Runs until it is quit. Returns the exit code.
 *
 * @throws {UsageError} where there is no terminal
 * @throws {AgentUnreachable} where nobody answers at first
 */
export async function watchCommand(control: string, color: boolean): Promise<number> {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    throw new UsageError(
      "watch needs a terminal; halb status and halb events --follow need none",
    );
  }
  const first = await ask(control, { command: "overview" }) as Overview;
  const watch = new Watch(control, new Terminal(color));
  return await watch.run(first);
}

export class Watch {
  readonly #control: string;
  readonly #terminal: Pick<Terminal, keyof Terminal>;
  readonly #times: Times;
  readonly #state = new WatchState();
  readonly #ended = Promise.withResolvers<number>();
  #drawing: ReturnType<typeof setTimeout> | undefined;
  #wake: () => void = () => {};
  #shorten: () => void = () => {};
  /** Something has happened since the agent was asked last. */
  #news = false;
  #quit = false;
  /** The beginning of a sequence. */
  #unfinished = "";
  #escape: ReturnType<typeof setTimeout> | undefined;

  constructor(
    control: string,
    terminal: Pick<Terminal, keyof Terminal>,
    times: Partial<Times> = {},
  ) {
    this.#control = control;
    this.#terminal = terminal;
    this.#times = { look: LOOK, late: LATE, refused: REFUSED, ...times };
  }

  async run(first: Overview): Promise<number> {
    const tick = setInterval(() => this.#draw(), LOOK);
    try {
      this.#terminal.open({
        input: (text) => {
          if (text === null) return this.#ended.resolve(0);
          this.#input(text);
        },
        resized: () => this.#apply({ type: "size", ...this.#terminal.size }),
        killed: (code) => this.#ended.resolve(code),
      });
      this.#apply({ type: "size", ...this.#terminal.size });
      this.#apply({ type: "overview", overview: first, at: performance.now() });
      this.#look().catch((error) => this.#ended.reject(error));
      void this.#follow();
      return await this.#ended.promise;
    } finally {
      this.#quit = true;
      this.#terminal.close();
      clearInterval(tick);
      clearTimeout(this.#drawing);
      clearTimeout(this.#escape);
    }
  }

  #input(text: string): void {
    clearTimeout(this.#escape);
    const all = this.#unfinished + text;
    const end = unfinishedAt(all);
    this.#unfinished = all.slice(end);
    if (this.#unfinished !== "") this.#escape = setTimeout(() => this.#flush(), ESCAPE);
    this.#press(all.slice(0, end));
  }

  #flush(): void {
    const keys = this.#unfinished;
    this.#unfinished = "";
    this.#press(keys);
  }

  #press(text: string): void {
    for (const key of readKeys(text)) this.#apply({ type: "key", key });
  }

  #apply(event: WatchEvent): void {
    for (const effect of this.#state.apply(event)) this.#do(effect);
    this.#drawing ??= setTimeout(() => this.#draw(), DRAW);
  }

  #do(effect: WatchEffect): void {
    switch (effect.type) {
      case "quit":
        return this.#ended.resolve(0);
      case "redraw":
        return this.#terminal.clear();
      case "look":
        return this.#wake();
      case "news":
        this.#news = true;
        return this.#shorten();
      case "order":
        return void this.#order(effect.order);
    }
  }

  #draw(): void {
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    if (this.#quit) return;
    try {
      this.#terminal.draw(screenOf(this.#state, Date.now()));
    } catch (error) {
      // Such as what an agent of another version tells: the terminal is given back in any case.
      this.#ended.reject(error);
    }
  }

  /** Asks the agent again and again, also one that is away or another one. */
  async #look(): Promise<void> {
    while (!this.#quit) {
      const begun = performance.now();
      let [least, wait] = [AWAY, AWAY];
      this.#news = false;
      const reason = `it was asked ${this.#times.late / 1000} s ago`;
      const late = setTimeout(() => this.#apply({ type: "away", reason }), this.#times.late);
      try {
        const overview = await ask(this.#control, { command: "overview" }) as Overview;
        const { opened } = this.#state;
        const status = opened === null ? null : await ask(this.#control, {
          command: "status",
          name: opened.name,
        }) as Status;
        const at = performance.now();
        this.#apply({ type: "overview", overview, at });
        if (status !== null) this.#apply({ type: "detail", name: opened!.name, status, at });
        least = Math.max(SOON, REST * (at - begun));
        wait = Math.max(this.#times.look, least);
      } catch (error) {
        const away = error instanceof AgentUnreachable;
        this.#apply({ type: "away", reason: away ? "it is away, and waited for" : textOf(error) });
      } finally {
        clearTimeout(late);
      }
      await this.#rest(least, wait);
    }
  }

  /** Waits: `least` where there are news, else `most`; no longer where somebody wants to know. */
  #rest(least: number, most: number): Promise<void> {
    const end = performance.now() + least;
    return new Promise((resolve) => {
      let timer = setTimeout(resolve, this.#news ? least : most);
      this.#shorten = () => {
        clearTimeout(timer);
        timer = setTimeout(resolve, Math.max(0, end - performance.now()));
      };
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Once followed, events come from whoever is the agent; at first one may refuse, or be away. */
  async #follow(): Promise<void> {
    const request = { command: "events", last: RECENT, follow: true } as const;
    for (let said = ""; !this.#quit;) {
      try {
        await followEvents(this.#control, request, {
          ...SYSTEM,
          event: (line) => this.#apply({ type: "event", line }),
          say: () => {},
        });
      } catch (error) {
        const text = `No events: ${textOf(error)}`;
        // That it is away stands on the screen already.
        if (!(error instanceof AgentUnreachable) && text !== said) {
          this.#apply({ type: "said", text: said = text });
        }
      }
      await SYSTEM.sleep(this.#times.refused);
    }
  }

  async #order(order: WatchOrder): Promise<void> {
    const { command, real_server: server, virtual_server: pool } = order;
    try {
      await ask(this.#control, order);
      this.#apply({ type: "said", text: `${command} ${server} of ${pool}: ordered` });
    } catch (error) {
      this.#apply({ type: "said", text: `${command} ${server}: ${textOf(error)}` });
    }
    this.#wake();
  }
}
