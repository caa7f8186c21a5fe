/**
 * Packet captures, written by tcpdump and read by tshark.
 *
 * A capture is confirmed to be listening before the lab goes on, so that a packet missing from it
 * was not sent. Packets are read with tshark's dissectors: they judge what we send, and no codec
 * of ours is involved in its own test. Times are whole microseconds since 1970 (CLOCK_REALTIME),
 * taken by the kernel when the packet passed.
 *
 * @module
 */

import {
  CommandError,
  delay,
  execute,
  Hopeless,
  LabProcess,
  tryExecute,
  until,
} from "./process.ts";

/** One packet as tshark dissected it. */
export interface CapturedPacket {
  /** Microseconds since 1970. */
  readonly time: number;
  /** The fields asked for; several occurrences are joined by commas; absent fields are empty. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A running or finished capture. */
export class Capture {
  readonly name: string;
  /** The pcap file. */
  readonly path: string;
  readonly #process: LabProcess;
  #stopped = false;

  private constructor(name: string, path: string, process: LabProcess) {
    this.name = name;
    this.path = path;
    this.#process = process;
  }

  /**
   * Starts to capture and returns when it listens.
   *
   * @param filter in the language of tcpdump, such as `ip proto 112 or arp`; empty: everything
   */
  static async start(
    where: {
      readonly name: string;
      readonly namespace: string;
      readonly interface: string;
      readonly directory: string;
    },
    filter = "",
  ): Promise<Capture> {
    const path = `${where.directory}/${where.name}.pcap`;
    // The buffer has a slot of the longest packet for each packet: with tcpdump's own idea of that
    // it holds 64 of them, and a burst is lost.
    const size = ["-s", "2048", "-B", "16384"];
    const options = ["-n", "-U", "--immediate-mode", ...size, "-Z", "root", "-w", path];
    const words = filter === "" ? [] : [filter];
    const process = LabProcess.start(["tcpdump", "-i", where.interface, ...options, ...words], {
      name: `capture ${where.name}`,
      logPath: `${where.directory}/${where.name}.tcpdump.log`,
      wrapper: ["ip", "netns", "exec", where.namespace],
    });
    const capture = new Capture(where.name, path, process);
    try {
      await until("tcpdump listens", () => {
        if (!process.running) throw new Hopeless(`tcpdump ended: ${process.log().trim()}`);
        return process.log().includes("listening on");
      }, 5000);
    } catch (error) {
      await process.kill();
      throw error;
    }
    return capture;
  }

  /** Ends it; what has passed until now is in the file. A second call does nothing. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await delay(100);
    await this.#drain();
    this.#process.signal("SIGINT");
    await Promise.race([this.#process.exited, delay(3000)]);
    await this.#process.kill();
  }

  /**
   * Waits until tcpdump has read what is in the kernel's buffer, which is lost when it is told to end.
   * It says at SIGUSR1 how many packets have come and how many it has. Some it leaves out itself (on
   * `any` those that leave by loopback): then its number no longer grows, although it answers.
   */
  async #drain(): Promise<void> {
    let before = -1;
    let wanted: number | undefined;
    for (let unchanged = 0; unchanged < 3 && this.#process.running;) {
      const answers = this.#counts().length;
      this.#process.signal("SIGUSR1");
      await until("tcpdump tells its numbers", () => {
        return !this.#process.running || this.#counts().length > answers;
      }, 5000);
      const [captured, received] = this.#counts().at(-1) ?? [0, 0];
      wanted ??= received;
      if (captured >= wanted) return;
      unchanged = captured === before ? unchanged + 1 : 0;
      before = captured;
      await delay(20);
    }
  }

  /** Packets that it has, and that have come to its filter; each time that it has told them. */
  #counts(): [captured: number, received: number][] {
    const line = /(\d+) packets? captured, (\d+) packets? received by filter/g;
    return [...this.#process.log().matchAll(line)].map((one) => [Number(one[1]), Number(one[2])]);
  }

  /** Kills tcpdump at once, for the end of a lab. */
  async abandon(): Promise<void> {
    this.#stopped = true;
    await this.#process.kill();
  }

  /**
   * The packets that match, in the order of their capture. Ends the capture if it still runs.
   *
   * @param displayFilter in tshark's language, such as `vrrp && ip.ttl == 255`; empty: all
   * @param fields tshark field names, such as `vrrp.prio`
   * @param options further words for tshark, such as `["-o", "ip.check_checksum:TRUE"]`
   */
  async packets(
    displayFilter = "",
    fields: readonly string[] = [],
    options: { readonly options?: readonly string[] } = {},
  ): Promise<CapturedPacket[]> {
    await this.stop();
    const columns = ["frame.time_epoch", ...fields];
    const text = await execute([
      "tshark",
      "-n",
      "-r",
      this.path,
      ...(displayFilter === "" ? [] : ["-Y", displayFilter]),
      ...options.options ?? [],
      "-T",
      "fields",
      ...["-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"],
      ...columns.flatMap((column) => ["-e", column]),
    ]);
    return text.split("\n").filter((line) => line !== "").map((line) => {
      const [time, ...values] = line.split("\t");
      return {
        time: parseEpoch(time!),
        fields: Object.fromEntries(fields.map((field, index) => [field, values[index] ?? ""])),
      };
    });
  }

  /** tshark's one-line summaries, the last `limit` of them: for people. */
  async summary(limit = 200): Promise<string> {
    await this.stop();
    const argv = ["tshark", "-n", "-t", "r", "-r", this.path];
    const result = await tryExecute(argv);
    if (result.code !== 0 && result.stdout === "") throw new CommandError(argv, result);
    const lines = result.stdout.trimEnd().split("\n");
    const left = lines.length > limit ? [`… ${lines.length - limit} packets before these`] : [];
    return [...left, ...lines.slice(-limit)].join("\n");
  }
}

/** `1763700000.123456789` → microseconds. */
function parseEpoch(text: string): number {
  const [seconds, fraction = ""] = text.split(".");
  const time = Number(seconds) * 1_000_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
  if (!Number.isSafeInteger(time)) throw new TypeError(`Not a packet's time: ${text}`);
  return time;
}
