/**
 * A subagent's session with its master (RFC 2741 section 7.1): opens it, registers what it answers
 * for, looks whether the master still answers, and begins anew when it is gone, with growing waits.
 *
 * Without I/O: events and a time go in, a list of effects comes out. Times are milliseconds on any
 * clock that never goes back.
 *
 * @module
 */

import { decodePdu, Malformed, pduLength } from "./decode.ts";
import { encodePdu } from "./encode.ts";
import { type Oid, oidText } from "./oid.ts";
import { type Body, type CloseReason, errorName, ERRORS, type Pdu, type VarBind } from "./pdu.ts";

import type { Asked, SessionEffect, SessionSettings, SessionStatus } from "./session_types.ts";

/** Until the master must have answered, to be told by it, and between two looks, milliseconds. */
const PATIENCE = 5_000;
const PING_INTERVAL = 30_000;
/** Until the next attempt: the first wait and the longest, doubled in between. */
const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 60_000;
/** Notifications that are held while there is no session, and for how long, milliseconds. */
const MOST_HELD = 256;
const LONGEST_HELD = 60_000;
/** Notifications that may wait for the master's word: more are dropped. */
const MOST_UNANSWERED = 1_024;
/** Seconds until the master gives a request of ours up: the snapshot may have to be made. */
const REQUEST_TIMEOUT = 10;
/** Between others of the same region, RFC 2741 section 6.2.3's default. */
const PRIORITY = 127;

type Pending = { readonly what: "open" | "ping" | "notify" | { readonly region: Oid } };

/** `waiting`: for the time of the next attempt. */
type Stage = "waiting" | "connecting" | "opening" | "open" | "ended";

export class Session {
  readonly #settings: SessionSettings;
  #stage: Stage = "waiting";
  #id = 0;
  #packet = 0;
  #retry = FIRST_RETRY;
  /** Of the next attempt. */
  #attemptAt: number;
  #received: Uint8Array<ArrayBuffer> = new Uint8Array();
  #heardAt = 0;
  readonly #pending = new Map<number, Pending & { readonly until: number }>();
  readonly #registered = new Set<string>();
  /** Regions that somebody else has, by when they are asked for again. */
  readonly #refused = new Map<Oid, { at: number; wait: number; error: string }>();
  #held: { readonly at: number; readonly varBinds: readonly VarBind[] }[] = [];
  #trouble: string | null = null;
  /** The trouble that stands in the log. */
  #told = false;
  #requests = 0;
  #sent = 0;
  #lost = 0;
  /** The master's sysUpTime, and when it said so. */
  #upTime: { readonly ticks: number; readonly at: number } | null = null;

  constructor(settings: SessionSettings, now: number) {
    this.#settings = settings;
    this.#attemptAt = now;
  }

