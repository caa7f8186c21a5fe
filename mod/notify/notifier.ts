/**
 * Who is told what: takes each change once and gives it to the programs, FIFOs and people that the
 * site names for it.
 *
 * @module
 */

import type { NotificationsConfig, NotifyConfig } from "../../config/mod.ts";
import { Fifo, type FifoStatus } from "./fifo.ts";
import { FifoProgram } from "./fifo_program.ts";
import { Mailer, type MailStatus, type SendMail } from "./mailer.ts";
import { fifoLine, jsonLine, kindOf, type Notice } from "./notice.ts";
import { type NotifyLog, Programs } from "./programs.ts";

type Format = "text" | "json";

/** A FIFO that the site names, and what comes through it. */
interface Channel {
  readonly format: Format;
  readonly fifo: Fifo;
  /** Names of the tables that it is for; null: all. */
  readonly of: Set<string> | null;
}

/** How long the last mails may take, milliseconds. */
const LAST_MAILS = 5_000;

/** What it needs of its surroundings. */
export interface NotifierSurroundings {
  /** The agent's name. */
  readonly agent: string;
  /** The last state of each router, group and session. */
  states(): Notice[];
  readonly log: NotifyLog;
  readonly sendMail: SendMail;
}

/** What is to be seen in status. */
export interface NotifierStatus {
  readonly fifos: readonly (FifoStatus & { readonly format: Format })[];
  readonly mail: MailStatus | null;
}

function keyOf({ type, name }: { readonly type: string; readonly name: string }): string {
  return `${type} ${name}`;
}

/**
 * keepalived's FIFO has no lines for BFD: who reads that of all has not asked for any. Nor has it
 * any for checks, which have no table of their own here.
 */
function isFor(notice: Notice, format: Format, of: ReadonlySet<string> | null): boolean {
  if (format === "text" && (notice.server?.quiet === true || notice.type === "CHECK")) return false;
  return of === null ? format === "json" || notice.type !== "BFD" : of.has(keyOf(notice));
}

/** Whoever asks how things stand is told, whether the change was news or not. */
function loud(notice: Notice): Notice {
  if (notice.server === undefined) return notice;
  return { ...notice, server: { ...notice.server, quiet: false } };
}

export class Notifier {
  readonly #env: NotifierSurroundings;
  readonly #programs: Programs;
  #config: NotificationsConfig;
  #targets: ReadonlyMap<string, NotifyConfig>;
  #channels = new Map<string, Channel>();
  readonly #readers = new Map<string, FifoProgram>();
  #mailer: Mailer | null = null;

  constructor(config: NotificationsConfig, env: NotifierSurroundings) {
    this.#env = env;
    this.#programs = new Programs(env.log);
    this.#config = config;
    this.#targets = new Map();
    this.configure(config);
  }

