/** What virtual servers ask of the kernel: ranges, networks, ports, and what it would refuse. */

import { strict as assert } from "node:assert";
import {
  buildTable,
  type Destination,
  expandListen,
  type Listen,
  netmaskOf,
  refuseDestination,
  refuseService,
  type Service,
  type ServiceKey,
  serviceName,
  type Tunnel,
  type VirtualServer,
} from "../../../mod/ipvs/mod.ts";
import { serverOf as server } from "../../lib/balance.ts";

const SETTINGS: Omit<Service, "key"> = {
  scheduler: "wlc",
  schedulerFlags: 0,
  onePacket: false,
  persistence: null,
  engine: "",
};

function names(listen: Listen): string[] {
  const keys = expandListen(listen);
  assert(keys.ok, keys.ok ? "" : keys.reason);
  return keys.value.map(serviceName);
}

function refusal(virtualServers: readonly VirtualServer[]): string {
  const table = buildTable(virtualServers);
  assert(!table.ok, "the table was accepted");
  return table.reason;
}

Deno.test("a range crosses the border of a /24, and a /16 and an IPv6 group", () => {
  const range = { protocol: "tcp", port: 80 } as const;
  const over = names({ ...range, address: "198.51.100.250", last: "198.51.101.10" });
  assert.equal(over.length, 17);
  assert.deepEqual(over.slice(4, 8), [
    "tcp 198.51.100.254:80",
    "tcp 198.51.100.255:80",
    "tcp 198.51.101.0:80",
    "tcp 198.51.101.1:80",
  ]);
  assert.equal(names({ ...range, address: "10.0.255.255", last: "10.1.0.0" }).length, 2);
  assert.deepEqual(names({ ...range, address: "2001:db8::ffff", last: "2001:db8::1:1" }), [
    "tcp [2001:db8::ffff]:80",
    "tcp [2001:db8::1:0]:80",
    "tcp [2001:db8::1:1]:80",
  ]);
  assert.deepEqual(names({ ...range, address: "255.255.255.255", last: "255.255.255.255" }), [
    "tcp 255.255.255.255:80",
  ]);
});

Deno.test("a network is all of its addresses, whichever of them it is named by", () => {
  const network = names({ protocol: "udp", address: "192.0.2.21", prefixLength: 28, port: 53 });
  assert.equal(network.length, 16);
  assert.equal(network[0], "udp 192.0.2.16:53");
  assert.equal(network[15], "udp 192.0.2.31:53");
  const one = names({ protocol: "sctp", address: "2001:db8::5", prefixLength: 128, port: 9 });
  assert.deepEqual(one, ["sctp [2001:db8::5]:9"]);
  const whole = names({ protocol: "tcp", address: "10.1.0.0", prefixLength: 16, port: 1 });
  assert.equal(whole.length, 65536);
  assert.equal(new Set(whole).size, 65536);
});

Deno.test("a range that makes no sense, or too many services, is refused", () => {
  const reason = (listen: Listen) => {
    const keys = expandListen(listen);
    return keys.ok ? "accepted" : keys.reason;
  };
  const at = { protocol: "tcp", port: 80 } as const;
  assert.equal(reason({ ...at, address: "x" }), 'not an IP address: "x"');
  assert.equal(reason({ ...at, address: "192.0.2.1", last: "y" }), 'not an IP address: "y"');
  assert.equal(
    reason({ ...at, address: "192.0.2.9", last: "192.0.2.8" }),
    '"192.0.2.8" comes before "192.0.2.9"',
  );
  assert.equal(
    reason({ ...at, address: "192.0.2.9", last: "2001:db8::1" }),
    '"192.0.2.9" and "2001:db8::1" are of two families',
  );
  assert.equal(
    reason({ ...at, address: "10.0.0.0", prefixLength: 15 }),
    '"10.0.0.0" stands for more than 65536 addresses',
  );
  assert.match(reason({ ...at, address: "2001:db8::", prefixLength: 64 }), /more than 65536/);
  assert.match(reason({ ...at, address: "192.0.2.0", prefixLength: 33 }), /prefix length/);
});

Deno.test("every service of a range has all the servers; a mark has them too", () => {
  const table = buildTable([
    {
      listen: [
        { protocol: "tcp", address: "192.0.2.10", last: "192.0.2.11", port: 80 },
        { protocol: "tcp", address: "2001:DB8:0::10", port: 80 },
        { family: 4, mark: 7 },
      ],
      settings: SETTINGS,
      servers: [
        server("198.51.100.11", { forward: "tunnel", tunnel: { type: "ipip", port: 0, flags: 0 } }),
      ],
    },
  ]);
  assert(table.ok, table.ok ? "" : table.reason);
  const got = [...table.value].map(([name, { destinations }]) => [name, ...destinations.keys()]);
  assert.deepEqual(got, [
    ["tcp 192.0.2.10:80", "198.51.100.11:80"],
    ["tcp 192.0.2.11:80", "198.51.100.11:80"],
    ["tcp [2001:db8::10]:80", "198.51.100.11:80"],
    ["mark 7 ipv4", "198.51.100.11:0"],
  ]);
});

