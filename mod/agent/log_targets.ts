/**
 * Where log records go: opened once, and kept through reloads as long as the site names them, so
 * that what waits for a reader outlasts those.
 *
 * @module
 */

import type { LogRecord as TapeRecord } from "@logtape/logtape";
import type { AgentConfig } from "../../config/mod.ts";
import { Datagrams, JOURNAL, SYSLOG } from "./log_datagrams.ts";
import { LogFile } from "./log_file.ts";
import { LogOutlet, standardError } from "./log_outlet.ts";
import { type Format, formatJournal, formatJson, formatText, syslogFormat } from "./log_text.ts";

/** How long the end of the process waits for a reader of the last lines, milliseconds. */
const LAST_LINES = 200;

/** How one stands, as status tells it. */
export interface TargetStatus {
  readonly target: string;
  /** Why nothing gets there now, in words; null: all is well. */
  readonly trouble: string | null;
  /** Records that nobody was given. */
  readonly lost: number;
}

interface Target {
  readonly status: Omit<TargetStatus, "target">;
  write(bytes: Uint8Array): void;
  reopen(): void;
  finish(): void;
  close(): void;
}

const encoder = new TextEncoder();

export class LogTargets {
  readonly #targets = new Map<string, { readonly to: Target; format: Format }>();

  /** Those of the site, from now on. @throws {Error} when a file cannot be opened */
  use({ targets, format }: Pick<AgentConfig["log"], "targets" | "format">): void {
    // What cannot be opened changes nothing.
    const opened = new Map<string, Target>();
    try {
      for (const name of targets) {
        if (!this.#targets.has(name) && !opened.has(name)) opened.set(name, this.#open(name));
      }
    } catch (error) {
      for (const to of opened.values()) to.close();
      throw error;
    }
    for (const [name, { to }] of this.#targets) {
      if (targets.includes(name)) continue;
      to.finish();
      to.close();
      this.#targets.delete(name);
    }
    for (const [name, to] of opened) this.#targets.set(name, { to, format: formatText });
    for (const [name, target] of this.#targets) {
      target.format = formatOf(name, format === "json");
      target.to.reopen();
    }
  }

  write(record: TapeRecord): void {
    for (const { to, format } of this.#targets.values()) to.write(encoder.encode(format(record)));
  }

  /** Files that were moved away are made anew. */
  reopen(): void {
    for (const { to } of this.#targets.values()) to.reopen();
  }

  /** What waits for its reader gets a last chance: the process ends. */
  finish(): void {
    for (const { to } of this.#targets.values()) to.finish();
  }

  get status(): TargetStatus[] {
    return [...this.#targets].map(([target, { to }]) => ({ target, ...to.status }));
  }

  #open(name: string): Target {
    switch (name) {
      case "stderr":
        return this.#outlet(name, new LogOutlet(standardError()));
      case "journal":
      case "syslog": {
        const drain = new Datagrams(name === "journal" ? JOURNAL : SYSLOG);
        return this.#outlet(name, new LogOutlet(drain), drain);
      }
      default:
        return fileTarget(new LogFile(name.slice("file:".length)));
    }
  }

  #outlet(name: string, outlet: LogOutlet, drain?: Datagrams): Target {
    outlet.note = (lost) => encoder.encode(this.#targets.get(name)!.format(lostLines(lost)));
    return {
      get status() {
        return { trouble: drain?.trouble ?? null, lost: outlet.lost };
      },
      write: (bytes) => outlet.write(bytes),
      reopen: () => {},
      finish: () => outlet.finish(LAST_LINES),
      close: () => outlet.close(),
    };
  }
}

function fileTarget(file: LogFile): Target {
  return {
    get status() {
      return { trouble: file.trouble, lost: file.lost };
    },
    write: (bytes) => file.write(bytes),
    reopen: () => file.reopen(),
    finish: () => {},
    close: () => file.close(),
  };
}

function formatOf(target: string, json: boolean): Format {
  if (target === "journal") return formatJournal;
  if (target === "syslog") return syslogFormat(Deno.pid, json);
  return json ? formatJson : formatText;
}

/** The record that stands for lines that nobody could be given. */
function lostLines(lines: number): TapeRecord {
  const message = "Lines of the log were lost here: nobody read them";
  return {
    category: ["halb", "control"],
    level: "warning",
    message: [message],
    rawMessage: message,
    timestamp: Date.now(),
    properties: { lines },
  };
}
