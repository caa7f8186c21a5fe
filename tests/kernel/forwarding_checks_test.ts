/**
 * Checks that ask by way of the load balancer (`via_forwarding`): a real server that answers at its
 * own address and does not hold the virtual one is found by them, and by no ordinary check; by
 * direct routing and tunnels, over both families, by a plane and by control, on a director that
 * holds the virtual address and on one that does not.
 */

import assert from "node:assert/strict";
import { inNamespace } from "../../ffi/mod.ts";
import { lab, startHalb, until } from "../lib/mod.ts";
import { adopted, virtualServers } from "./balance.ts";
import { ipBatch, run, saved } from "./lib.ts";
import { REAL, VIP4, VIP6, withHosts } from "./network.ts";

/** One processor for everything, and probes that hang: a busy machine takes its time. */
const PATIENCE = 60_000;
const PORTS = [80, 81];
/** The real server that lacks the virtual address. */
const WRONG = "r3";
const ACCEPT_LOCAL = "/proc/sys/net/ipv4/conf/eth1/accept_local";

interface CheckStatus {
  readonly type: string;
  readonly healthy: boolean | null;
  readonly last_error: string | null;
  readonly counters: { readonly passed: number };
}

/** @param state where a killed agent leaves what the next one puts back */
function site(state: string): string {
  const servers = (family: 4 | 6) =>
    REAL.map((_, i) => {
      return `{ address = "${family === 4 ? "198.51.100." : "2001:db8:2::"}${11 + i}" }`;
    }).join(", ");
  const virtual = (name: string, listen: string, family: 4 | 6, more: string) =>
    `[[virtual_server]]
name = "${name}"
listen = "${listen}"
scheduler = "rr"
${more}
check = [
  { type = "tcp" },
  { type = "tcp", via_forwarding = "eth1", send = "GET / HTTP/1.0\\r\\n\\r\\n", expect = "well" },
  { type = "http", version = "1.0", matches = "w.ll", via_forwarding = "eth1" },
]
real_server = [${servers(family)}]
`;
  return `[agent]
state_directory = "${state}"

[defaults.check]
interval = "1s"
timeout = "3s"
fall = 2

${virtual("direct4", `${VIP4}:80`, 4, 'forward = "direct"')}
${virtual("direct6", `[${VIP6}]:80`, 6, 'forward = "direct"')}
${virtual("tunnel4", `${VIP4}:81`, 4, 'forward = "tunnel"')}`;
}

/** A server of each port that says what every check waits for. Returns what ends it. */
function serve(namespace: string): () => void {
  const text = new TextEncoder().encode("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nwell");
  const listeners = PORTS.map((port) =>
    inNamespace(namespace, () => Deno.listen({ hostname: "::", port }))
  );
  const answer = async (connection: Deno.Conn) => {
    try {
      await connection.read(new Uint8Array(1024));
      await connection.write(text);
    } catch {
      // A probe that has gone, by a reset.
    } finally {
      connection.close();
    }
  };
  for (const listener of listeners) {
    (async () => {
      for (;;) {
        try {
          void answer(await listener.accept());
        } catch (error) {
          // A connection that was reset before it was accepted; otherwise the listener is closed.
          if (!(error instanceof Deno.errors.NotConnected)) return;
        }
      }
    })();
  }
  return () => {
    for (const listener of listeners) listener.close();
  };
}

const acceptLocal = () => inNamespace("d", () => Deno.readTextFileSync(ACCEPT_LOCAL).trim());
/** Services by mark, and their servers. */
const marked = () => saved("d").filter((line) => line.includes("-f "));

lab(
  "a real server without the virtual address is found by its clients' way alone",
  (lab) =>
    withHosts("straight", async () => {
      run("modprobe", "ipip");
      for (const name of REAL) ipBatch(name, ["link set tunl0 up"]);
      for (const name of REAL) {
        inNamespace(name, () =>
          Deno.writeTextFileSync("/proc/sys/net/ipv4/conf/tunl0/rp_filter", "0"));
      }
      const hold = (what: "add" | "del") =>
        ipBatch(WRONG, [
          `address ${what} ${VIP4}/32 dev lo`,
          `address ${what} ${VIP6}/128 dev lo${what === "add" ? " nodad" : ""}`,
        ]);
      hold("del");
      const ends = REAL.map(serve);
      try {
        const host = adopted(lab, "d");
        const text = site(`${lab.directory}/state`);
        let agent = startHalb(lab, host, text);
        const stand = async () =>
          (await virtualServers(agent)).map(({ name, real_servers }) => [
            name,
            real_servers.map(({ state }) =>
              state
            ).join(" "),
          ]);
        const untilStates = (when: string, states: string) =>
          until(
            when,
            async () => {
              const wanted = ["direct4", "direct6", "tunnel4"].map((name) => [name, states]);
              assert.deepEqual(await stand(), wanted);
              return true;
            },
            PATIENCE,
            300,
          );
        await untilStates("the one without the virtual address is down", "up up down");
        const checks = async (name: string, index: number) => {
          const servers = (await virtualServers(agent)).find((one) => one.name === name)!;
          const { checks } = servers.real_servers[index] as unknown as {
            readonly checks: readonly CheckStatus[];
          };
          return checks;
        };
        await until(
          "each of its checks has said so",
          async () => {
            for (const name of ["direct4", "direct6", "tunnel4"]) {
              const found = (await checks(name, 2)).map(({ healthy }) => healthy);
              assert.deepEqual(found, [true, false, false], name);
            }
            return true;
          },
          PATIENCE,
          300,
        );
        // A service for each way to a real server, which are no virtual servers of anybody's.
        assert.equal(marked().length, 2 * 3 * REAL.length);
        assert.equal(acceptLocal(), "1");

        // After a kill the services are there, and are gone on with.
        const before = marked();
        await agent.kill();
        assert.deepEqual(marked(), before);
        agent = startHalb(lab, host, text);
        hold("add");
        await untilStates("all hold the virtual address", "up up up");
        assert.deepEqual(marked(), before);

        // A director that does not hold the address, as a backup does not.
        ipBatch("d", [`address del ${VIP4}/32 dev eth0`, `address del ${VIP6}/128 dev eth0`]);
        const passed = async () =>
          (await checks("direct4", 0)).map(({ counters }) => counters.passed);
        const then = await passed();
        await until(
          "the next probes have passed",
          async () => {
            const now = await passed();
            assert.ok(now.every((count, i) => count > then[i]! + 2), `${then} ${now}`);
            return true;
          },
          PATIENCE,
          300,
        );
        await untilStates("all are up from there, too", "up up up");
        await agent.stop(PATIENCE);
        assert.deepEqual(saved("d"), []);
        assert.equal(acceptLocal(), "0");
      } finally {
        for (const end of ends) end();
      }
    }),
  { timeoutMs: 280_000 },
);