Deno.test("services of each family have the servers of their own, tunnels go to both", () => {
  const virtual = (more: Partial<VirtualServer>): VirtualServer => ({
    listen: [
      { protocol: "tcp", address: "192.0.2.10", port: 80 },
      { protocol: "tcp", address: "2001:db8::10", port: 443 },
      { family: 4, mark: 7 },
    ],
    settings: {
      ...SETTINGS,
      persistence: { timeout: 300, netmask: netmaskOf(4, 24) },
      ipv6Netmask: 64,
    },
    servers: [
      server("198.51.100.11", { port: 8080 }),
      server("2001:db8:1::11", { forward: "direct" }),
      server("198.51.100.12", { forward: "tunnel", tunnel: { type: "ipip", port: 0, flags: 0 } }),
    ],
    ...more,
  });
  const table = buildTable([virtual({})]);
  assert(table.ok, table.ok ? "" : table.reason);
  const got = [...table.value].map(([name, { service, destinations }]) => [
    name,
    service.persistence?.netmask,
    ...destinations.keys(),
  ]);
  assert.deepEqual(got, [
    ["tcp 192.0.2.10:80", 0xffffff00, "198.51.100.11:8080", "198.51.100.12:80"],
    ["tcp [2001:db8::10]:443", 64, "[2001:db8:1::11]:443", "198.51.100.12:443"],
    ["mark 7 ipv4", 0xffffff00, "198.51.100.11:8080", "198.51.100.12:0"],
  ]);
  for (const { service } of table.value.values()) assert(!("ipv6Netmask" in service));
  // One family alone: what belongs nowhere is refused, not left out.
  const four: Listen[] = [{ protocol: "tcp", address: "192.0.2.10", port: 80 }];
  assert.match(refusal([virtual({ listen: four })]), /a server of the other address family/);
  const none = buildTable([virtual({ servers: [server("198.51.100.11")] })]);
  assert(none.ok);
  assert.equal(none.value.get("tcp [2001:db8::10]:443")?.destinations.size, 0);
});

Deno.test("only NAT has a port of its own: elsewhere it is the service's, 0 for a mark", () => {
  const ports = (listen: Listen, forward: "nat" | "direct", port?: number) => {
    const rest = port === undefined ? { forward } : { forward, port };
    const servers = [server("198.51.100.11", rest)];
    const table = buildTable([{ listen: [listen], settings: SETTINGS, servers }]);
    assert(table.ok);
    return [...table.value.values()].flatMap(({ destinations }) => [...destinations.keys()]);
  };
  const web: Listen = { protocol: "tcp", address: "192.0.2.10", port: 80 };
  assert.deepEqual(ports(web, "nat", 8080), ["198.51.100.11:8080"]);
  assert.deepEqual(ports(web, "nat"), ["198.51.100.11:80"]);
  assert.deepEqual(ports(web, "direct", 8080), ["198.51.100.11:80"]);
  assert.deepEqual(ports({ family: 4, mark: 1 }, "direct", 8080), ["198.51.100.11:0"]);
  assert.deepEqual(ports({ family: 4, mark: 1 }, "nat", 8080), ["198.51.100.11:8080"]);
});

Deno.test("a service or server given twice, or one that the kernel would refuse, is named", () => {
  const listen: Listen[] = [{ protocol: "tcp", address: "192.0.2.10", port: 80 }];
  const range: Listen = { protocol: "tcp", address: "192.0.2.9", last: "192.0.2.11", port: 80 };
  const one = { listen, settings: SETTINGS, servers: [] };
  assert.equal(
    refusal([one, { ...one, listen: [range] }]),
    "tcp 192.0.2.10:80 is asked for twice",
  );
  const twice = [server("2001:db8::1"), server("2001:db8:0::1")];
  const six: Listen[] = [{ protocol: "tcp", address: "2001:db8::10", port: 80 }];
  assert.equal(
    refusal([{ listen: six, settings: SETTINGS, servers: twice }]),
    "tcp [2001:db8::10]:80: [2001:db8::1]:80 is given twice",
  );
  assert.equal(
    refusal([{ ...one, servers: [server("2001:db8::1")] }]),
    "tcp 192.0.2.10:80: [2001:db8::1]:80: a server of the other address family can only be " +
      "reached through a tunnel",
  );
  assert.equal(
    refusal([{ ...one, servers: [server("nowhere")] }]),
    'tcp 192.0.2.10:80: not an IP address: "nowhere"',
  );
  assert.equal(
    refusal([{ ...one, settings: { ...SETTINGS, scheduler: "much-too-long-name" } }]),
    'tcp 192.0.2.10:80: no name of a scheduler: "much-too-long-name"',
  );
});

