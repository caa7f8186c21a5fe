/**
 * Mails about changes: those of a few seconds in one, each sent until the server has taken it or a
 * day has passed.
 *
 * @module
 */

import type { MailConfig } from "../../config/mod.ts";
import { showText, textOf } from "../text/mod.ts";
import { soon } from "../patience/mod.ts";
import { type MailText, mailText } from "./mail_text.ts";
import type { Notice } from "./notice.ts";

/** Mails that wait for their server; past that the oldest go. */
const MOST_WAITING = 100;
/** Changes that wait for a mail; past that the oldest go. */
const MOST_COLLECTED = 10_000;
/** Until the next attempt, seconds; the last one counts from then on. */
const PAUSES = [10, 30, 60, 300, 900];
/** After that a mail is old news, milliseconds. */
const TOO_OLD = 24 * 3600 * 1000;

/** How a mail is sent. @throws {Error} where it is not */
export type SendMail = (config: MailConfig, from: string, mail: MailText) => Promise<void>;

export interface MailerSurroundings {
  /** The agent's name. */
  readonly agent: string;
  readonly send: SendMail;
  log(
    level: "info" | "warning" | "error",
    message: string,
    properties?: Readonly<Record<string, string | number>>,
  ): void;
}

/** What it has to say of itself. */
export interface MailStatus {
  readonly sent: number;
  /** Mails and changes that wait. */
  readonly waiting: number;
  readonly failures: number;
  readonly lost: number;
}

export class Mailer {
  config: MailConfig;
  readonly #env: MailerSurroundings;
  readonly #collected: Notice[] = [];
  readonly #waiting: { mail: MailText; since: number }[] = [];
  #collecting: ReturnType<typeof setTimeout> | undefined;
  #pausing: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | null = null;
  #attempts = 0;
  #counts = { sent: 0, failures: 0, lost: 0 };

  constructor(config: MailConfig, env: MailerSurroundings) {
    this.config = config;
    this.#env = env;
  }

  get status(): MailStatus {
    return {
      ...this.#counts,
      waiting: this.#waiting.length + (this.#collected.length > 0 ? 1 : 0),
    };
  }

  /** A change that is worth a mail, perhaps together with others. */
  push(notice: Notice): void {
    if (this.#collected.push(notice) > MOST_COLLECTED) this.#collected.shift();
    this.#collecting ??= setTimeout(() => this.#post(), this.config.collect / 1000);
  }

  /** Sends what there is, once and within this time; what then remains is lost, with a word in the log. */
  async close(patience: number): Promise<void> {
    if (this.#collected.length > 0) this.#post();
    clearTimeout(this.#pausing);
    this.#pausing = undefined;
    this.#send();
    if (this.#sending !== null) await soon(this.#sending, patience);
    clearTimeout(this.#pausing);
    const mails = this.#waiting.length;
    if (mails > 0) this.#env.log("warning", "Mails are lost: the agent ends", { mails });
  }

  #post(): void {
    clearTimeout(this.#collecting);
    this.#collecting = undefined;
    this.#waiting.push({
      mail: mailText(this.#env.agent, this.#collected.splice(0)),
      since: Date.now(),
    });
    if (this.#waiting.length > MOST_WAITING) {
      // The first one may be on its way at this moment.
      this.#waiting.splice(this.#sending === null ? 0 : 1, 1);
      this.#lose("too many wait");
    }
    if (this.#pausing === undefined) this.#send();
  }

  #send(): void {
    this.#sending ??= this.#sendAll().finally(() => this.#sending = null);
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const { config } = this;
      try {
        const { agent } = this.#env;
        const host = agent.replace(/[^A-Za-z0-9.-]/g, "-");
        await this.#env.send(config, config.from ?? `halb@${host}`, next.mail);
        this.#waiting.shift();
        this.#attempts = 0;
        this.#counts.sent++;
        this.#env.log("info", "Mail sent", { subject: next.mail.subject });
      } catch (error) {
        this.#counts.failures++;
        const pause = PAUSES[Math.min(this.#attempts++, PAUSES.length - 1)]!;
        const reason = this.#withoutSecret(textOf(error));
        this.#env.log("warning", "Cannot send mail", { reason, next_attempt_s: pause });
        while (this.#waiting[0] !== undefined && Date.now() - this.#waiting[0].since > TOO_OLD) {
          this.#waiting.shift();
          this.#lose("a day has passed");
        }
        this.#pausing = setTimeout(() => {
          this.#pausing = undefined;
          this.#send();
        }, pause * 1000);
        return;
      }
    }
  }

  #lose(reason: string): void {
    this.#counts.lost++;
    this.#env.log("error", "A mail is lost", { reason });
  }

  /** A server may say back what it was told. */
  #withoutSecret(text: string): string {
    const password = this.config.login?.password;
    const shown = showText(text === "" ? "no connection" : text, 300);
    return password === undefined ? shown : shown.replaceAll(password, "***");
  }
}
