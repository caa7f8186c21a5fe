/**
 * The agent as a subagent of this host's SNMP agent: a connection for the session of `mod/agentx`,
 * answers out of the status document, and notifications of what is told. Nothing else waits for it,
 * and nothing ends because of it.
 *
 * @module
 */

import { masterText, type SnmpConfig } from "../../config/mod.ts";
import { interfaceIndex, monotonicMicros } from "../../ffi/mod.ts";
import {
  answerRequest,
  type Asked,
  Session,
  type SessionEffect,
  type VarBind,
  type View,
} from "../agentx/mod.ts";
import type { SnmpStatus, Status } from "../control/status.ts";
import type { Notice } from "../notify/notice.ts";
import { routerOfSession } from "../plane/sessions.ts";
import {
  type History,
  isTold,
  ProtocolErrors,
  protocolErrorTraps,
  REGIONS,
  type SnmpFacts,
  trapsOf,
  viewOf,
} from "../snmp/mod.ts";
import { soon } from "../patience/mod.ts";
import { textOf } from "../text/mod.ts";
import { sameValue } from "../values/mod.ts";
import { VERSION } from "../version.ts";
import { monotonicOf } from "./clock.ts";
import { log } from "./logging.ts";
import { soonOrNull } from "./questions.ts";
import { closeQuietly, type Link, reasonOf, writeAll } from "./snmp_link.ts";

/** What is known is asked for no more often, milliseconds, nor more than a tenth of the time. */
const FRESH = 1_000;
const LONGEST_FRESH = 15_000;
const SHARE = 10;
/** How long what is told waits for its status: otherwise the one before must do, milliseconds. */
const PATIENCE = 2_000;
/** What waits to be told: more is dropped. */
const MOST_NOTICES = 2_000;
/** Between two looks at the counters of errors, milliseconds. */
const LOOK = 2_000;
const READ_SIZE = 32 * 1024;

/** What there is to tell. */
export interface SnmpSources {
  status(): Promise<Status>;
  readonly history: History;
  /** What sessions of routers have refused, by their name. */
  dropped(): Iterable<readonly [session: string, dropped: Readonly<Record<string, number>>]>;
  /** Names of routers in a network namespace of their own. */
  elsewhere(): ReadonlySet<string>;
}

type News = { readonly notice: Notice } | { readonly error: string };

function now(): number {
  return monotonicMicros() / 1000;
}

export class Snmp {
  readonly #sources: SnmpSources;
  #config: SnmpConfig | undefined;
  #session: Session | null = null;
  #link: Link | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #look: ReturnType<typeof setInterval> | undefined;
  #view: { readonly view: View; readonly until: number } | null = null;
  #making: Promise<View> | null = null;
  /** What was known last, for notifications, and how long it took, milliseconds. */
  #last: Status | null = null;
  #took = 0;
  #news: News[] = [];
  #telling: Promise<void> | null = null;
  /** Notices that were not told. */
  #lost = 0;
  #errors = new ProtocolErrors();
  #closed = false;
  /** Ends what notifications wait for. */
  #hurry = (): void => {};

  constructor(sources: SnmpSources) {
    this.#sources = sources;
  }

