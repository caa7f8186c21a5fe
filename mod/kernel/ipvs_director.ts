/**
 * Drives the kernel's load balancer of one namespace: reads its table once, then knows it by what
 * it does, and makes it what is wanted by the fewest commands, many in one send, each with its
 * acknowledgement.
 *
 * The table may be changed by others. When an answer shows that it was (what should be added is
 * there, what should be changed is not), or when an answer is lost, the table is read again and
 * the rest planned anew. What the kernel refuses for a reason of its own (a scheduler that it does
 * not have) is reported with the command, and tried again at the next call.
 *
 * @module
 */

import {
  type Command,
  describeCommand,
  destinationName,
  type DestinationState,
  encodeCommand,
  encodeQuestion,
  type Info,
  planTable,
  type Question,
  readDaemon,
  readDestination,
  readInfo,
  readService,
  readTimeouts,
  serviceName,
  type ServiceState,
  type SyncDaemon,
  type Table,
  type TableCommand,
  type TableEntry,
  TableModel,
  type Timeouts,
} from "../ipvs/mod.ts";
import type { Decoded, NetlinkMessage } from "../netlink/mod.ts";
import { explain, explainErrno, isSurprise } from "./ipvs_answers.ts";
import type { IpvsIo } from "./ipvs_io.ts";
import { ANSWER_LOST, type Encode, Requester } from "./requester.ts";

/** How often one call reads and plans anew because others change the table meanwhile. */
const ROUNDS = 3;

/** A service with everything the kernel says of it. */
export interface ServiceSnapshot extends ServiceState {
  readonly destinations: readonly DestinationState[];
}

/** What the kernel would not do. */
export interface IpvsFailure {
  readonly command: TableCommand;
  /** 0: the table was changed by somebody else again and again. */
  readonly errno: number;
  /** In words: what, and why. */
  readonly text: string;
}

/** What became of a call. */
export interface IpvsOutcome {
  /** Commands that were sent, in all rounds. */
  readonly sent: number;
  /** Times that the table had to be read: 0 or 1 where nobody else changes it. */
  readonly reads: number;
  readonly failures: readonly IpvsFailure[];
  /** Answers showed that somebody else had changed the table. */
  readonly changed?: true;
}

/** What is called for changing the whole. */
export interface ConvergeOptions {
  /** The table is ours alone: services of others go. */
  readonly flush?: boolean;
  /** Names of services that stay as they are for now. */
  readonly spare?: ReadonlySet<string>;
}

/** A convergence under way. */
interface Work extends Required<ConvergeOptions> {
  readonly wanted: Table;
  /** Undefined: it is still to be planned. */
  commands: readonly TableCommand[] | undefined;
  next: number;
  round: number;
  sent: number;
  reads: number;
  failures: IpvsFailure[];
  surprised: IpvsFailure[];
  changed: boolean;
  /** Services that could not be made: their destinations cannot either. */
  readonly missing: Set<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** One namespace's load balancer. */
export class IpvsDirector {
  readonly #io: IpvsIo;
  readonly #requester: Requester;
  #model = new TableModel();
  #known = false;
  /** Services that were wanted of us: ours to remove when they no longer are. */
  readonly #own: Set<string>;
  #work: Work | undefined;
  /** What of the last reading cannot be represented, and is left alone. */
  #refused: readonly string[] = [];

  /** @param own names of services that an earlier run has made */
  constructor(io: IpvsIo, own: Iterable<string> = []) {
    this.#io = io;
    this.#requester = new Requester(io);
    this.#own = new Set(own);
  }

  /** The kernel's table, as far as it is known. */
  get table(): Table {
    return this.#model.table;
  }

  /** Names of the services that are ours to remove. */
  get own(): ReadonlySet<string> {
    return this.#own;
  }

  /** Entries of the kernel's table that were left out when it was read, with the reason. */
  get refused(): readonly string[] {
    return this.#refused;
  }

  /** The table may have been changed by others: it is read again before the next change. */
  distrust(): void {
    this.#known = false;
  }

