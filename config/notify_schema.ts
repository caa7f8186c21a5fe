/**
 * Who is told what: the table `notify` of a virtual router or sync group, that of `[agent]`, and the
 * programs that run at the agent's start and end.
 *
 * @module
 */

import * as v from "valibot";
import { command } from "./commands.ts";
import { documented, duration, flag } from "./fields.ts";
import { path } from "./names.ts";
import { userName } from "./users.ts";

/** How long a program may run unless the site says otherwise. */
const SCRIPT_TIME = "60s";

function script(what: string, example: string) {
  return v.exactOptional(command({
    text: `Run ${what}.`,
    example: [`/usr/local/bin/${example}`],
  }));
}

const fifo = (text: string, example: string) => v.exactOptional(path(4095, { text, example }));

/** How programs run, and who else is told. */
const wayKeys = {
  user: v.exactOptional(userName({
    text: "Whom the programs run as; without the key, as `agent.script_user` says.",
    example: "alice:haclient",
  })),
  timeout: v.optional(
    duration({ min: "100ms", max: "1h" }, {
      text: "How long each of the programs may run; then it is killed with all that it started.",
      example: SCRIPT_TIME,
    }),
    SCRIPT_TIME,
  ),
  fifo: fifo("A FIFO that gets a line for each change, as keepalived writes it.", "/run/web"),
  json_fifo: fifo("A FIFO that gets a JSON object for each change.", "/run/web.json"),
  mail: v.optional(
    flag({ text: "Tell of changes by mail; `[mail]` says whom.", example: true }),
    false,
  ),
};

/** What routers and groups have in common. */
const commonKeys = {
  master: script("when it becomes master", "became-master"),
  backup: script("when it becomes backup", "became-backup"),
  fault: script("when it comes into fault", "is-in-fault"),
  stop: script("when the agent stops", "has-stopped"),
  any: v.exactOptional(command({
    text: "Run at each of these, after the program for the state, with four further arguments: " +
      "INSTANCE or GROUP, the name, the state, the priority.",
    example: ["/usr/local/bin/vrrp-changed"],
  })),
  ...wayKeys,
};

/** `notify` of `[[bfd]]`. */
export const BFD_NOTIFY_TABLE = documented(
  v.strictObject({
    up: script("when the session comes up", "path-is-up"),
    down: script("when the session fails that was up", "path-is-down"),
    admin_down: script(
      "when the session is taken down by `halb bfd down`, a reload or the end of the agent",
      "path-was-taken-down",
    ),
    any: v.exactOptional(command({
      text: "Run at each of these, after the program for the state, with four further arguments: " +
        "BFD, the name, the state, 0.",
      example: ["/usr/local/bin/bfd-changed"],
    })),
    ...wayKeys,
    fifo: fifo(
      'A FIFO that gets a line for each change, such as `BFD "to-peer" UP`. keepalived writes ' +
        "none, so that `agent.notify.fifo` gets none either.",
      "/run/halb/bfd",
    ),
  }),
  "a table",
  {
    text: "Who is told of changes of state: programs, FIFOs, people.",
    example: { down: ["/usr/local/bin/path-is-down"] },
  },
);

/** `notify` of `[[virtual_server]]`. */
export const VIRTUAL_SERVER_NOTIFY_TABLE = documented(
  v.strictObject({
    quorum_up: script("when the quorum is met", "quorum-is-met"),
    quorum_down: script("when the quorum is lost", "quorum-is-lost"),
    ...wayKeys,
  }),
  "a table",
  {
    text: "Who is told of the quorum: programs, FIFOs, people.",
    example: { quorum_down: ["/usr/local/bin/quorum-is-lost"] },
  },
);

/** `notify` of `[[virtual_server.real_server]]`. */
export const REAL_SERVER_NOTIFY_TABLE = documented(
  v.strictObject({
    up: script("when it comes up", "server-is-up"),
    down: script("when it goes down", "server-is-down"),
    ...wayKeys,
  }),
  "a table",
  {
    text: "Who is told that the real server is up or down: programs, FIFOs, people.",
    example: { down: ["/usr/local/bin/server-is-down"] },
  },
);