  get status(): SnmpStatus | null {
    if (this.#config === undefined || this.#session === null) return null;
    const { master, mibs, traps } = this.#config;
    const { notifications, regions, ...status } = this.#session.status;
    const { sent, lost } = notifications;
    return {
      master: masterText(master),
      mibs,
      traps,
      ...status,
      regions,
      notifications: { sent, lost: lost + this.#lost },
    };
  }

  /** Connects as `config` says from now on; absent: no more. */
  configure(config: SnmpConfig | undefined): void {
    if (this.#closed) return;
    if (config !== undefined && sameValue(this.#config, config)) {
      // A reload: what there is may be something else.
      if (config.traps) void this.#known();
      return;
    }
    this.#end();
    this.#config = config;
    if (config === undefined) return;
    const regions = config.mibs.map((mib) => REGIONS[mib]);
    this.#session = new Session({ description: `halb ${VERSION}`, regions }, now());
    this.#errors = new ProtocolErrors();
    this.#look = setInterval(() => this.#lookForErrors(), LOOK);
    Deno.unrefTimer(this.#look);
    this.#perform(this.#session.tick(now()));
    // What is told at the end is told out of what was known before.
    if (config.traps) void this.#known();
  }

  /** Something is told to all who want to know. */
  tell(notice: Notice): void {
    const { traps = false, mibs = [] } = this.#config ?? {};
    if (traps && isTold(notice, mibs)) this.#add({ notice });
  }

  /** Says what there is to say, and ends the session. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#hurry();
    await this.#telling;
    const link = this.#link;
    this.#end();
    await link?.writes.catch(() => {});
    link?.connection?.close();
  }

  #end(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#look);
    const [session, link] = [this.#session, this.#link];
    this.#session = null;
    this.#config = undefined;
    this.#view = null;
    this.#last = null;
    this.#news = [];
    if (session === null || link === null) return;
    for (const effect of session.end(now())) {
      if (effect.type === "send") this.#write(link, effect.bytes);
    }
    this.#link = null;
    if (this.#closed) return;
    void link.writes.catch(() => {}).finally(() => closeQuietly(link));
  }

  // ===== the session =============================================================================

  #perform(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "connect":
          void this.#connect();
          break;
        case "send":
          if (this.#link !== null) this.#write(this.#link, effect.bytes);
          break;
        case "disconnect":
          this.#disconnect();
          break;
        case "log":
          log(effect.level, ["snmp"], effect.text, { master: masterText(this.#config!.master) });
      }
    }
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const session = this.#session;
    if (session === null || session.deadline === Infinity) return;
    const wait = Math.max(0, Math.ceil(session.deadline - now()));
    this.#timer = setTimeout(() => {
      if (this.#session === session) this.#perform(session.tick(now()));
    }, wait);
    Deno.unrefTimer(this.#timer);
  }

  async #connect(): Promise<void> {
    // One that is lost may still wait for an answer of ours, and its end behind it.
    this.#disconnect();
    const link: Link = this.#link = { connection: null, writes: Promise.resolve() };
    const { master } = this.#config!;
    try {
      const connection = "path" in master
        ? await Deno.connect({ transport: "unix", path: master.path })
        : await Deno.connect({ hostname: master.address, port: master.port });
      if (this.#link !== link) return connection.close();
      link.connection = connection;
      this.#perform(this.#session!.connected(now()));
      await this.#read(link, connection);
    } catch (error) {
      this.#gone(link, reasonOf(error));
    }
  }

  async #read(link: Link, connection: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(READ_SIZE);
    while (this.#link === link) {
      const count = await connection.read(buffer);
      if (this.#link !== link) return;
      if (count === null) return this.#gone(link, "has closed the connection");
      const effects = this.#session!.received(buffer.subarray(0, count), now());
      this.#arm();
      for (const effect of effects) {
        if (effect.type !== "ask") {
          this.#perform([effect]);
          continue;
        }
        // No more is read meanwhile: who asks too much waits.
        await this.#answer(link, effect.asked);
        if (this.#link !== link) return;
      }
      // The same for who is told more than it reads.
      await link.writes;
    }
  }

  async #answer(link: Link, asked: Asked): Promise<void> {
    let varBinds: VarBind[] | null = null;
    try {
      varBinds = answerRequest(await this.#current(), asked.request);
    } catch (error) {
      log("debug", ["snmp"], `Cannot answer: ${reasonOf(error)}`);
    }
    if (this.#link !== link || this.#session === null) return;
    const session = this.#session;
    this.#perform(varBinds === null ? session.refuse(asked) : session.answer(asked, varBinds));
    await link.writes;
  }

  #write(link: Link, bytes: Uint8Array): void {
    link.writes = link.writes.then(() => writeAll(link, bytes));
    link.writes.catch((error) => this.#gone(link, reasonOf(error)));
  }

  #disconnect(): void {
    const link = this.#link;
    this.#link = null;
    if (link === null) return;
    // Its last word may still be on its way, to whoever still reads.
    void soonOrNull(link.writes, PATIENCE).catch(() => {}).finally(() => closeQuietly(link));
  }

  #gone(link: Link, reason: string): void {
    if (this.#link !== link || this.#session === null) return closeQuietly(link);
    this.#perform(this.#session.lost(reason, now()));
  }

  // ===== what is known ===========================================================================

  /** The variables as they are, or were a moment ago. @throws {Error} while nobody knows */
  async #current(): Promise<View> {
    if (this.#view !== null && now() < this.#view.until) return this.#view.view;
    return await (this.#making ??= this.#make().finally(() => this.#making = null));
  }

  /** How long what is known will do, milliseconds. */
  get #fresh(): number {
    return Math.min(Math.max(FRESH, SHARE * this.#took), LONGEST_FRESH);
  }

  async #ask(): Promise<Status> {
    const begun = now();
    const status = await this.#sources.status();
    this.#took = now() - begun;
    if (this.#config?.traps === true) this.#last = status;
    return status;
  }

  async #make(): Promise<View> {
    const facts = this.#factsOf(await this.#ask());
    const view = viewOf(facts, this.#config?.mibs ?? [], this.#errors.errorOf);
    const fresh = this.#fresh;
    const made = this.#view = { view, until: now() + fresh };
    // Of ten thousand servers it is many megabytes.
    const forget = setTimeout(() => {
      if (this.#view === made) this.#view = null;
    }, fresh);
    Deno.unrefTimer(forget);
    return view;
  }

  #factsOf(status: Status): SnmpFacts {
    const indices = new Map<string, number>();
    const { history } = this.#sources;
    return {
      status,
      traps: this.#config?.traps ?? false,
      elsewhere: this.#sources.elsewhere(),
      now: monotonicMicros(),
      indexOf: (name) => {
        const index = indices.get(name) ?? interfaceIndex(name);
        indices.set(name, index);
        return index;
      },
      microsOf: monotonicOf,
      upTimeAt: (micros) => this.#session?.upTimeAt(micros / 1000) ?? 0,
      routerPast: (session) => history.router(session),
      sessionPast: (name) => history.session(name),
    };
  }

  // ===== notifications ===========================================================================

  #lookForErrors(): void {
    const { traps = false, mibs = [] } = this.#config ?? {};
    const wanted = traps && mibs.includes("vrrpv3");
    const sessions = new Set<string>();
    for (const [session, dropped] of this.#sources.dropped()) {
      sessions.add(session);
      const tell = this.#errors.observe(session, dropped, now());
      if (tell && wanted) this.#add({ error: session });
    }
    this.#errors.keep(sessions);
  }

  #add(news: News): void {
    if (this.#news.length >= MOST_NOTICES) {
      this.#lost++;
      return;
    }
    this.#news.push(news);
    this.#telling ??= this.#tellAll();
  }

  /** What came together is told out of one status. */
  async #tellAll(): Promise<void> {
    // All of this turn.
    await null;
    while (this.#news.length > 0) {
      // Nobody takes it now: what comes until then costs no status of its own.
      if (this.#session?.status.connected === false) await soon(this.#hurried(), this.#fresh);
      // Planes that end may answer no more.
      const ends = this.#closed ||
        this.#news.some((one) => "notice" in one && one.notice.state === "STOP");
      const status = (ends ? this.#last : null) ??
        await Promise.race([this.#known(), this.#hurried()]) ?? this.#last;
      const news = this.#news.splice(0);
      if (status === null) {
        this.#lost += news.length;
        continue;
      }
      const facts = this.#factsOf(status);
      for (const one of news) this.#tellOne(one, facts);
    }
    this.#telling = null;
  }

  #tellOne(one: News, facts: SnmpFacts): void {
    const { mibs = [] } = this.#config ?? {};
    const { errorOf } = this.#errors;
    try {
      const traps = "notice" in one
        ? trapsOf(one.notice, facts, mibs, errorOf)
        : protocolErrorTraps(routerOfSession(one.error), one.error, facts, errorOf);
      for (const trap of traps) this.#perform(this.#session?.notify(trap, now()) ?? []);
    } catch (error) {
      // The others are told all the same, and the agent ends as it would.
      this.#lost++;
      log("warning", ["snmp"], `Cannot tell: ${textOf(error)}`);
    }
  }

  /** Until the end. Anew each time: who waits for it otherwise would be remembered by it. */
  #hurried(): Promise<null> {
    const { promise, resolve } = Promise.withResolvers<null>();
    if (this.#closed) resolve(null);
    this.#hurry = () => resolve(null);
    return promise;
  }

  /** How things stand now; where nobody can say any more, how they stood. */
  async #known(): Promise<Status | null> {
    try {
      return await soonOrNull(this.#ask(), PATIENCE) ?? this.#last;
    } catch {
      return this.#last;
    }
  }
}
