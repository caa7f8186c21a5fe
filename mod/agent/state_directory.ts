/**
 * The state directory is its owner's alone (CONTRACT.md section 6): what is in it is believed at the
 * next start, and tells of the whole site.
 *
 * @module
 */

import { join } from "node:path";
import { FileLock } from "../../ffi/mod.ts";
import { isHalb } from "../kernel/mark.ts";
import { textOf } from "../text/mod.ts";
import { log } from "./logging.ts";
import { writePrivately } from "./private_file.ts";

/** How often a process that has taken over looks whether the former one has let go, milliseconds. */
const LOOKS = 100;

/** Our hand on the state directory: it has one agent at a time. */
export class StateLock {
  readonly #lock: FileLock;
  #looking: ReturnType<typeof setInterval> | undefined;

  private constructor(path: string) {
    this.#lock = new FileLock(path, true);
  }

  /** @throws {Error} where another agent uses the directory */
  static take(path: string): StateLock {
    const own = new StateLock(path);
    if (own.#lock.tryAcquire()) return own;
    own.close();
    throw new Error(
      `Another agent uses the state directory "${path}": ` +
        "give each its own (agent.state_directory), and its own control socket",
    );
  }

  /**
   * The hand of the process that we have taken over from, once it lets go. Never throws: an agent
   * that runs goes on running.
   */
  static inherit(path: string): StateLock | null {
    try {
      const own = new StateLock(path);
      if (!own.#look()) own.#looking = setInterval(() => own.#look(), LOOKS);
      if (own.#looking !== undefined) Deno.unrefTimer(own.#looking);
      return own;
    } catch (error) {
      log("warning", ["control"], `Cannot lock the state directory: ${textOf(error)}`);
      return null;
    }
  }

  /** Lets a successor have it, or the next agent. */
  close(): void {
    clearInterval(this.#looking);
    this.#lock.close();
  }

  /** Whether there is nothing more to look for. */
  #look(): boolean {
    try {
      if (!this.#lock.tryAcquire()) return false;
    } catch (error) {
      log("warning", ["control"], `Cannot lock the state directory: ${textOf(error)}`);
    }
    clearInterval(this.#looking);
    return true;
  }
}

/** Its file with the number by which the kernel marks what its agent holds. */
const NUMBER = "protocol_number";

/** Notes the number of the marks, for a cleanup that knows no configuration. Never throws. */
export function noteNumber(directory: string, number: number): void {
  try {
    if (notedNumber(directory) === number) return;
    writePrivately(join(directory, NUMBER), `${number}\n`);
  } catch (error) {
    log("warning", ["control"], `Cannot note the protocol number: ${textOf(error)}`);
  }
}

/** The number of the marks of the agent that had the directory last; undefined: nobody knows. */
export function notedNumber(directory: string): number | undefined {
  try {
    const path = join(directory, NUMBER);
    const { isFile, size, uid } = Deno.lstatSync(path);
    if (!isFile || size > 4 || uid !== Deno.statSync(directory).uid) return undefined;
    const [, number] = /^([0-9]{1,3})\n$/.exec(Deno.readTextFileSync(path)) ?? [];
    // Nobody's routes are halb's because somebody wrote so there.
    return isHalb(Number(number)) ? Number(number) : undefined;
  } catch {
    return undefined;
  }
}

/** What may be in it: the files, their drafts, and the control socket with its lock. */
const OURS = new RegExp(
  "^((state|dump|stats|ipvs|reload)\\.json|protocol_number)(\\.\\d+)?$|^events(\\.1)?\\.jsonl$|" +
    "\\.sock(\\.lock)?$",
);

/**
 * Makes the directory, with mode 0700. One that is there and open to others is closed to them where
 * nothing but ours is in it; somebody else's, or one that serves others as well, is refused: a
 * mistyped path must not lock the host's users out of, say, /var/lib.
 *
 * @returns a warning, where something was corrected
 * @throws {Error} where it cannot be had, or is not ours alone
 */
export function ownStateDirectory(path: string): string | undefined {
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  // Through a link, as systemd makes one for DynamicUser: whose it is counts, not how we got there.
  const { uid, mode, isDirectory } = Deno.statSync(path);
  const named = `The state directory "${path}"`;
  if (!isDirectory) throw new Error(`${named} is no directory`);
  const user = Deno.uid();
  if (uid !== user) throw new Error(`${named} belongs to user ${uid}, this is user ${user}`);
  if ((mode! & 0o077) === 0) return undefined;
  const shown = (mode! & 0o7777).toString(8);
  const foreign = [...Deno.readDirSync(path)].find(({ name }) => !OURS.test(name));
  if (foreign !== undefined) {
    const what = `open to others (mode ${shown}), and "${foreign.name}" in it is not halb's`;
    throw new Error(`${named} is ${what}: name one of its own, or close it (chmod 0700)`);
  }
  Deno.chmodSync(path, 0o700);
  return `${named} was open to others (mode ${shown}): it is 0700 now`;
}