/** `notify` of `[[vrrp]]`. */
export const NOTIFY_TABLE = documented(
  v.strictObject({
    ...commonKeys,
    deleted: v.exactOptional(documented(
      v.union([
        v.pipe(
          v.literal(true),
          v.transform((): readonly string[] => []),
        ),
        command({ text: "A program.", example: ["/usr/local/bin/was-deleted"] }),
      ]),
      "a program with its arguments, or true",
      {
        text: "Run when a reload removes it. With this key, if only as `true`, it is said to be " +
          "DELETED then; without it, to be in FAULT, as keepalived does.",
        example: ["/usr/local/bin/was-deleted"],
      },
    )),
    master_rx_lower_priority: script(
      "when, as master, it hears an advert that loses against its own; once a second at most",
      "heard-another-master",
    ),
    priority_changes: v.optional(
      flag({
        text:
          "Tell the FIFOs of changes of the priority, too: `MASTER_PRIORITY`, `BACKUP_PRIORITY`.",
        example: true,
      }),
      false,
    ),
  }),
  "a table",
  {
    text: "Who is told of changes of state: programs, FIFOs, people.",
    example: { master: ["/usr/local/bin/became-master"] },
  },
);

/** `notify` of `[[sync_group]]`, which has no priority, hears no adverts, and goes in silence. */
export const GROUP_NOTIFY_TABLE = documented(
  v.strictObject(commonKeys),
  "a table",
  {
    text: "Who is told of changes of state: programs, FIFOs, people.",
    example: { master: ["/usr/local/bin/became-master"] },
  },
);

/** `agent.notify`. */
export const AGENT_NOTIFY_TABLE = documented(
  v.strictObject({
    fifo: fifo(
      "A FIFO that gets a line for each change of any router or group, as keepalived writes it.",
      "/run/halb-notify/lines",
    ),
    json_fifo: fifo(
      "A FIFO that gets a JSON object for each change of any router, group or BFD session.",
      "/run/halb-notify/json",
    ),
    fifo_user: v.exactOptional(userName({
      text: "Whom FIFOs belong to that halb makes, of routers and groups as well; without the " +
        "key, `agent.script_user`. Their mode is 0600.",
      example: "alice",
    })),
    fifo_script: v.exactOptional(command({
      text: "Started with the path of `fifo` as its last argument, and again when it ends.",
      example: ["/usr/local/bin/read-changes"],
    })),
    json_fifo_script: v.exactOptional(command({
      text: "Started with the path of `json_fifo` as its last argument, and again when it ends.",
      example: ["/usr/local/bin/read-changes", "--json"],
    })),
    states_on_reload: v.optional(
      flag({ text: "Write all states to the FIFOs again after each reload.", example: true }),
      false,
    ),
  }),
  "a table",
  {
    text: "FIFOs for everything that happens.",
    example: { fifo: "/run/halb-notify/lines" },
  },
);

/** `agent.startup_script` and `agent.shutdown_script`. @param when as in "run once, before …" */
export function hook(when: string, example: string) {
  const words = command({ text: "The program and its arguments.", example: [example] });
  const timeout = v.optional(
    duration({ min: "1s", max: "1000s" }, {
      text: "How long it may run; then it is killed with all that it started.",
      example: "10s",
    }),
    "10s",
  );
  return documented(
    v.union([
      v.pipe(
        words,
        v.transform((command): { command: string[]; user?: string; timeout: number } => {
          return { command, timeout: 10_000_000 };
        }),
      ),
      v.strictObject({
        command: words,
        user: v.exactOptional(userName({
          text: "Whom it runs as; without the key, as `agent.script_user` says.",
          example: "root",
        })),
        timeout,
      }),
    ]),
    "a program with its arguments, or a table with `command`",
    {
      text: `Run once, ${when}. A failure is logged and changes nothing.`,
      example: { command: [example], user: "root", timeout: "10s" },
    },
  );
}
