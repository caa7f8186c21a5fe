/**
 * The whole agent as director, one site with every way of forwarding: each request is answered by
 * the server whose turn it is, and `halb status` counts what `ipvsadm` counts. The same ways by the
 * driver alone, with tunnels changed by edits, are in `ipvs_matrix_test.ts`.
 */

import assert from "node:assert/strict";
import { lab, startHalb, until } from "../lib/mod.ts";
import {
  adopted,
  assertSameFigures,
  listing,
  PATIENCE,
  untilEntries,
  virtualServers,
} from "./balance.ts";
import { assertSameMetrics } from "./balance_metrics.ts";
import { Exchange, type Wire } from "./exchange.ts";
import { inside, ipBatch, run } from "./lib.ts";
import { type Answers, REAL, VIP4, VIP6, withHosts } from "./network.ts";

const OPTIONS = { timeoutMs: 240_000 };
const WIRES: readonly Wire[] = ["tcp", "udp", "sctp"];
const FAMILIES = [4, 6] as const;

interface Way {
  readonly name: string;
  readonly wire: Wire;
  /** Of the client. */
  readonly family: 4 | 6;
  /** Of the servers. */
  readonly outer: 4 | 6;
  /** Of the virtual server. */
  readonly port: number;
  /** Of the servers, where it is another. */
  readonly serverPort: number;
  /** Lines of TOML. */
  readonly more: string;
}

const vipOf = (family: 4 | 6) => family === 4 ? VIP4 : VIP6;
const realOf = (family: 4 | 6, i: number) =>
  family === 4 ? `198.51.100.${11 + i}` : `2001:db8:2::${11 + i}`;
const endpoint = (address: string, port: number) =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

function site(ways: readonly Way[]): string {
  return ways.map(({ name, wire, family, outer, port, serverPort, more }) =>
    `[[virtual_server]]
name = "${name}"
listen = "${endpoint(vipOf(family), port)}"
protocol = "${wire}"
scheduler = "rr"
${more}
real_server = [${
      REAL.map((_, i) => `{ address = "${endpoint(realOf(outer, i), serverPort)}" }`).join(", ")
    }]
`
  ).join("\n");
}

