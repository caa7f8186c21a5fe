/**
 * halb and keepalived as directors of the same real servers, each with its own table in a namespace
 * of its own: the same servers die and come back, and after each event both tables are the same, by
 * `ipvsadm`; the lines of both FIFOs are the same byte for byte.
 */

import assert from "node:assert/strict";
import { inNamespace } from "../../ffi/mod.ts";
import { fifoReader, lab, startHalb, startKeepalived, until } from "../lib/mod.ts";
import { adopted, PATIENCE } from "./balance.ts";
import { ipBatch, saved, withNamespaces } from "./lib.ts";
import { REAL, VIP4, withHosts } from "./network.ts";

const PORT = 8080;
/** Where keepalived lives, beside `d`. */
const PEER = "k";

/** A port of a real server that accepts and hangs up, until it is closed. */
class Door {
  readonly #listener: Deno.Listener;
  readonly #accepting: Promise<void>;

  constructor(namespace: string) {
    this.#listener = inNamespace(
      namespace,
      () => Deno.listen({ hostname: "0.0.0.0", port: PORT }),
    );
    this.#accepting = hangUp(this.#listener);
  }

  async close(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
  }
}

async function hangUp(listener: Deno.Listener): Promise<void> {
  for (;;) {
    try {
      (await listener.accept()).close();
    } catch (error) {
      // A check's connection that was reset before it was accepted; otherwise the door is closed.
      if (!(error instanceof Deno.errors.NotConnected)) return;
    }
  }
}

interface Scenario {
  readonly port: number;
  /** Lines of site.toml and of keepalived.conf that mean the same. */
  readonly halb: string;
  readonly keepalived: string;
}

/** Quorum, hysteresis and sorry server in all their forms. */
const SCENARIOS: readonly Scenario[] = [
  {
    port: 80,
    halb: `quorum = 2
sorry_server = "198.51.100.99:${PORT}"`,
    keepalived: `quorum 2
  sorry_server 198.51.100.99 ${PORT}`,
  },
  {
    port: 81,
    halb: `quorum = 2
hysteresis = 1
start_down = true
on_failure = "weight-zero"
sorry_server = { address = "198.51.100.99:${PORT}", inhibit = true }`,
    keepalived: `quorum 2
  hysteresis 1
  alpha
  inhibit_on_failure
  sorry_server 198.51.100.99 ${PORT}
  sorry_server_inhibit`,
  },
  { port: 82, halb: "run_down_on_stop = true\nstart_down = true", keepalived: "omega\n  alpha" },
];

const address = (i: number) => `198.51.100.${11 + i}`;

function site(fifo: string): string {
  const servers = REAL.map((_, i) => `{ address = "${address(i)}:${PORT}", weight = ${i + 1} }`);
  const checks = 'check = { type = "tcp", interval = "200ms", timeout = "1s" }';
  return `[agent]
notify = { fifo = "${fifo}" }

` + SCENARIOS.map(({ port, halb }) =>
    `[[virtual_server]]
name = "v${port}"
listen = "${VIP4}:${port}"
scheduler = "rr"
${halb}
${checks}
real_server = [${servers.join(", ")}]
`
  ).join("\n");
}

function keepalivedConf(fifo: string): string {
  const servers = REAL.map((_, i) =>
    `  real_server ${address(i)} ${PORT} {
    weight ${i + 1}
    TCP_CHECK {
      connect_timeout 1
      retry 0
      delay_loop 1
    }
  }`
  ).join("\n");
  return `global_defs {
  notify_fifo ${fifo}
}
` + SCENARIOS.map(({ port, keepalived }) =>
    `virtual_server ${VIP4} ${port} {
  delay_loop 1
  lvs_sched rr
  lvs_method NAT
  protocol TCP
  ${keepalived}
${servers}
}
`
  ).join("\n");
}

/** Lines of one virtual server and its real servers. */
function linesOf(lines: readonly string[], port: number): string[] {
  return lines.filter((line) => line.includes(`[${VIP4}]:tcp:${port} `));
}

lab(
  "quorum, sorry server and notifications are keepalived's, event by event",
  (lab) =>
    withHosts("through-director", () =>
      withNamespaces([PEER], async () => {
        ipBatch("sw", [
          `link add name port-k type veth peer name eth1 netns ${PEER}`,
          "link set port-k master bridge0 up",
        ]);
        ipBatch(PEER, ["link set eth1 up", "address add 198.51.100.2/24 dev eth1"]);
        const [ours, theirs] = [adopted(lab, "d"), adopted(lab, PEER)];
        const doors = new Map(["r1", "r2"].map((name) => [name, new Door(name)]));
        try {
          const [own, other] = [await fifoReader(lab, ours), await fifoReader(lab, theirs)];
          const peer = startKeepalived(lab, theirs, keepalivedConf(other.path));
          const agent = startHalb(lab, ours, site(own.path));
          const same = (when: string, entries: number) =>
            until(
              `both tables are the same, ${when}`,
              () => {
                const [a, b] = [saved("d"), saved(PEER)];
                assert.equal(b.length, entries, `keepalived has\n${b.join("\n")}`);
                assert.deepEqual(a, b);
                for (const { port } of SCENARIOS) {
                  const [ours, theirs] = [linesOf(own.lines(), port), linesOf(other.lines(), port)];
                  assert.deepEqual(ours.toSorted(), theirs.toSorted(), `port ${port}`);
                }
                return true;
              },
              PATIENCE,
              200,
            );
          const down = async (name: string) => {
            await doors.get(name)!.close();
            doors.delete(name);
          };
          const up = (name: string) => doors.set(name, new Door(name));
          // The one that stands by with the weight 0 is one more.
          await same("at the start, where one has never been up", 11);
          up("r3");
          await same("all are there", 13);
          // Which check is the first to answer is chance.
          const begun = new Map(SCENARIOS.map(({ port }) => {
            return [port, linesOf(own.lines(), port).length] as const;
          }));
          await down("r3");
          await same("one is lost, the quorum not", 11);
          await down("r2");
          await same("the quorum is lost", 9);
          await down("r1");
          await same("all are lost", 8);
          up("r1");
          await same("one is back", 9);
          up("r2");
          await same("the quorum is met, less the hysteresis", 11);
          up("r3");
          await same("all are back", 13);
          // Not only the same lines: in the same order, for each virtual server.
          for (const [port, from] of begun) {
            const [ours, theirs] = [linesOf(own.lines(), port), linesOf(other.lines(), port)];
            assert.deepEqual(ours.slice(from), theirs.slice(from), `port ${port}`);
          }
          await agent.stop(PATIENCE);
          await peer.stop(PATIENCE);
          await same("after the end", 0);
          assert.equal(own.lines().at(-1), `VS [${VIP4}]:tcp:82 DOWN`, "real servers before it");
        } finally {
          for (const door of doors.values()) await door.close();
        }
      })),
  { timeoutMs: 240_000 },
);