  /**
   * Everything in the table with its counters.
   *
   * @throws {Error} where the kernel refuses
   */
  snapshot(): ServiceSnapshot[] {
    const refused: string[] = [];
    const accept = <T>(read: Decoded<T>): T | undefined => {
      if (read.ok) return read.value;
      refused.push(read.reason);
      return undefined;
    };
    const snapshots: ServiceSnapshot[] = [];
    for (const message of this.#dump({ kind: "services" })) {
      const state = accept(readService(message));
      if (state === undefined) continue;
      const { key } = state.service;
      const destinations: DestinationState[] = [];
      // A service that has gone meanwhile has none: the kernel answers with an empty dump.
      for (const answer of this.#dump({ kind: "destinations", service: key })) {
        const destination = accept(readDestination(answer, key.family));
        if (destination !== undefined) destinations.push(destination);
      }
      snapshots.push({ ...state, destinations });
    }
    this.#refused = refused;
    return snapshots;
  }

  /**
   * Reads the table.
   *
   * @throws {Error} where the kernel refuses
   */
  read(): void {
    const table = new Map<string, TableEntry>();
    for (const { service, destinations } of this.snapshot()) {
      const entries = destinations.map(({ destination }) =>
        [destinationName(destination.key), destination] as const
      );
      table.set(serviceName(service.key), { service, destinations: new Map(entries) });
    }
    this.#model = new TableModel(table);
    this.#known = true;
  }

  /**
   * The kernel's table was read elsewhere.
   *
   * @param refused entries that were left out, with the reason
   */
  learn(table: Table, refused: readonly string[]): void {
    this.#model = new TableModel(table);
    this.#refused = refused;
    this.#known = true;
    this.#work = undefined;
  }

  /** The table was read, and nobody has said that it is otherwise. */
  get known(): boolean {
    return this.#known;
  }

  /**
   * Makes the kernel's table what is wanted.
   *
   * @throws {Error} where the kernel refuses to be read, or the socket fails
   */
  converge(wanted: Table, options: ConvergeOptions = {}): IpvsOutcome {
    this.#work = undefined;
    return this.advance(wanted, Infinity, options)!;
  }