  get status(): SessionStatus {
    const [refused] = this.#refused;
    const denied = refused === undefined
      ? null
      : `the master refuses ${oidText(refused[0])}: ${refused[1].error}`;
    return {
      connected: this.#stage === "open",
      regions: [...this.#registered],
      trouble: this.#trouble ?? denied,
      requests: this.#requests,
      notifications: { sent: this.#sent, lost: this.#lost },
    };
  }

  /** The master's sysUpTime at `at`, hundredths of a second; 0: before it began, or unknown. */
  upTimeAt(at: number): number {
    if (this.#upTime === null) return 0;
    const ticks = this.#upTime.ticks + Math.floor((at - this.#upTime.at) / 10);
    return Math.max(0, ticks) % 2 ** 32;
  }

  /** When `tick` wants to be called; Infinity: never. */
  get deadline(): number {
    const refused = [...this.#refused.values()].map(({ at }) => at);
    const pending = [...this.#pending.values()].map(({ until }) => until);
    if (this.#stage === "waiting") return this.#attemptAt;
    if (this.#stage === "connecting") return this.#attemptAt + PATIENCE;
    if (this.#stage === "ended") return Infinity;
    if (this.#stage === "opening") return Math.min(...pending);
    return Math.min(this.#heardAt + PING_INTERVAL, ...pending, ...refused);
  }

  // ===== events ==================================================================================

  tick(now: number): SessionEffect[] {
    if (now < this.deadline) return [];
    switch (this.#stage) {
      case "waiting":
        this.#stage = "connecting";
        this.#attemptAt = now;
        return [{ type: "connect" }];
      case "connecting":
        return this.#fail("takes too long to answer", now);
      case "opening":
      case "open": {
        for (const { until } of this.#pending.values()) {
          if (until <= now) return this.#leave("timeouts", "does not answer any more", now);
        }
        const effects: SessionEffect[] = [];
        for (const [region, refused] of this.#refused) {
          if (refused.at <= now) effects.push(this.#register(region, now));
        }
        if (now < this.#heardAt + PING_INTERVAL) return effects;
        // Until the answer, or until it is missed.
        this.#heardAt = now;
        return [...effects, this.#ask({ type: "ping" }, { what: "ping" }, now)];
      }
      case "ended":
        return [];
    }
  }

  /** The connection is there. */
  connected(now: number): SessionEffect[] {
    if (this.#stage !== "connecting") return [];
    this.#stage = "opening";
    this.#received = new Uint8Array();
    this.#heardAt = now;
    this.#id = 0;
    const { description } = this.#settings;
    const open = { type: "open", timeout: REQUEST_TIMEOUT, id: [], description } as const;
    return [this.#ask(open, { what: "open" }, now)];
  }

  /** It is not, or no longer. @param reason in words, without a subject */
  lost(reason: string, now: number): SessionEffect[] {
    if (this.#stage === "waiting" || this.#stage === "ended") return [];
    return this.#fail(reason, now);
  }

  /** What has come, in pieces of any length. */
  received(bytes: Uint8Array, now: number): SessionEffect[] {
    if (this.#stage !== "opening" && this.#stage !== "open") return [];
    const joined = new Uint8Array(this.#received.length + bytes.length);
    joined.set(this.#received);
    joined.set(bytes, this.#received.length);
    this.#heardAt = now;
    const effects: SessionEffect[] = [];
    let at = 0;
    try {
      while (this.#stage === "opening" || this.#stage === "open") {
        const rest = joined.subarray(at);
        const length = pduLength(rest);
        if (length === undefined || rest.length < length) break;
        at += length;
        effects.push(...this.#message(decodePdu(rest.subarray(0, length)), now));
      }
      this.#received = joined.slice(at);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      effects.push(...this.#leave("parseError", `sent what ${error.message}`, now));
    }
    return effects;
  }

  /** The answer to what was asked. */
  answer({ pdu }: Asked, varBinds: readonly VarBind[]): SessionEffect[] {
    return this.#respond(pdu, 0, 0, varBinds);
  }

  /** There is none now. */
  refuse({ pdu }: Asked): SessionEffect[] {
    return this.#respond(pdu, ERRORS.genErr, 0);
  }

  /** Tells managers (section 6.2.10). The first variable is snmpTrapOID.0. */
  notify(varBinds: readonly VarBind[], now: number): SessionEffect[] {
    if (this.#stage === "ended") return [];
    if (this.#stage === "open") return this.#notify(varBinds, now);
    this.#held.push({ at: now, varBinds });
    if (this.#held.length > MOST_HELD) {
      this.#held.shift();
      this.#lost++;
    }
    return [];
  }

  /** Ends the session in order. Nothing comes of it any more. */
  end(now: number): SessionEffect[] {
    const there = this.#stage === "opening" || this.#stage === "open";
    const effects = there ? this.#leave("shutdown", "", now) : [];
    this.#stage = "ended";
    return effects.filter(({ type }) => type !== "log");
  }

  // ===== messages ================================================================================

  #message(pdu: Pdu, now: number): SessionEffect[] {
    const { body } = pdu;
    if (body.type === "response") return this.#response(pdu, body, now);
    if (this.#stage !== "open" || pdu.session !== this.#id) {
      return this.#respond(pdu, ERRORS.notOpen, 0);
    }
    if (pdu.context !== undefined && pdu.context !== "" && body.type !== "close") {
      return this.#respond(pdu, ERRORS.unsupportedContext, 0);
    }
    switch (body.type) {
      case "get":
      case "get_next":
      case "get_bulk":
        this.#requests++;
        return [{ type: "ask", asked: { pdu, request: body } }];
      case "test_set":
        // Nothing can be written: the first variable is the one to blame.
        return this.#respond(pdu, ERRORS.notWritable, 1);
      case "commit_set":
        return this.#respond(pdu, ERRORS.commitFailed, 0);
      case "undo_set":
        return this.#respond(pdu, ERRORS.undoFailed, 0);
      case "cleanup_set":
        return [];
      case "close":
        return this.#fail(`has closed the session: ${body.reason}`, now);
      default:
        return this.#respond(pdu, ERRORS.processingError, 0);
    }
  }

  #response(
    pdu: Pdu,
    { error, sysUpTime }: Extract<Body, { type: "response" }>,
    now: number,
  ): SessionEffect[] {
    const pending = this.#pending.get(pdu.packet);
    if (pending === undefined) return [];
    this.#pending.delete(pdu.packet);
    const { what } = pending;
    if (what === "open") return this.#opened(pdu.session, error, sysUpTime, now);
    if (pdu.session !== this.#id) return [];
    this.#upTime = { ticks: sysUpTime, at: now };
    if (error === ERRORS.notOpen) return this.#leave("other", "knows nothing of the session", now);
    if (typeof what === "object") return this.#answered(what.region, error, now);
    if (what === "notify") {
      if (error === 0) this.#sent++;
      else this.#lost++;
    }
    return [];
  }

  #opened(id: number, error: number, sysUpTime: number, now: number): SessionEffect[] {
    if (error !== 0) {
      return this.#leave("other", `refuses the session: ${errorName(error)}`, now);
    }
    this.#stage = "open";
    this.#id = id;
    this.#upTime = { ticks: sysUpTime, at: now };
    this.#retry = FIRST_RETRY;
    this.#trouble = null;
    this.#told = false;
    const held = this.#held.filter(({ at }) => at >= now - LONGEST_HELD);
    this.#lost += this.#held.length - held.length;
    this.#held = [];
    return [
      { type: "log", level: "info", text: "The master agent has taken us" },
      ...this.#settings.regions.map((region) => this.#register(region, now)),
      ...held.flatMap(({ varBinds }) => this.#notify(varBinds, now)),
    ];
  }

  #register(region: Oid, now: number): SessionEffect {
    const refused = this.#refused.get(region);
    // Until its answer.
    if (refused !== undefined) refused.at = Infinity;
    const register = { type: "register", timeout: 0, priority: PRIORITY, subtree: region } as const;
    return this.#ask(register, { what: { region } }, now);
  }

  #answered(region: Oid, error: number, now: number): SessionEffect[] {
    const before = this.#refused.get(region);
    if (error === 0) {
      this.#registered.add(oidText(region));
      this.#refused.delete(region);
      if (before === undefined) return [];
      return [{ type: "log", level: "info", text: `The master has given us ${oidText(region)}` }];
    }
    // The process that hands over to us still has them for a moment: the second time is worth a line.
    const wait = Math.min(2 * (before?.wait ?? FIRST_RETRY / 2), LONGEST_RETRY);
    this.#refused.set(region, { at: now + wait, wait, error: errorName(error) });
    if (before === undefined || before.wait !== FIRST_RETRY) return [];
    const text = `The master refuses ${oidText(region)}: ${errorName(error)}`;
    return [{ type: "log", level: "warning", text }];
  }

  #notify(varBinds: readonly VarBind[], now: number): SessionEffect[] {
    if (this.#pending.size >= MOST_UNANSWERED) {
      this.#lost++;
      return [];
    }
    return [this.#ask({ type: "notify", varBinds }, { what: "notify" }, now)];
  }

  // ===== verbs ===================================================================================

  #ask(body: Body, pending: Pending, now: number): SessionEffect {
    const packet = this.#packet = (this.#packet + 1) % 2 ** 32;
    this.#pending.set(packet, { ...pending, until: now + PATIENCE });
    return this.#send({ session: this.#id, transaction: 0, packet, bigEndian: true, body });
  }

  #respond(
    { session, transaction, packet, bigEndian }: Pdu,
    error: number,
    index: number,
    varBinds: readonly VarBind[] = [],
  ): SessionEffect[] {
    const there = this.#stage === "open" || this.#stage === "opening";
    // Of a session that is no more: nobody waits for it.
    if (!there || (error === 0 && session !== this.#id)) return [];
    const body = { type: "response", sysUpTime: 0, error, index, varBinds } as const;
    return [this.#send({ session, transaction, packet, bigEndian, body })];
  }

  #send(pdu: Pdu): SessionEffect {
    return { type: "send", bytes: encodePdu(pdu) };
  }

  /** Says why it goes, and does. */
  #leave(reason: CloseReason, trouble: string, now: number): SessionEffect[] {
    const packet = this.#packet = (this.#packet + 1) % 2 ** 32;
    const body = { type: "close", reason } as const;
    const close = { session: this.#id, transaction: 0, packet, bigEndian: true, body };
    return [this.#send(close), ...this.#fail(trouble, now)];
  }

  #fail(trouble: string, now: number): SessionEffect[] {
    const quiet = this.#told;
    for (const { what } of this.#pending.values()) if (what === "notify") this.#lost++;
    this.#stage = "waiting";
    this.#attemptAt = now + this.#retry;
    this.#retry = Math.min(2 * this.#retry, LONGEST_RETRY);
    this.#received = new Uint8Array();
    this.#pending.clear();
    this.#registered.clear();
    this.#refused.clear();
    this.#trouble = `the master agent ${trouble}`;
    this.#told = true;
    const level = quiet ? "debug" : "warning";
    return [
      { type: "disconnect" },
      { type: "log", level, text: `The master agent ${trouble}; it is tried again` },
    ];
  }
}