Deno.test("what the kernel refuses of a service is refused before", () => {
  const tcp: ServiceKey = { family: 4, protocol: "tcp", address: "192.0.2.10", port: 80 };
  const persistence = { timeout: 300, netmask: 0xffffffff };
  const reason = (rest: Partial<Service>) => refuseService({ ...SETTINGS, key: tcp, ...rest });
  assert.equal(reason({}), undefined);
  assert.equal(reason({ persistence }), undefined);
  assert.match(reason({ key: { ...tcp, port: 0 } }) ?? "", /all ports/);
  assert.equal(reason({ key: { ...tcp, port: 0 }, persistence }), undefined);
  assert.match(reason({ key: { ...tcp, port: 70000 } }) ?? "", /port is 70000/);
  assert.match(reason({ key: { ...tcp, family: 6 } }) ?? "", /not an IPv6 address/);
  assert.match(reason({ key: { family: 4, mark: 0 } }) ?? "", /mark is 0/);
  assert.match(reason({ onePacket: true }) ?? "", /for UDP/);
  assert.equal(reason({ onePacket: true, key: { family: 4, mark: 1 } }), undefined);
  assert.match(reason({ engine: "sip", persistence }) ?? "", /for UDP/);
  const udp: ServiceKey = { ...tcp, protocol: "udp" };
  assert.match(reason({ engine: "sip", key: udp }) ?? "", /needs persistence/);
  assert.equal(reason({ engine: "sip", key: udp, persistence }), undefined);
  assert.match(reason({ schedulerFlags: 8 }) ?? "", /flags are 8/);
  assert.match(reason({ persistence: { timeout: 0, netmask: 1 } }) ?? "", /lasts 0 s/);
  assert.match(reason({ persistence: { timeout: 9, netmask: 0 } }) ?? "", /netmask is 0/);
  const six: ServiceKey = { family: 6, mark: 1 };
  const wide = { timeout: 9, netmask: 129 };
  assert.match(reason({ key: six, persistence: wide }) ?? "", /netmask is 129/);
  assert.equal(netmaskOf(4, 24), 0xffffff00);
  assert.equal(netmaskOf(4, 32), 0xffffffff);
  assert.equal(netmaskOf(6, 64), 64);
});

Deno.test("what the kernel refuses of a server is refused before", () => {
  const web: ServiceKey = { family: 4, protocol: "tcp", address: "192.0.2.10", port: 80 };
  const plain: Destination = {
    key: { family: 4, address: "198.51.100.11", port: 80 },
    forward: "nat",
    tunnel: null,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
  };
  const reason = (rest: Partial<Destination>) => refuseDestination(web, { ...plain, ...rest });
  const tunnel = (wrapped: Tunnel) => reason({ forward: "tunnel", tunnel: wrapped });
  assert.equal(reason({}), undefined);
  assert.match(reason({ weight: 65536 }) ?? "", /weight is 65536/);
  assert.match(reason({ weight: 1.5 }) ?? "", /weight is 1.5/);
  assert.match(reason({ upperThreshold: 5, lowerThreshold: 6 }) ?? "", /6 is above/);
  assert.match(reason({ forward: "local" }) ?? "", /cannot be asked for/);
  assert.match(reason({ forward: "tunnel" }) ?? "", /no kind of tunnel/);
  assert.match(reason({ tunnel: { type: "ipip", port: 0, flags: 0 } }) ?? "", /not used/);
  assert.equal(tunnel({ type: "ipip", port: 0, flags: 0 }), undefined);
  assert.match(tunnel({ type: "ipip", port: 0, flags: 1 }) ?? "", /does not offer/);
  assert.match(tunnel({ type: "gue", port: 0, flags: 0 }) ?? "", /needs a port/);
  assert.equal(tunnel({ type: "gue", port: 6080, flags: 2 }), undefined);
  assert.match(tunnel({ type: "gue", port: 6080, flags: 3 }) ?? "", /two kinds/);
  assert.equal(tunnel({ type: "gre", port: 0, flags: 1 }), undefined);
  assert.match(tunnel({ type: "gre", port: 0, flags: 2 }) ?? "", /does not offer/);
  assert.match(tunnel({ type: "gre", port: 1, flags: 0 }) ?? "", /has no port/);
});