/** Each of them is asked twice by turns. */
function assertTurns(ways: readonly Way[], straight: boolean): void {
  for (const { name, wire, family, port, serverPort } of ways) {
    const exchange = new Exchange({
      wire,
      family,
      port: serverPort,
      local: straight ? () => vipOf(family) : (i) => realOf(family, i),
      client: family === 4 ? "192.0.2.1" : "2001:db8:1::1",
    });
    try {
      const got = exchange.askOften(vipOf(family), port, 6);
      assert.deepEqual(got.slice(0, 3).sort(), REAL, name);
      assert.deepEqual(got.slice(3), got.slice(0, 3), name);
    } catch (error) {
      throw new Error(`${name}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    } finally {
      exchange.close();
    }
  }
}

const TUNNELS = [
  { type: "ipip", checksum: "none" },
  { type: "gue", checksum: "none" },
  { type: "gue", checksum: "full" },
  { type: "gue", checksum: "remote" },
  { type: "gre", checksum: "none" },
] as const;

let nextPort = 2000;

/** One way for each family of the client and each protocol. */
function waysOf(name: string, outer: 4 | 6, more: string, serverPort?: number): Way[] {
  return FAMILIES.flatMap((family) =>
    WIRES.map((wire): Way => {
      const port = nextPort++;
      return {
        name: `${name}-${wire}-${family}`,
        wire,
        family,
        outer,
        port,
        serverPort: serverPort ?? port,
        more,
      };
    })
  );
}

function prepareServers(): void {
  for (const module of ["sctp", "ipip", "sit", "ip6_tunnel", "ip_gre", "ip6_gre", "fou", "fou6"]) {
    run("modprobe", module);
  }
}

function prepareTunnels(): void {
  for (const [i, name] of REAL.entries()) {
    ipBatch(name, [
      "link set tunl0 up",
      "link set sit0 up",
      `link add name any6 type ip6tnl mode any local ${realOf(6, i)} remote ::`,
      "link set any6 up",
      "fou add port 6080 gue",
      `link add name gre4 type gre local ${realOf(4, i)} nocsum`,
      `link add name gre6 type ip6gre local ${realOf(6, i)} nocsum`,
      "link set gre4 up",
      "link set gre6 up",
    ]);
    run("ip", "-n", name, "-6", "fou", "add", "port", "6080", "gue");
  }
}

function prepareChecksums(): void {
  for (const [i, name] of REAL.entries()) {
    ipBatch(name, [
      "link delete gre4",
      "link delete gre6",
      `link add name gre4 type gre local ${realOf(4, i)} csum`,
      `link add name gre6 type ip6gre local ${realOf(6, i)} csum`,
      "link set gre4 up",
      "link set gre6 up",
    ]);
  }
}

function scene(name: string, answers: Answers, body: Parameters<typeof lab>[1]): void {
  lab(name, (lab) => {
    prepareServers();
    return withHosts(answers, () => body(lab));
  }, OPTIONS);
}

scene(
  "NAT, as the agent does it; status counts what ipvsadm counts",
  "through-director",
  async (lab) => {
    const persistence = 'persistence = { timeout = "5m", prefix_length = 24 }';
    const ways = FAMILIES.flatMap((family) =>
      waysOf(`nat${family}`, family, "", 8080).filter((way) => way.family === family)
    );
    const kept: Way = {
      ...ways.find(({ wire, family }) => wire === "tcp" && family === 4)!,
      name: "kept",
      port: 81,
      more: persistence,
    };
    const socket = `${lab.directory}/http.sock`;
    const http = `[agent]\nhttp = { listen = "unix:${socket}" }\n\n`;
    const agent = startHalb(lab, adopted(lab, "d"), http + site([...ways, kept]));
    await untilEntries(4 * (ways.length + 1));
    assertTurns(ways, false);
    const exchange = new Exchange({ wire: "tcp", family: 4, port: 8080 });
    try {
      const held = [1, 2].map(() => exchange.hold(VIP4, 81));
      assert.equal(new Set(held.map(({ server }) => server)).size, 1);
      const web = ways.find(({ wire, family }) => wire === "tcp" && family === 4)!;
      const open = exchange.hold(VIP4, web.port);
      // The kernel adds up every two seconds, and halb looks once a second at most.
      await until(
        "status counts what ipvsadm counts",
        async () => {
          const servers = await virtualServers(agent);
          const stats = listing("d", "--stats", "--exact");
          for (const server of servers) assertSameFigures(server, stats);
          const of = (name: string) => servers.find((each) => each.name === name)!;
          assert.deepEqual([of(web.name).counters.connections, of("kept").counters.connections], [
            7,
            2,
          ]);
          // `ipvsadm -Ln`: forwarding method, weight, active, inactive connections.
          const rows = listing("d");
          const first = rows.findIndex(({ name }) => name === `TCP ${VIP4}:${web.port}`);
          for (const { name, figures } of rows.slice(first + 1, first + 4)) {
            const { counters, effective_weight } = of(web.name).real_servers.find(({ address }) =>
              name === `-> ${address}`
            )!;
            const { active_connections, inactive_connections } = counters;
            assert.deepEqual(figures, [effective_weight, active_connections, inactive_connections]);
          }
          const active = of(web.name).real_servers.map(({ counters }) =>
            counters.active_connections
          );
          assert.deepEqual(active.toSorted(), [0, 0, 1]);
          await assertSameMetrics(socket, agent);
          return true;
        },
        PATIENCE,
        300,
      );
      assert.match(
        inside("d", "ipvsadm -Ln --persistent-conn"),
        /TCP +192\.0\.2\.10:81 rr persistent/,
      );
      for (const each of [...held, open]) assert.ok(each.alive());
    } finally {
      exchange.close();
    }
    await agent.stop(PATIENCE);
    assert.deepEqual(listing("d"), []);
  },
);

scene("direct routing and tunnels, as the agent does it", "straight", async (lab) => {
  prepareTunnels();
  const ways = FAMILIES.flatMap((outer) => {
    const direct = waysOf(`direct${outer}`, outer, 'forward = "direct"');
    return [
      ...direct.filter(({ family }) => family === outer),
      ...TUNNELS.flatMap(({ type, checksum }) => {
        const port = type === "gue" ? ", port = 6080" : "";
        const tunnel = `{ type = "${type}", checksum = "${checksum}"${port} }`;
        const more = `forward = "tunnel"\ntunnel = ${tunnel}`;
        return waysOf(`${type}-${checksum}-over${outer}`, outer, more);
      }),
    ];
  });
  const agent = startHalb(lab, adopted(lab, "d"), site(ways));
  await untilEntries(4 * ways.length);
  assertTurns(ways, true);
  // A reload gives the tunnels of GRE their checksums: by edits, in place.
  const summed = ways.map((way): Way => ({
    ...way,
    more: way.more.replace('"gre", checksum = "none"', '"gre", checksum = "full"'),
  })).filter(({ more }) => more.includes('"gre"'));
  prepareChecksums();
  agent.reload(site(summed));
  await untilEntries(4 * summed.length);
  await until(
    "checksums are wanted",
    () =>
      inside("d", "ipvsadm -Sn").match(/--tun-type gre --tun-csum/g)?.length === 3 * summed.length,
    PATIENCE,
  );
  assertTurns(summed, true);
});
