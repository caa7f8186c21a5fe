/**
 * Who holds an address when: the kernel's own notifications of several hosts, put side by side.
 *
 * @module
 */

import type { Host } from "./network.ts";
import { type LabProcess, until } from "./process.ts";

/** Ahead of all that is no real-time program, and behind the protocol threads. */
const PRIORITY = "20";

/** A time in which a host held the address; milliseconds since 1970. */
export interface Holding {
  readonly host: string;
  readonly from: number;
  /** `Infinity`: it still does. */
  readonly to: number;
}

/** Watches one address on several hosts from now on. */
export class HolderWatch {
  readonly #address: string;
  readonly #watched: { host: Host; process: LabProcess; initial: boolean; started: number }[] = [];

  private constructor(address: string) {
    this.#address = address;
  }

  /** Starts to watch, and returns when it does. @param address without a prefix length */
  static async start(address: string, hosts: readonly Host[]): Promise<HolderWatch> {
    const watch = new HolderWatch(address);
    for (const host of hosts) {
      const initial = await host.holds(address);
      // It takes the time itself, when it is let run: that must not be when others are done.
      const words = ["chrt", "-f", PRIORITY, "ip", "-ts", "-o", "monitor", "address"];
      const process = host.spawn(words, {
        name: `holders-${host.name}`,
      });
      watch.#watched.push({ host, process, initial, started: Date.now() });
      // It prints nothing before the first change: its socket is what tells that it listens.
      await until("ip monitor listens", () => hasNetlinkGroups(process.pid), 5000);
    }
    return watch;
  }

  /** Ends the watch. */
  async stop(): Promise<void> {
    await Promise.all(this.#watched.map(({ process }) => process.kill()));
  }

  /** All times of holding so far, by host and in order. */
  holdings(): Holding[] {
    return this.#watched.flatMap(({ host, process, initial, started }) => {
      const found: Holding[] = [];
      let since = initial ? started : undefined;
      for (const line of process.log().split("\n")) {
        const match = /^\[([^\]]+)\] (Deleted )?\d+: \S+ +inet6? (\S+?)[/ ]/.exec(line);
        if (match === null || match[3] !== this.#address) continue;
        const at = parseTimestamp(match[1]!);
        if (match[2] === undefined) since ??= at;
        else if (since !== undefined) {
          found.push({ host: host.name, from: since, to: at });
          since = undefined;
        }
      }
      if (since !== undefined) found.push({ host: host.name, from: since, to: Infinity });
      return found;
    });
  }

  /** The longest time for which two hosts held it at once, milliseconds, until `now`. */
  longestOverlap(now = Date.now()): number {
    const holdings = this.holdings();
    let longest = 0;
    for (const a of holdings) {
      for (const b of holdings) {
        if (a.host >= b.host) continue;
        const overlap = Math.min(a.to, b.to, now) - Math.max(a.from, b.from);
        longest = Math.max(longest, overlap);
      }
    }
    return longest;
  }
}

/** `2026-11-21T01:02:03.123456`, local time. */
function parseTimestamp(text: string): number {
  const time = Date.parse(text.slice(0, 23));
  if (Number.isNaN(time)) throw new TypeError(`Not a time: ${text}`);
  return time;
}

/** Whether the process, or a child of it, has a netlink socket with group memberships. */
function hasNetlinkGroups(pid: number): boolean {
  const lines = Deno.readTextFileSync(`/proc/${pid}/net/netlink`).split("\n").slice(1);
  return lines.some((line) => {
    const [, family, port, groups] = line.trim().split(/\s+/);
    return family === "0" && Number(port) === pid && groups !== "00000000";
  });
}