  /**
   * The same in parts: another call with the same goal goes on where this one ends.
   *
   * @param most commands in this call
   * @returns undefined: some are left
   * @throws {Error} where the kernel refuses to be read, or the socket fails
   */
  advance(
    wanted: Table,
    most: number,
    { flush = false, spare = NONE }: ConvergeOptions = {},
  ): IpvsOutcome | undefined {
    const before = this.#work;
    const same = before?.wanted === wanted && before.flush === flush && before.spare === spare;
    const work = same ? before : newWork(wanted, flush, spare);
    this.#work = undefined;
    for (let left = most;;) {
      const commands = this.#planned(work);
      const part = commands.slice(work.next, work.next + left);
      this.#apply(part, work);
      work.next += part.length;
      work.sent += part.length;
      left -= part.length;
      if (work.next < commands.length) {
        this.#work = work;
        return undefined;
      }
      for (const name of this.#own) {
        if (!wanted.has(name) && !this.#model.table.has(name)) this.#own.delete(name);
      }
      const { sent, reads, failures, surprised } = work;
      const more = work.changed ? { changed: true } as const : {};
      if (surprised.length === 0) return { sent, reads, failures, ...more };
      this.#known = false;
      if (work.round === ROUNDS) {
        return { sent, reads, failures: [...failures, ...surprised], ...more };
      }
      work.round++;
      work.commands = undefined;
      work.failures = [];
      work.surprised = [];
      work.missing.clear();
    }
  }

  /** How many commands `advance` has planned and not sent yet. */
  get pending(): number {
    const { commands = [], next = 0 } = this.#work ?? {};
    return commands.length - next;
  }

  /** The commands that `converge` would send now. */
  plan(wanted: Table, { flush = false, spare = NONE }: ConvergeOptions = {}): TableCommand[] {
    const { table } = this.#model;
    if (spare.size === 0) return planTable(wanted, table, flush ? "all" : this.#own);
    const removable = new Set(flush ? table.keys() : this.#own);
    for (const name of spare) removable.delete(name);
    const touched = new Map(wanted);
    for (const name of spare) touched.delete(name);
    return planTable(touched, table, removable);
  }

  /**
   * Does something that is not about the table.
   *
   * @throws {Error} where the kernel refuses
   */
  execute(command: Exclude<Command, TableCommand | { readonly kind: "flush" }>): void {
    const [answer] = this.#requester.answersTo([this.#encode(command)]);
    if (answer !== undefined && answer.errno === 0) return;
    if (command.kind === "stop-daemon" && answer?.text === ANSWER_LOST) {
      // One that has not run yet ends with EINTR, and that is what netlink never acknowledges.
      if (!this.daemons().some(({ role }) => role === command.role)) return;
    }
    const why = answer === undefined ? ANSWER_LOST : explainErrno(answer);
    throw new Error(`Cannot ${command.kind.replace("-", " ")}: ${why}`);
  }

  /** How long idle connections are remembered. */
  timeouts(): Timeouts {
    return this.#ask({ kind: "timeouts" }, readTimeouts);
  }

  /** Version of the load balancer and size of its connection table. */
  info(): Info {
    return this.#ask({ kind: "info" }, readInfo);
  }

  /** The synchronisation daemons that run. */
  daemons(): SyncDaemon[] {
    return this.#dump({ kind: "daemons" }).map((message) => valueOf(readDaemon(message)));
  }

  close(): void {
    this.#io.close();
  }

  #planned(work: Work): readonly TableCommand[] {
    if (work.commands !== undefined && this.#known) return work.commands;
    if (!this.#known) {
      this.read();
      work.reads++;
    }
    work.next = 0;
    work.commands = this.plan(work.wanted, work);
    // Whatever comes of it, they are ours from now on.
    for (const name of work.wanted.keys()) this.#own.add(name);
    return work.commands;
  }

  /** Sends commands and follows each answer. */
  #apply(
    commands: readonly TableCommand[],
    work: Work,
  ): void {
    const { failures, surprised, missing } = work;
    this.#requester.transact(commands.map((command) => this.#encode(command)), (at, answer) => {
      const command = commands[at]!;
      const { errno } = answer;
      if (errno === 0) {
        this.#model.apply(command);
        return;
      }
      if (command.kind === "add-destination" && missing.has(serviceName(command.service))) return;
      const text = `${describeCommand(command)}: ${explain(command, answer)}`;
      if (answer.text === ANSWER_LOST || isSurprise(command.kind, errno)) {
        surprised.push({ command, errno: 0, text });
        work.changed ||= answer.text !== ANSWER_LOST;
        return;
      }
      if (command.kind === "add-service") missing.add(serviceName(command.service.key));
      failures.push({ command, errno, text });
    });
  }

  #encode(command: Command): Encode {
    return (writer, sequence) => encodeCommand(writer, this.#io.family, sequence, command);
  }

  #dump(question: Question): readonly NetlinkMessage[] {
    return this.#requester.dump((writer, sequence) =>
      encodeQuestion(writer, this.#io.family, sequence, question)
    );
  }

  #ask<T>(question: Question, read: (message: NetlinkMessage) => Decoded<T>): T {
    const answer = this.#requester.ask((writer, sequence) =>
      encodeQuestion(writer, this.#io.family, sequence, question)
    );
    return valueOf(read(answer));
  }
}

function newWork(wanted: Table, flush: boolean, spare: ReadonlySet<string>): Work {
  return {
    wanted,
    flush,
    spare,
    commands: undefined,
    next: 0,
    round: 1,
    sent: 0,
    reads: 0,
    failures: [],
    surprised: [],
    changed: false,
    missing: new Set(),
  };
}

function valueOf<T>(read: Decoded<T>): T {
  if (!read.ok) throw new Error(read.reason);
  return read.value;
}