  /** Other settings: what did not change goes on, with all that waits in it. */
  configure(config: NotificationsConfig): void {
    const former = this.#config;
    this.#config = config;
    this.#targets = new Map(config.targets.map((target) => [keyOf(target), target]));
    this.#configureFifos(former);
    const { mail } = config;
    if (mail === undefined) {
      void this.#mailer?.close(LAST_MAILS);
      this.#mailer = null;
    } else if (this.#mailer !== null) this.#mailer.config = mail;
    else {
      this.#mailer = new Mailer(mail, {
        agent: this.#env.agent,
        send: this.#env.sendMail,
        log: (level, message, more) => this.#env.log(level, ["mail"], message, more),
      });
    }
  }

  /** Tells whoever wants to know. A router that was deleted may have no table any more. */
  tell(notice: Notice, deleted?: NotifyConfig): void {
    const target = deleted ?? this.#targets.get(keyOf(notice));
    const kind = kindOf(notice);
    if (kind === "priority" && target?.priority_changes !== true) return;
    for (const { fifo, format, of } of this.#channels.values()) {
      if (!isFor(notice, format, of)) continue;
      fifo.push(format === "text" ? fifoLine(notice) : jsonLine(notice, false));
    }
    if (target === undefined || notice.server?.quiet === true) return;
    this.#programs.tell(target, notice);
    const { mail } = this.#config;
    const state = notice.state.toLowerCase();
    if (target.mail && mail?.states.some((wanted) => wanted === state)) this.#mailer?.push(notice);
  }

  /** All states again. @param paths to these FIFOs only */
  repeatStates(paths?: readonly string[]): void {
    for (const [path, { fifo, format, of }] of this.#channels) {
      if (paths === undefined || paths.includes(path)) fifo.push(...this.#lines(format, of));
    }
  }

  get status(): NotifierStatus {
    return {
      fifos: [...this.#channels.values()].map(({ fifo, format }) => ({ ...fifo.status, format })),
      mail: this.#mailer?.status ?? null,
    };
  }

  /** Lets programs end, readers read and mails go, and ends. */
  async end(): Promise<void> {
    await this.#programs.idle();
    await Promise.all([...this.#channels.values()].map(({ fifo }) => fifo.close()));
    await Promise.all([
      ...[...this.#readers.values()].map((reader) => reader.stop(false)),
      this.#mailer?.close(LAST_MAILS),
    ]);
  }

  /** No more patience: kills what runs. */
  hurry(): void {
    this.#programs.hurry();
    for (const reader of this.#readers.values()) void reader.stop(true);
  }

  #lines(format: Format, of: ReadonlySet<string> | null): string[] {
    return this.#env.states().filter((notice) => isFor(loud(notice), format, of))
      .map((notice) => format === "text" ? fifoLine(notice) : jsonLine(notice, true));
  }

  #configureFifos(former: NotificationsConfig): void {
    const wanted = wantedFifos(this.#config);
    const owner = this.#config.fifo_user;
    const sameOwner = owner.name === former.fifo_user.name;
    const channels = new Map<string, Channel>();
    for (const [path, { format, of }] of wanted) {
      const present = this.#channels.get(path);
      this.#channels.delete(path);
      if (present !== undefined && present.format === format && sameOwner) {
        channels.set(path, { ...present, of });
        continue;
      }
      void present?.fifo.close();
      const fifo = new Fifo(path, owner, {
        fullState: () => this.#lines(format, this.#channels.get(path)?.of ?? null),
        log: (level, message) => this.#env.log(level, ["fifo"], message),
      });
      channels.set(path, { format, fifo, of });
    }
    for (const { fifo } of this.#channels.values()) void fifo.close();
    this.#channels = channels;
    this.#configureReaders();
  }

  #configureReaders(): void {
    const { agent, script_user: user } = this.#config;
    const wanted = new Map<string, () => FifoProgram>();
    for (
      const [command, path] of [
        [agent.fifo_script, agent.fifo],
        [agent.json_fifo_script, agent.json_fifo],
      ] as const
    ) {
      if (command === undefined || path === undefined) continue;
      const log = (level: "debug" | "warning", message: string) =>
        this.#env.log(level, ["fifo"], message);
      wanted.set(
        JSON.stringify([command, path, user]),
        () => new FifoProgram(command, path, user, log),
      );
    }
    for (const [key, reader] of this.#readers) {
      if (wanted.has(key)) continue;
      void reader.stop(true);
      this.#readers.delete(key);
    }
    for (const [key, start] of wanted) {
      if (!this.#readers.has(key)) this.#readers.set(key, start());
    }
  }
}

/** The FIFOs of a site: what each gets, and of whom. */
function wantedFifos(
  config: NotificationsConfig,
): Map<string, { format: Format; of: Set<string> | null }> {
  const wanted = new Map<string, { format: Format; of: Set<string> | null }>();
  for (const [key, format] of [["fifo", "text"], ["json_fifo", "json"]] as const) {
    for (const target of config.targets) {
      const path = target[key];
      if (path === undefined) continue;
      const known = wanted.get(path) ?? { format, of: new Set() };
      known.of?.add(keyOf(target));
      wanted.set(path, known);
    }
    const path = config.agent[key];
    if (path !== undefined) wanted.set(path, { format, of: null });
  }
  return wanted;
}
