/**
 * The table `[agent]`: the node's name, its control socket and directory, its logs, and how the
 * protocol thread is scheduled.
 *
 * @module
 */

import * as v from "valibot";
import { choice, documented, duration, flag, whole } from "./fields.ts";
import { HTTP_TABLE } from "./http_schema.ts";
import { HALB_PROTOCOLS } from "./instances.ts";
import { LOG_TABLE } from "./log_schema.ts";
import { instanceName, name, namespaceName, path } from "./names.ts";
import { AGENT_NOTIFY_TABLE, hook } from "./notify_schema.ts";
import { size } from "./size_fields.ts";
import { SNMP_TABLE } from "./snmp_schema.ts";
import { userName } from "./users.ts";

const realtimeTable = documented(
  v.strictObject({
    policy: v.optional(
      choice(["fifo", "rr", "other"], {
        text: "Scheduling of the protocol thread: `fifo` and `rr` are the kernel's real-time " +
          "policies, `other` is the ordinary one.",
        example: "fifo",
      }),
      "fifo",
    ),
    priority: v.optional(
      whole(1, 99, {
        text: "Real-time priority of the protocol thread; without effect under `other`.",
        example: 50,
      }),
      50,
    ),
    lock_memory: v.optional(
      flag({
        text: "Keep the program's pages in memory, so that no packet waits for a disk.",
        example: true,
      }),
      true,
    ),
    cpus: v.exactOptional(
      v.pipe(
        documented(
          v.array(
            whole(0, 1023, { text: "Number of a processor, from 0.", example: 1 }),
          ),
          "a list of processor numbers",
          {
            text: "Processors the protocol thread may run on; without the key, all.",
            range: "1 to 64 numbers",
            example: [1],
          },
        ),
        v.check(
          (list) => list.length >= 1 && list.length <= 64,
          "A list of 1 to 64 processors is wanted",
        ),
      ),
    ),
  }),
  "a table",
  {
    text: "How the protocol thread is scheduled.",
    example: { policy: "fifo", priority: 50 },
  },
);

const recorderTable = documented(
  v.strictObject({
    size: v.optional(
      size({ min: "256KiB", max: "64MiB" }, {
        text: "How much room the recording takes in `state_directory`; the older half goes when " +
          "it is full.",
        example: "4MiB",
      }),
      "4MiB",
    ),
  }),
  "a table",
  {
    text: "The flight recorder, which `halb events` and `halb why` read.",
    example: { size: "4MiB" },
  },
);

/** The table `[agent]`. */
export const AGENT_SCHEMA = documented(
  v.strictObject({
    name: v.exactOptional(name({
      text: "This node's name: `by_host` selects by it. Without the key, the host name.",
      example: "edge-a",
    })),
    instance: v.exactOptional(instanceName({
      text:
        "Which of several agents on this host this is: each has its own control socket, state " +
        "directory, log identity and marks in the kernel, so that none touches what another one " +
        "holds. `halb --instance NAME` overrides it.",
      example: "blue",
    })),
    control: v.exactOptional(
      path(106, {
        text: "The control socket that `halb status` and the other commands talk to. Without the " +
          "key `/run/halb/control.sock`, or `/run/halb-INSTANCE/control.sock`.",
        example: "/run/halb/control.sock",
      }),
    ),
    state_directory: v.exactOptional(
      path(4095, {
        text: "Where halb keeps what must survive it, and writes dumps; made with mode 0700. " +
          "Without the key `/var/lib/halb`, or `/var/lib/halb-INSTANCE`.",
        example: "/var/lib/halb",
      }),
    ),
    protocol_number: v.exactOptional(
      whole(HALB_PROTOCOLS.first, HALB_PROTOCOLS.last, {
        text:
          "The protocol number with which the kernel marks addresses, routes and rules of this " +
          "agent: by it a new one knows what a killed one left. Without the key 112, with an " +
          "`instance` a number made of its name; give one where two names make the same.",
        example: 113,
      }),
    ),
    log: v.optional(LOG_TABLE, {}),
    http: v.exactOptional(HTTP_TABLE),
    snmp: v.exactOptional(SNMP_TABLE),
    realtime: v.optional(realtimeTable, {}),
    recorder: v.optional(recorderTable, {}),
    watch: v.optional(
      flag({
        text:
          "Whether a change of this file, of what it includes, or of a file that a value comes " +
          "from is applied by itself, as by `halb reload`. One that makes the file invalid changes " +
          "nothing, and is told once.",
        example: true,
      }),
      false,
    ),
    on_stop: v.optional(
      choice(["remove", "keep"], {
        text: "What a stop does: `remove` hands over to a peer and removes the addresses, `keep` " +
          "leaves everything to the next start, which goes on where this one ended if it comes " +
          "before the peers miss an advert too many.",
        example: "keep",
      }),
      "remove",
    ),
    script_user: v.optional(
      userName({
        text: "Whom scripts run as, with that user's supplementary groups. An agent that is not " +
          "root and may not change its user runs them as itself where the key is left out.",
        example: "nobody:nogroup",
      }),
      "nobody",
    ),
    capabilities: v.optional(
      choice(["all", "usual", "needed"], {
        text: "Which capabilities an agent that is started as root keeps: `all`; `usual`, those " +
          "that any feature of halb takes (for network namespaces only where the site names one); " +
          "or `needed`, those that this site takes. The others are given up for good at the " +
          "start: a reload that takes one is refused. Where a program of the site runs as root " +
          "all are kept, since it would have no more than the agent. Without effect where the " +
          "agent is not root: then it has what whoever starts it gives.",
        example: "usual",
      }),
      "all",
    ),
    namespace: v.exactOptional(namespaceName({
      text: "The network namespace (`ip netns`) that the whole agent runs in, its scripts " +
        "included. The process enters it at the start, which takes CAP_SYS_ADMIN. A router can " +
        "have a `namespace` of its own.",
      example: "blue",
    })),
    notify: v.exactOptional(AGENT_NOTIFY_TABLE),
    startup_script: v.exactOptional(
      hook("before the first virtual router begins", "/usr/local/bin/before-halb"),
    ),
    shutdown_script: v.exactOptional(
      hook("after the last virtual router has ended", "/usr/local/bin/after-halb"),
    ),
    startup_delay: v.optional(
      duration({ min: "0s", max: "1h" }, {
        text: "How long to wait after the start before virtual routers begin.",
        example: "5s",
      }),
      "0s",
    ),
    delay_after_boot: v.optional(
      duration({ min: "0s", max: "1h" }, {
        text: "How long after the machine's boot virtual routers begin at the earliest. Beside " +
          "`startup_delay` the longer wait counts.",
        example: "60s",
      }),
      "0s",
    ),
  }),
  "a table",
  {
    text: "The agent itself: its name, its sockets and files, its logs.",
    example: { name: "edge-a" },
  },
);
