/**
 * Every way of forwarding, protocol and family, by real requests: each is answered by the server
 * whose turn it is, from the address that the client asked. `ipvsadm --stats` counts the same.
 */

import assert from "node:assert/strict";
import type { Listen, RealServer, Tunnel } from "../../mod/ipvs/mod.ts";
import { IpvsDirector } from "../../mod/kernel/ipvs_director.ts";
import { openIpvs } from "../../mod/kernel/ipvs_io.ts";
import { Exchange, type Wire } from "./exchange.ts";
import { run, server, tableOf, virtual } from "./lib.ts";
import { type Answers, REAL, VIP4, VIP6, withHosts } from "./network.ts";

const WIRES: readonly Wire[] = ["tcp", "udp", "sctp"];
const PORT = 8080;

const vipOf = (family: 4 | 6) => family === 4 ? VIP4 : VIP6;
const realOf = (family: 4 | 6, i: number) =>
  family === 4 ? `198.51.100.${11 + i}` : `2001:db8:2::${11 + i}`;

function scene(
  answers: Answers,
  body: (director: IpvsDirector) => void | Promise<void>,
): Promise<void> {
  for (const module of ["sctp", "ipip", "sit", "ip6_tunnel", "ip_gre", "ip6_gre", "fou", "fou6"]) {
    run("modprobe", module);
  }
  return withHosts(answers, async () => {
    const director = new IpvsDirector(openIpvs("d"));
    try {
      await body(director);
    } finally {
      director.close();
    }
  });
}

interface Way {
  readonly wire: Wire;
  /** Of the client and of the virtual address. */
  readonly family: 4 | 6;
  readonly servers: readonly RealServer[];
  /** Where servers listen. */
  readonly port: number;
}

/** Two rounds in turn, through a virtual server of its own, then it is taken away. */
function assertWay(director: IpvsDirector, straight: boolean, way: Way, what: string): void {
  const { wire, family, servers, port } = way;
  const listen: Listen = { protocol: wire, address: vipOf(family), port: straight ? port : 80 };
  const outcome = director.converge(tableOf(virtual(listen, servers, { scheduler: "rr" })));
  assert.deepEqual(outcome.failures.map(({ text }) => text), [], what);
  const exchange = new Exchange({
    wire,
    family,
    port,
    // One address alone: an SCTP server offers all that it is bound to.
    local: straight ? () => vipOf(family) : (i) => realOf(family, i),
    client: family === 4 ? "192.0.2.1" : "2001:db8:1::1",
  });
  try {
    const got = exchange.askOften(listen.address, listen.port, 6);
    assert.deepEqual(got.slice(0, 3).sort(), REAL, what);
    assert.deepEqual(got.slice(3), got.slice(0, 3), what);
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  } finally {
    exchange.close();
  }
}

Deno.test("NAT: TCP, UDP and SCTP, both families", () =>
  scene("through-director", (director) => {
    for (const family of [4, 6] as const) {
      for (const wire of WIRES) {
        const servers = REAL.map((_, i) => server(realOf(family, i), { port: PORT }));
        assertWay(director, false, { wire, family, servers, port: PORT }, `NAT ${wire} ${family}`);
      }
    }
  }));

const TUNNELS: readonly Tunnel[] = [
  { type: "ipip", port: 0, flags: 0 },
  { type: "gue", port: 6080, flags: 0 },
  { type: "gue", port: 6080, flags: 1 },
  { type: "gue", port: 6080, flags: 2 },
  { type: "gre", port: 0, flags: 0 },
  { type: "gre", port: 0, flags: 1 },
];

Deno.test("direct routing and each tunnel over each family × protocol × family of the client", () =>
  scene("straight", (director) => {
    for (const family of [4, 6] as const) {
      for (const wire of WIRES) {
        const servers = REAL.map((_, i) => server(realOf(family, i), { forward: "direct" }));
        const way = { wire, family, servers, port: PORT };
        assertWay(director, true, way, `direct ${wire} ${family}`);
      }
    }
    for (const outer of [4, 6] as const) {
      for (const tunnel of TUNNELS) {
        for (const name of REAL) prepareTunnel(name, outer, tunnel);
        for (const family of [4, 6] as const) {
          for (const wire of WIRES) {
            const rest = { forward: "tunnel", tunnel } as const;
            const servers = REAL.map((_, i) => server(realOf(outer, i), rest));
            const what = `${tunnel.type} ${tunnel.flags} over ${outer}: ${wire} ${family}`;
            assertWay(director, true, { wire, family, servers, port: PORT }, what);
          }
        }
        // Its kind goes with it: the next one has the name and the addresses.
        if (tunnel.type === "gre") { for (const name of REAL) unprepare(name); }
      }
    }
  }));

/** Lets a server unwrap what comes in such a tunnel. */
function prepareTunnel(name: string, outer: 4 | 6, { type, flags }: Tunnel): void {
  const ip = (...words: readonly string[]) => run("ip", "-n", name, ...words);
  const local = realOf(outer, Number(name.slice(1)) - 1);
  if (type === "ipip" && outer === 4) {
    // They take whatever no other device takes: IPv4 and IPv6 in IPv4.
    for (const device of ["tunl0", "sit0"]) ip("link", "set", device, "up");
  } else if (type === "ipip") {
    ip("-6", "tunnel", "add", "any6", "mode", "any", "local", local, "remote", "::");
    ip("link", "set", "any6", "up");
  } else if (type === "gue") {
    // Whatever its checksums: it takes them all.
    if (flags !== 0) return;
    ip(...(outer === 6 ? ["-6"] : []), "fou", "add", "port", "6080", "gue");
  } else {
    const checksum = flags === 0 ? ["nocsum"] : ["csum"];
    const kind = outer === 6 ? "ip6gre" : "gre";
    ip("link", "add", "name", "gre1", "type", kind, "local", local, ...checksum);
    ip("link", "set", "gre1", "up");
  }
}

function unprepare(name: string): void {
  run("ip", "-n", name, "link", "delete", "gre1");
}
