/**
 * The table `[agent.log]`: what is logged, how, and where to.
 *
 * @module
 */

import * as v from "valibot";
import { choice, documented, text, VALUE } from "./fields.ts";
import { LOG_LEVELS, type Subsystem, SUBSYSTEMS } from "./log_levels.ts";

/** Where log records go. */
const logTarget = text(
  "a log target",
  {
    text: "Where log records go: `stderr`; `journal`, with fields; `syslog`, by /dev/log; or " +
      "`file:` and an absolute path, of a file with mode 0600 that may be rotated away.",
    range: "stderr, journal, syslog, file:PATH",
    example: "stderr",
  },
  (value) => {
    if (["stderr", "journal", "syslog"].includes(value)) return undefined;
    if (/^file:\/./.test(value)) {
      // It would be cut where libc ends a path.
      return value.includes("\0") ? { message: "A path contains no null character" } : undefined;
    }
    return {
      message:
        `${VALUE} is not a log target: stderr, journal, syslog, or file: and an absolute path`,
      ...(value.startsWith("/") ? { advice: `write \`"file:${value}"\` instead` } : {}),
    };
  },
  "^(stderr|journal|syslog|file:/.+)$",
);

function levelOf(subsystem: Subsystem) {
  return v.exactOptional(
    choice(LOG_LEVELS, {
      text: `The least severity that is written of ${
        SUBSYSTEMS[subsystem]
      }, in place of \`level\`.`,
      example: "warning",
    }),
  );
}

const levelsTable = documented(
  v.strictObject({
    bfd: levelOf("bfd"),
    checks: levelOf("checks"),
    control: levelOf("control"),
    http: levelOf("http"),
    ipvs: levelOf("ipvs"),
    kernel: levelOf("kernel"),
    notify: levelOf("notify"),
    protocol: levelOf("protocol"),
    trackers: levelOf("trackers"),
    vrrp: levelOf("vrrp"),
  }),
  "a table",
  {
    text: "Levels of single subsystems, in place of `level`. `halb log` changes them while the " +
      "agent runs.",
    example: { vrrp: "debug", checks: "warning" },
  },
);

/** The table `log` of `[agent]`. */
export const LOG_TABLE = documented(
  v.strictObject({
    level: v.optional(
      choice(LOG_LEVELS, {
        text: "The least severity that is written. At `debug` adverts that are heard and timers " +
          "that fire are told, too.",
        example: "info",
      }),
      "info",
    ),
    levels: v.optional(levelsTable, {}),
    format: v.optional(
      choice(["text", "json"], {
        text: "`text` for people, or one JSON object a line for programs. The journal has fields " +
          "in place of it.",
        example: "json",
      }),
      "text",
    ),
    targets: v.optional(
      documented(
        v.array(logTarget),
        "a list of log targets",
        {
          text: "Where log records go; every target gets all records. An empty list: nowhere.",
          example: ["journal", "file:/var/log/halb.log"],
        },
      ),
      ["stderr"],
    ),
  }),
  "a table",
  {
    text: "What is logged, how, and where to.",
    example: { level: "info", format: "text", targets: ["stderr"] },
  },
);
