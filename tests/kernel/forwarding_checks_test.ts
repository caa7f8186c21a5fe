/**
 * Checks that ask by way of the load balancer (`via_forwarding`): a real server that answers at its
 * own address and does not hold the virtual one is found by them, and by no ordinary check; by
 * direct routing and tunnels, over both families, by a plane and by control, on a director that
 * holds the virtual address and on one that does not.
 */

import assert from "node:assert/strict";
import { inNamespace } from "../../ffi/mod.ts";
import { halbPath, type Lab, lab, startHalb, until } from "../lib/mod.ts";
import { adopted, command, virtualServers } from "./balance.ts";
import { inside, ipBatch, run, saved } from "./lib.ts";
import { REAL, VIP4, VIP6, withHosts } from "./network.ts";

/** One processor for everything, and probes that hang: a busy machine takes its time. */
const PATIENCE = 60_000;
const PORTS = [80, 81];
const DATAGRAMS = 90;
/** The real server that lacks the virtual address. */
const WRONG = "r3";
const ACCEPT_LOCAL = "/proc/sys/net/ipv4/conf/eth1/accept_local";

/** By a plane and by control. */
const VIA = String
  .raw`{ type = "tcp", via_forwarding = "eth1", send = "GET / HTTP/1.0\r\n\r\n", expect = "well" },
  { type = "http", version = "1.0", matches = "w.ll", via_forwarding = "eth1" },
  { type = "udp", port = ${DATAGRAMS}, payload = "01", reply = "01", via_forwarding = "eth1" },`;

interface CheckStatus {
  readonly type: string;
  readonly healthy: boolean | null;
  readonly last_error: string | null;
  readonly counters: { readonly passed: number };
}

/**
 * @param state where a killed agent leaves what the next one puts back
 * @param count of real servers
 */
function site(state: string, count = REAL.length, via = VIA): string {
  const servers = (family: 4 | 6) =>
    REAL.slice(0, count).map((_, i) => {
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
  ${via}
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

/** Gives datagrams back from the virtual addresses, which it may lack: any other answer is none. */
const ECHO = `
import select, socket
sockets = []
for family, address in ((socket.AF_INET, "${VIP4}"), (socket.AF_INET6, "${VIP6}")):
    bound = socket.socket(family, socket.SOCK_DGRAM); bound.bind((address, ${DATAGRAMS})); sockets.append(bound)
while True:
    for bound in select.select(sockets, [], [])[0]:
        data, sender = bound.recvfrom(100)
        bound.sendto(data, sender)
`;

function echoDatagrams(lab: Lab, name: string): void {
  inNamespace(name, () => {
    for (const family of ["ipv4", "ipv6"]) {
      Deno.writeTextFileSync(`/proc/sys/net/${family}/ip_nonlocal_bind`, "1");
    }
  });
  adopted(lab, name).spawn(["/usr/bin/python3", "-c", ECHO], { name: `echo-${name}` });
}

const acceptLocal = () => inNamespace("d", () => Deno.readTextFileSync(ACCEPT_LOCAL).trim());
/** Services by mark, and their servers. */
const marked = () => saved("d").filter((line) => line.includes("-f "));
const markIn = (line: string) => / -f (\d+)/.exec(line)?.[1] ?? "";
/** Those that lead to one real server. @param number its place among them, from 1 */
function leadingTo(number: number, lines: readonly string[]): string[] {
  const address = new RegExp(` -r \\S*[.:]${10 + number}(:|\\]|\\s)`);
  const marks = new Set(lines.filter((line) => address.test(line)).map(markIn));
  return lines.filter((line) => marks.has(markIn(line)));
}

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
      for (const name of REAL) {
        echoDatagrams(lab, name);
      }
      try {
        const host = adopted(lab, "d");
        const state = `${lab.directory}/state`;
        const text = site(state);
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
              assert.deepEqual(found, [true, false, false, false], name);
            }
            return true;
          },
          PATIENCE,
          300,
        );
        // A service for each way to a real server, which are no virtual servers of anybody's.
        assert.equal(marked().length, 2 * 3 * REAL.length);
        assert.equal(acceptLocal(), "1");

        const untilMarked = (when: string, lines: readonly string[]) =>
          until(
            when,
            () => {
              assert.deepEqual(marked(), lines);
              return true;
            },
            PATIENCE,
            100,
          );

        // After a kill the services are there, and are gone on with.
        const before = marked();
        await agent.kill();
        assert.deepEqual(marked(), before);
        agent = startHalb(lab, host, text);
        hold("add");
        await untilStates("all hold the virtual address", "up up up");
        assert.deepEqual(marked(), before);

        const remembered = inside("d", "ipvsadm -Lcn").split("\n");
        assert.deepEqual(remembered.filter((line) => line.startsWith("UDP")), []);

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

        // A server that goes takes its services along; the others' marks stay, in the next process.
        const gone = leadingTo(REAL.length, before);
        assert.equal(gone.length, 2 * 3);
        const fewer = before.filter((line) => !gone.includes(line));
        agent.reload(site(state, REAL.length - 1));
        await untilMarked("the last one has gone", fewer);
        await command(agent, "upgrade", "--binary", halbPath());
        const successor = (await agent.status()).pid;
        assert.notEqual(successor, agent.pid);
        assert.equal((await agent.process.exited).code, 0);
        await untilStates("the next process goes on", "up up");
        assert.deepEqual(marked(), fewer);
        Deno.kill(successor, "SIGKILL");

        // A check that has gone while nobody was there leaves nothing either.
        agent = startHalb(lab, host, site(state, 1, ""));
        await untilMarked("nobody asks so any more", []);
        await until("as it was", () => acceptLocal() === "0", PATIENCE, 100);
        await agent.stop(PATIENCE);
        assert.deepEqual(saved("d"), []);
        assert.equal(acceptLocal(), "0");
      } finally {
        for (const end of ends) end();
      }
    }),
  { timeoutMs: 280_000 },
);
