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
  ProtocolErrors,
  protocolErrorTraps,
  REGIONS,
  type SnmpFacts,
  trapsOf,
  viewOf,
} from "../snmp/mod.ts";
import { sameValue } from "../values/mod.ts";
import { VERSION } from "../version.ts";
import { monotonicOf } from "./clock.ts";
import { log } from "./logging.ts";
import { soonOrNull } from "./questions.ts";

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
}

/** A connection to the master, until it is gone. */
interface Link {
  connection: Deno.Conn | null;
  /** Writes, one after the other. */
  writes: Promise<void>;
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
  /** What was known last. */
  #last: Status | null = null;
  #news: News[] = [];
  #telling: Promise<void> | null = null;
  /** Notices that were not told. */
  #lost = 0;
  #errors = new ProtocolErrors();
  #closed = false;

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
    if (this.#closed || (config !== undefined && sameValue(this.#config, config))) return;
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
    if (this.#config?.traps === true) this.#add({ notice });
  }

  /** Says what there is to say, and ends the session. */
  async close(): Promise<void> {
    this.#closed = true;
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
      for (const effect of this.#session!.received(buffer.subarray(0, count), now())) {
        if (effect.type !== "ask") this.#perform([effect]);
        // No more is read meanwhile: who asks too much waits.
        else await this.#answer(link, effect.asked);
        if (this.#link !== link) return;
      }
      this.#arm();
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
    link.writes = link.writes.then(async () => {
      for (let at = 0; at < bytes.length;) {
        if (link.connection === null) return;
        at += await link.connection.write(bytes.subarray(at));
      }
    });
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

  async #make(): Promise<View> {
    const begun = now();
    const facts = this.#factsOf(this.#last = await this.#sources.status());
    const view = viewOf(facts, this.#config?.mibs ?? [], this.#errors.errorOf);
    const fresh = Math.min(Math.max(FRESH, SHARE * (now() - begun)), LONGEST_FRESH);
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
    const sessions = new Set<string>();
    for (const [session, dropped] of this.#sources.dropped()) {
      sessions.add(session);
      const tell = this.#errors.observe(session, dropped, now());
      if (tell && this.#config?.traps === true) this.#add({ error: session });
    }
    this.#errors.keep(sessions);
  }

  #add(news: News): void {
    if (this.#news.length >= MOST_NOTICES) {
      this.#lost++;
      return;
    }
    this.#news.push(news);
    this.#telling ??= this.#tellAll().finally(() => this.#telling = null);
  }

  /** What came together is told out of one status. */
  async #tellAll(): Promise<void> {
    while (this.#news.length > 0) {
      const status = await this.#known();
      const news = this.#news.splice(0);
      const { mibs = [] } = this.#config ?? {};
      if (status === null) {
        this.#lost += news.length;
        continue;
      }
      const facts = this.#factsOf(status);
      const { errorOf } = this.#errors;
      for (const one of news) {
        const traps = "notice" in one
          ? trapsOf(one.notice, facts, mibs, errorOf)
          : mibs.includes("vrrpv3")
          ? protocolErrorTraps(routerOfSession(one.error), one.error, facts, errorOf)
          : [];
        for (const trap of traps) this.#perform(this.#session?.notify(trap, now()) ?? []);
      }
    }
  }

  /** How things stand now; where nobody can say any more, how they stood. */
  async #known(): Promise<Status | null> {
    try {
      const status = await soonOrNull(this.#sources.status(), PATIENCE);
      return this.#last = status ?? this.#last;
    } catch {
      return this.#last;
    }
  }
}

function closeQuietly(link: Link): void {
  const { connection } = link;
  link.connection = null;
  try {
    connection?.close();
  } catch {
    // It is closed.
  }
}

/** Why there is no connection, in words behind "the master agent". */
function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "is not there";
  if (error instanceof Deno.errors.ConnectionRefused) return "does not listen";
  if (error instanceof Deno.errors.PermissionDenied) return "refuses us its socket";
  return error instanceof Error ? `cannot be reached: ${error.message}` : String(error);
}
