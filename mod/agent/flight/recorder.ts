/**
 * The flight recorder: every event, decision and effect that people ask about, with its cause, in
 * memory and in a file that survives the agent. `halb events` and `halb why` read it.
 *
 * Facts come from the one place where all that the planes say arrives (`../hearing.ts`), and from the
 * log. Nothing here waits, and nothing that goes wrong here reaches those who tell.
 *
 * @module
 */

import { boottimeMicros, monotonicMicros, realtimeMicros } from "../../../ffi/mod.ts";
import {
  type EventDraft,
  eventLine,
  type FlightEvent,
  Folder,
  isSelected,
  newest,
  type Place,
  type Selection,
  trimmed,
} from "../../events/mod.ts";
import { textOf } from "../../text/mod.ts";
import { closeQuietly } from "../../control/clients.ts";
import type { Lines } from "../../control/lines.ts";
import { wallTime } from "../clock.ts";
import { log, tapLog } from "../logging.ts";
import { ClockWatch } from "./clock_watch.ts";
import type { Fact } from "./facts.ts";
import { RecordingFile } from "./file.ts";
import { Follower } from "./follower.ts";
import { logFact } from "./log_facts.ts";
import { readRecording } from "./reading.ts";
import { Ring } from "./ring.ts";

/** Between two looks at the clock and at what is to be told, milliseconds. */
const TURN = 1_000;
/** Who asks waits so long for what is being written, and the agent's end does, milliseconds. */
const PATIENCE = 500;
/** Followers at once. */
const MOST_FOLLOWERS = 16;
/** Lines that wait for a file. */
const MOST_EARLY = 10_000;

/** What somebody asks for. */
export interface EventsQuery extends Selection {
  /** The newest so many. */
  readonly last: number;
}

/** What is answered. */
export interface EventsAnswer {
  readonly events: FlightEvent[];
  /** Why former ones cannot be read; null: they can. */
  readonly problem: string | null;
  /** What is recorded from now on comes after it. */
  readonly at: Place;
}

export class FlightRecorder {
  /** Names this process in a recording. */
  readonly run = `${Deno.pid}-${Math.round(realtimeMicros() / 1e6).toString(36)}`;
  readonly #ring = new Ring();
  readonly #folder = new Folder();
  readonly #clock = new ClockWatch();
  readonly #followers = new Set<Follower>();
  #seq = 0;
  #directory: string | null = null;
  #file: RecordingFile | null = null;
  /** Lines of before the file was opened. */
  #early: string[] = [];
  #turn: ReturnType<typeof setInterval> | undefined;

  constructor() {
    tapLog((record) => {
      const fact = logFact(record);
      if (fact !== undefined) this.record(fact);
    });
  }

  /**
   * Writes to a file from now on, what was recorded before as well: the state directory is ours.
   *
   * @param size of the recording, bytes
   */
  open(directory: string, size: number): void {
    if (this.#file !== null) return this.#file.resize(size);
    this.#directory = directory;
    this.#file = new RecordingFile(directory, size, (problem, lost) => {
      if (problem === null) return log("info", ["control"], "Events are recorded again", { lost });
      log("error", ["control"], "Cannot record events", { reason: problem });
    });
    for (const line of this.#early.splice(0)) this.#file.write(line);
    this.#turn = setInterval(() => this.#look(), TURN);
    Deno.unrefTimer(this.#turn);
  }

  /** Something happened. Never throws. */
  record(...facts: readonly Fact[]): void {
    for (const { folded, at, ...draft } of facts) {
      const now = monotonicMicros();
      const event = folded === true
        ? this.#folder.repeated({ ...draft, count: draft.count ?? 1 }, now, at)
        : this.#folder.single(draft, now);
      if (event !== undefined) this.#write(event, at ?? now);
    }
  }

  /** The newest events of this process, oldest first. */
  get recent(): readonly FlightEvent[] {
    return this.#ring.events;
  }

  /** Events that were recorded, also by former processes; oldest first. */
  async query(query: EventsQuery): Promise<EventsAnswer> {
    const at = { run: this.run, seq: this.#seq };
    return { ...await this.#query(query), at };
  }

  async #query(query: EventsQuery): Promise<Omit<EventsAnswer, "at">> {
    const { last } = query;
    if (this.#file === null || this.#directory === null) {
      return { events: newest(this.#ring.events, this.#ofOurs(query), last), problem: null };
    }
    await this.#file.settled(PATIENCE);
    const recent = this.#ring.events;
    const first = recent[0]?.seq ?? this.#seq + 1;
    const own = this.#ofOurs(query);
    const ours = newest(recent, own, last);
    if (ours.length === last) return { events: ours, problem: null };
    try {
      const wanted = (event: FlightEvent): boolean =>
        event.run === this.run
          ? event.seq < first && isSelected(event, own)
          : isSelected(event, query);
      const former = await readRecording(this.#directory, wanted, last - ours.length);
      return { events: [...former, ...ours], problem: null };
    } catch (error) {
      return { events: ours, problem: `former events cannot be read: ${textOf(error)}` };
    }
  }

  /**
   * What is asked of this process's own events: all of them come after what another one has told,
   * also where the clock was set back between the starts of the two.
   */
  #ofOurs(query: EventsQuery): EventsQuery {
    const { after, ...others } = query;
    return after === undefined || after.run === this.run ? query : others;
  }

  /**
   * Tells somebody what was recorded, and then each event as it happens, until the connection or the
   * agent ends.
   *
   * @param lines the connection's, whose request was read
   */
  async follow(query: EventsQuery, connection: Deno.Conn, lines: Lines): Promise<void> {
    if (this.#followers.size >= MOST_FOLLOWERS) {
      const error = `${MOST_FOLLOWERS} follow the events already, and no more may`;
      return await lines.write({ ok: false, error });
    }
    const follower = new Follower(
      this.#ofOurs(query),
      (line, progress) => lines.write(line, progress),
    );
    this.#followers.add(follower);
    try {
      const past = await this.query(query);
      const seen = past.events.findLast(({ run }) => run === this.run);
      follower.skip(this.run, seen?.seq ?? 0);
      const hangUp = () => closeQuietly(connection);
      await follower.say({ ok: true, result: past }, hangUp);
      // Who goes away says nothing more: that ends the reading.
      void lines.read().catch(() => undefined).then(() => follower.end());
      await follower.tell(hangUp);
    } finally {
      this.#followers.delete(follower);
    }
  }

  /** The agent ends: what is counted is told, followers have the last word, the file has all. */
  async finish(): Promise<void> {
    clearInterval(this.#turn);
    tapLog(null);
    this.#tellDue(true);
    for (const follower of this.#followers) follower.end();
    await this.#file?.close(PATIENCE);
  }

  #look(): void {
    this.#tellDue();
    const before = monotonicMicros();
    const [wall, boot] = [realtimeMicros(), boottimeMicros()];
    const fact = this.#clock.look(before, wall, boot, monotonicMicros());
    if (fact !== undefined) this.record(fact);
  }

  #tellDue(all = false): void {
    for (const { at, ...event } of this.#folder.due(monotonicMicros(), all)) this.#write(event, at);
  }

  #write(draft: EventDraft, at = monotonicMicros()): void {
    const head = { time: wallTime(at), run: this.run, seq: ++this.#seq };
    const event: FlightEvent = { ...head, ...trimmed(draft) };
    this.#ring.push(event);
    const line = eventLine(event);
    if (this.#file !== null) this.#file.write(line);
    else if (this.#early.length < MOST_EARLY) this.#early.push(line);
    for (const follower of this.#followers) follower.push(event);
  }
}
