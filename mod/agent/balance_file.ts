/**
 * What of virtual servers outlives an agent that is killed: `ipvs.json` in the state directory. It
 * holds the kernel plane's note (what is ours in the kernel's table, and how things were before),
 * what operators have ordered and listed, and which checks fail. It goes at an end that leaves
 * nothing of ours in the kernel.
 *
 * @module
 */

import { join } from "node:path";
import * as v from "valibot";
import type { BalanceMemory, BalanceNote } from "../plane/balance.ts";
import { textOf } from "../text/mod.ts";
import { log } from "./logging.ts";
import type { Lists } from "./listing.ts";
import { bootId, LONGEST_DOCUMENT, parseJson, RefusedDocument } from "./memory.ts";
import { balanceNote, checkFindings, orderedServers, serverLists } from "./memory_balance.ts";
import { removeIfThere, writePrivately } from "./private_file.ts";

const NAME = "ipvs.json";
const FORMAT = 1;

/** What virtual servers remember of themselves. */
export type BalanceServers = BalanceMemory["servers"];
type Findings = BalanceMemory["checks"];

const fileSchema = v.strictObject({
  format: v.literal(FORMAT),
  boot: v.string(),
  note: v.exactOptional(balanceNote),
  orders: orderedServers,
  checks: v.exactOptional(checkFindings),
  lists: v.exactOptional(serverLists),
});

/** What another agent of this boot has left. */
export interface LeftBalance {
  readonly note?: BalanceNote;
  readonly orders: BalanceServers;
  readonly checks: Findings;
  readonly lists: Lists;
}

const NOTHING: LeftBalance = { orders: [], checks: [], lists: new Map() };

export class BalanceFile {
  readonly #directory: string;
  readonly #owner: number | null;
  readonly #warn: (message: string) => void;
  #note: BalanceNote | undefined;
  #orders: BalanceServers = [];
  #checks: Findings = [];
  #lists: Lists = new Map();
  /** What stands in the file; null: nobody knows. */
  #written: string | null = null;

  /**
   * @param directory the state directory
   * @param owner who has to own what is in it: this process's user, unless given
   * @param warn hears what is wrong with it; the log, unless given
   */
  constructor(
    directory: string,
    owner: number | null = Deno.uid(),
    warn = (message: string): void => log("warning", ["ipvs"], message),
  ) {
    this.#directory = directory;
    this.#owner = owner;
    this.#warn = warn;
  }

  /** Reads what another agent of this boot has left, if there is something. Never throws. */
  read(): LeftBalance {
    const path = join(this.#directory, NAME);
    try {
      const { uid, isFile, size } = Deno.lstatSync(path);
      if (!isFile) throw new RefusedDocument("it is no file");
      if (uid !== this.#owner) throw new RefusedDocument(`it belongs to user ${uid}`);
      if (size > LONGEST_DOCUMENT) throw new RefusedDocument("it is too long");
      const result = v.safeParse(fileSchema, parseJson(Deno.readTextFileSync(path)));
      if (!result.success) {
        const [issue] = result.issues;
        throw new RefusedDocument(`"${v.getDotPath(issue) ?? ""}" is wrong: ${issue.message}`);
      }
      // A kernel that has been started anew has none of it.
      if (result.output.boot !== bootId()) return NOTHING;
      const { note, orders, checks = [], lists = {} } = result.output;
      this.#note = note;
      this.#orders = orders;
      this.#checks = checks;
      this.#lists = new Map(Object.entries(lists));
      return { ...(note === undefined ? {} : { note }), orders, checks, lists: this.#lists };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        this.#warn(`Takes no notice of ${path}: ${textOf(error)}`);
      }
      return NOTHING;
    }
  }

  /** Another note in place of the one before. Never throws: it says in the log what failed. */
  note(note: BalanceNote): void {
    this.#note = note;
    this.#write();
  }

  /**
   * What is remembered now: of it, what operators have ordered is written down.
   *
   * @param checks what they have said, as far as the next agent has to know (`tellingFindings`)
   */
  remember(servers: BalanceServers, checks: Findings): void {
    this.#orders = ordered(servers);
    this.#checks = checks;
    this.#write();
  }

  /** What is listed by command now. */
  list(lists: Lists): void {
    this.#lists = lists;
    this.#write();
  }

  /** The agent ends: where nothing of ours is left, nothing is to be remembered. */
  end(): void {
    if (this.#note !== undefined && !isEmpty(this.#note)) return;
    this.#orders = [];
    this.#checks = [];
    this.#lists = new Map();
    this.#write();
  }

  #write(): void {
    const path = join(this.#directory, NAME);
    const note = this.#note === undefined || isEmpty(this.#note) ? {} : { note: this.#note };
    const lists = this.#lists.size === 0 ? {} : { lists: Object.fromEntries(this.#lists) };
    const orders = this.#orders;
    const checks = this.#checks.length === 0 ? {} : { checks: this.#checks };
    const parts = { ...note, ...checks, ...lists };
    const nothing = orders.length === 0 && Object.keys(parts).length === 0;
    const content = { format: FORMAT, boot: bootId(), orders, ...parts };
    const text = nothing ? "" : `${JSON.stringify(content)}\n`;
    if (text === this.#written) return;
    // Another user's agent would not believe a file of ours: its own stays, until nothing is left.
    if (text !== "" && this.#owner !== Deno.uid()) return;
    try {
      if (text === "") removeIfThere(path);
      else writePrivately(path, text);
      this.#written = text;
    } catch (error) {
      this.#written = null;
      log("error", ["ipvs"], `Cannot write ${path}: ${textOf(error)}`);
    }
  }
}

/** Servers that an operator has said something about. */
function ordered(servers: BalanceServers): BalanceServers {
  return servers.flatMap((one) => {
    const left = one.servers.filter(({ override, drain }) => override !== null || drain !== null);
    return left.length === 0 ? [] : [{ ...one, servers: left }];
  });
}

function isEmpty({ own, originals, daemons }: BalanceNote): boolean {
  return own.length === 0 && daemons.length === 0 && originals.timeouts === null &&
    Object.keys(originals.settings).length === 0;
}
