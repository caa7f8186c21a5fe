/**
 * The messages of IPVS, byte by byte: beside what `ipvsadm` 1.31 sends (recorded with strace in a
 * guest whose IPVS accepted them), there and back, and damaged.
 */

import { strict as assert } from "node:assert";
import {
  type Command,
  type Destination,
  encodeCommand,
  encodeQuestion,
  readCommandNumber,
  readDaemon,
  readDestination,
  readDestinationKey,
  readInfo,
  readService,
  readServiceKey,
  readTimeouts,
  type Service,
  type ServiceKey,
} from "../../../mod/ipvs/mod.ts";
import {
  beginGeneric,
  type Decoded,
  MessageWriter,
  type NetlinkMessage,
  readGenericHeader,
  splitMessages,
} from "../../../mod/netlink/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { randomDestination, randomKey, randomService } from "./chance.ts";

const FAMILY = 0x23;
const WEB: ServiceKey = { family: 4, protocol: "tcp", address: "192.0.2.10", port: 80 };
const SIP: ServiceKey = { family: 4, protocol: "udp", address: "192.0.2.12", port: 5060 };
const DNS: ServiceKey = { family: 4, protocol: "udp", address: "192.0.2.11", port: 53 };
const MARK: ServiceKey = { family: 6, mark: 7 };

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOfHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function encoded(command: Command): NetlinkMessage {
  const writer = new MessageWriter();
  encodeCommand(writer, FAMILY, 9, command);
  const { messages, problem } = splitMessages(writer.finish());
  assert.equal(problem, undefined);
  assert.equal(messages.length, 1);
  return messages[0]!;
}

/** A message as it came, with the given payload. */
function message(payload: Uint8Array): NetlinkMessage {
  return { type: FAMILY, flags: 0, sequence: 9, portId: 0, payload };
}

function accepted<T>(read: Decoded<T>): T {
  assert(read.ok, read.ok ? "" : read.reason);
  return read.value;
}

function service(key: ServiceKey, scheduler: string, rest: Partial<Service> = {}): Service {
  return {
    key,
    scheduler,
    schedulerFlags: 0,
    onePacket: false,
    persistence: null,
    engine: "",
    ...rest,
  };
}

function nat(address: string, port: number, weight: number): Destination {
  return {
    key: { family: 4, address, port },
    forward: "nat",
    tunnel: null,
    weight,
    upperThreshold: 0,
    lowerThreshold: 0,
  };
}

/** What stands on ipvsadm's command line, the command of ours, and the payload that it sent. */
const SERVICES: readonly (readonly [line: string, command: Command, payload: string])[] = [
  [
    "-A -t 192.0.2.10:80 -s rr",
    { kind: "add-service", service: service(WEB, "rr") },
    "01010000" + "54000180" + "0600010002000000" + "0600020006000000" +
    "14000300c000020a000000000000000000000000" + "0600040000500000" + "0700060072720000" +
    "0c00070000000000ffffffff" + "0800080000000000" + "08000900ffffffff",
  ],
  [
    "-A -u 192.0.2.11:53 -s mh -b mh-port,mh-fallback -o",
    { kind: "add-service", service: service(DNS, "mh", { schedulerFlags: 3, onePacket: true }) },
    "01010000" + "54000180" + "0600010002000000" + "0600020011000000" +
    "14000300c000020b000000000000000000000000" + "0600040000350000" + "070006006d680000" +
    "0c0007001c000000ffffffff" + "0800080000000000" + "08000900ffffffff",
  ],
  [
    "-A -f 7 -6 -s wlc -p 300 -M 64",
    {
      kind: "add-service",
      service: service(MARK, "wlc", { persistence: { timeout: 300, netmask: 64 } }),
    },
    "01010000" + "38000180" + "060001000a000000" + "0800050007000000" + "08000600776c6300" +
    "0c00070001000000ffffffff" + "080008002c010000" + "0800090040000000",
  ],
  [
    "-E -t 192.0.2.10:80 -s wrr -p 60 -M 255.255.255.0",
    {
      kind: "set-service",
      service: service(WEB, "wrr", { persistence: { timeout: 60, netmask: 0xffffff00 } }),
    },
    "02010000" + "54000180" + "0600010002000000" + "0600020006000000" +
    "14000300c000020a000000000000000000000000" + "0600040000500000" + "0800060077727200" +
    "0c00070001000000ffffffff" + "080008003c000000" + "08000900ffffff00",
  ],
  [
    "-A -u 192.0.2.12:5060 -s rr -p 60 --pe sip",
    {
      kind: "add-service",
      service: service(SIP, "rr", {
        persistence: { timeout: 60, netmask: 0xffffffff },
        engine: "sip",
      }),
    },
    "01010000" + "5c000180" + "0600010002000000" + "0600020011000000" +
    "14000300c000020c000000000000000000000000" + "0600040013c40000" + "0700060072720000" +
    "08000b0073697000" + "0c00070001000000ffffffff" + "080008003c000000" + "08000900ffffffff",
  ],
  [
    "-A --sctp-service 192.0.2.13:36412 -s lc",
    {
      kind: "add-service",
      service: service({ family: 4, protocol: "sctp", address: "192.0.2.13", port: 36412 }, "lc"),
    },
    "01010000" + "54000180" + "0600010002000000" + "0600020084000000" +
    "14000300c000020d000000000000000000000000" + "060004008e3c0000" + "070006006c630000" +
    "0c00070000000000ffffffff" + "0800080000000000" + "08000900ffffffff",
  ],
  [
    "--set 900 120 300",
    { kind: "set-timeouts", timeouts: { tcp: 900, tcpFin: 120, udp: 300 } },
    "0c010000" + "0800040084030000" + "0800050078000000" + "080006002c010000",
  ],
  [
    "--start-daemon master --mcast-interface lo --syncid 5 --sync-maxlen 1400 " +
    "--mcast-group 239.1.2.3 --mcast-port 8849 --mcast-ttl 3",
    {
      kind: "start-daemon",
      daemon: {
        role: "master",
        interface: "lo",
        id: 5,
        maxLength: 1400,
        group: "239.1.2.3",
        port: 8849,
        ttl: 3,
      },
    },
    "09010000" + "3c000380" + "0800010001000000" + "070002006c6f0000" + "0800030005000000" +
    "0600040078050000" + "0600070091220000" + "0500080003000000" + "08000500ef010203",
  ],
  ["-Z", { kind: "zero", service: null }, "10010000"],
  ["-C", { kind: "flush" }, "11010000"],
];

Deno.test("services, timeouts, daemons, zero and flush: the bytes that ipvsadm sends", () => {
  for (const [line, command, payload] of SERVICES) {
    const sent = encoded(command);
    assert.equal(hex(sent.payload), payload, line);
    assert.equal(sent.type, FAMILY);
    assert.equal(sent.sequence, 9);
    assert.equal(sent.flags, 0x5, "request with acknowledgement");
  }
});

const WEB_FULL = "54000180" + "0600010002000000" + "0600020006000000" +
  "14000300c000020a000000000000000000000000" + "0600040000500000" + "0500060000000000" +
  "0c00070000000000ffffffff" + "0800080000000000" + "08000900ffffffff";
const WEB_KEY = "30000180" + "0600010002000000" + "0600020006000000" +
  "14000300c000020a000000000000000000000000" + "0600040000500000";
const NO_TUNNEL = "05000d0000000000" + "06000e0000000000" + "06000f0000000000";
const GUE: Destination = {
  key: { family: 4, address: "198.51.100.12", port: 80 },
  forward: "tunnel",
  tunnel: { type: "gue", port: 6080, flags: 1 },
  weight: 3,
  upperThreshold: 100,
  lowerThreshold: 50,
};

Deno.test("destinations: the bytes that ipvsadm sends, less what says nothing", () => {
  // -a -t 192.0.2.10:80 -r 198.51.100.12 -i --tun-type gue --tun-port 6080 --tun-csum -w 3 -x 100 -y 50
  const gue = "60000280" + "06000b0002000000" + "14000100c633640c000000000000000000000000" +
    "0600020000500000" + "0800030002000000" + "0800040003000000" + "05000d0001000000" +
    "06000e0017c00000" + "06000f0001000000" + "0800050064000000" + "0800060032000000";
  assert.equal(
    hex(encoded({ kind: "add-destination", service: WEB, destination: GUE }).payload),
    "05010000" + WEB_KEY + gue,
  );
  const sent = message(bytesOfHex("05010000" + WEB_FULL + gue));
  assert.deepEqual(accepted(readDestination(sent, 4)).destination, GUE);

  // -a -t 192.0.2.10:80 -r 198.51.100.11:8080 -m -w 5
  const head = "06000b0002000000" + "14000100c633640b000000000000000000000000" +
    "060002001f900000" + "0800030000000000" + "0800040005000000";
  const tail = "0800050000000000" + "0800060000000000";
  const wanted = nat("198.51.100.11", 8080, 5);
  assert.equal(
    hex(encoded({ kind: "add-destination", service: WEB, destination: wanted }).payload),
    "05010000" + WEB_KEY + "48000280" + head + tail,
  );
  const full = message(bytesOfHex("05010000" + WEB_FULL + "60000280" + head + NO_TUNNEL + tail));
  assert.deepEqual(accepted(readDestination(full, 4)).destination, wanted);

  // -a -f 7 -6 -r [2001:db8::5]:0 -g
  const mark = "05010000" + "38000180" + "060001000a000000" + "0800050007000000" +
    "0500060000000000" + "0c00070000000000ffffffff" + "0800080000000000" + "0800090080000000" +
    "60000280" + "06000b000a000000" + "1400010020010db8000000000000000000000005" +
    "0600020000000000" + "0800030003000000" + "0800040001000000" + NO_TUNNEL + tail;
  const direct = accepted(readDestination(message(bytesOfHex(mark)), 6)).destination;
  assert.deepEqual(direct, {
    key: { family: 6, address: "2001:db8::5", port: 0 },
    forward: "direct",
    tunnel: null,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
  });
  assert.equal(
    hex(encoded({ kind: "set-destination", service: MARK, destination: direct }).payload),
    "06010000" + "14000180" + "060001000a000000" + "0800050007000000" + "48000280" +
      "06000b000a000000" + "1400010020010db8000000000000000000000005" + "0600020000000000" +
      "0800030003000000" + "0800040001000000" + tail,
  );
});

Deno.test("deletions name the key alone", () => {
  assert.equal(
    hex(encoded({ kind: "delete-service", service: WEB }).payload),
    "03010000" + WEB_KEY,
  );
  const key = { family: 4, address: "198.51.100.11", port: 80 } as const;
  assert.equal(
    hex(encoded({ kind: "delete-destination", service: WEB, destination: key }).payload),
    "07010000" + WEB_KEY + "28000280" + "06000b0002000000" +
      "14000100c633640b000000000000000000000000" + "0600020000500000",
  );
  assert.equal(
    hex(encoded({ kind: "stop-daemon", role: "backup" }).payload),
    "0a010000" + "0c000380" + "0800010002000000",
  );
  assert.equal(hex(encoded({ kind: "zero", service: WEB }).payload), "10010000" + WEB_KEY);
});

Deno.test("questions: dumps of tables, single answers for the rest", () => {
  const writer = new MessageWriter();
  encodeQuestion(writer, FAMILY, 1, { kind: "services" });
  encodeQuestion(writer, FAMILY, 2, { kind: "destinations", service: WEB });
  encodeQuestion(writer, FAMILY, 3, { kind: "daemons" });
  encodeQuestion(writer, FAMILY, 4, { kind: "timeouts" });
  encodeQuestion(writer, FAMILY, 5, { kind: "info" });
  const asked = splitMessages(writer.finish()).messages;
  assert.deepEqual(
    asked.map(({ flags, payload }) => [flags, hex(payload)]),
    [
      [0x301, "04010000"],
      [0x301, "08010000" + WEB_KEY],
      [0x301, "0b010000"],
      [0x005, "0d010000"],
      [0x005, "0f010000"],
    ],
  );
});

Deno.test("an address that is none, or of the other family, throws", () => {
  const wrong = { ...WEB, address: "192.0.2" } as ServiceKey;
  assert.throws(() => encoded({ kind: "delete-service", service: wrong }), /not an IP address/);
  const six = { ...WEB, address: "2001:db8::1" } as ServiceKey;
  assert.throws(() => encoded({ kind: "delete-service", service: six }), /not an IPv4 address/);
});

Deno.test("10,000 random services and destinations come back as they went", () => {
  forSeeds(5_000, (random) => {
    const key = randomKey(random);
    const wanted = randomService(random, key);
    const kind = random.pick(["add-service", "set-service"] as const);
    const state = accepted(readService(encoded({ kind, service: wanted })));
    assert.deepEqual(state.service, wanted);
    const destination = randomDestination(random, key);
    const sent = encoded({ kind: "add-destination", service: key, destination });
    assert.deepEqual(accepted(readServiceKey(sent)), key);
    assert.deepEqual(accepted(readDestination(sent, key.family)).destination, destination);
    const gone = {
      kind: "delete-destination",
      service: key,
      destination: destination.key,
    } as const;
    const deleted = encoded(gone);
    assert.deepEqual(accepted(readServiceKey(deleted)), key);
    assert.deepEqual(accepted(readDestinationKey(deleted, key.family)), destination.key);
  });
});

Deno.test("daemons, timeouts and info come back as they went", () => {
  const daemon = {
    role: "backup",
    interface: "eth1",
    id: 255,
    maxLength: 0,
    group: "ff05::8848",
    port: 0,
    ttl: 0,
  } as const;
  assert.deepEqual(accepted(readDaemon(encoded({ kind: "start-daemon", daemon }))), daemon);
  const timeouts = { tcp: 1, tcpFin: 2, udp: 3 };
  assert.deepEqual(accepted(readTimeouts(encoded({ kind: "set-timeouts", timeouts }))), timeouts);
  const writer = new MessageWriter();
  beginGeneric(writer, FAMILY, 0, 1, 14, 1).attributeU32(1, 0x010201).attributeU32(2, 4096).end();
  const info = readInfo(splitMessages(writer.finish()).messages[0]!);
  assert.deepEqual(accepted(info), { version: "1.2.1", tableSize: 4096 });
});

Deno.test("counters are those of 64 bits where the kernel has them", () => {
  const build = (wide: boolean) => {
    const writer = new MessageWriter();
    beginGeneric(writer, FAMILY, 2, 1, 5, 1);
    const nested = writer.beginNested(2);
    writer.attributeU16(11, 2).attribute(1, Uint8Array.of(198, 51, 100, 11)).attributePort(2, 80);
    for (const type of [3, 4, 5, 6, 7, 8, 9]) writer.attributeU32(type, type === 3 ? 0 : type);
    const narrow = writer.beginNested(10);
    for (const type of [1, 2, 3]) writer.attributeU32(type, 30 + type);
    writer.attribute(4, new Uint8Array([34, 0, 0, 0, 1, 0, 0, 0]));
    writer.attribute(5, new Uint8Array([35, 0, 0, 0, 0, 0, 0, 0])).endNested(narrow);
    if (wide) {
      const inner = writer.beginNested(12);
      for (const type of [1, 2, 3, 4, 5]) {
        writer.attribute(type, new Uint8Array([60 + type, 0, 0, 0, 2, 0, 0, 0]));
      }
      writer.endNested(inner);
    }
    writer.endNested(nested).end();
    return accepted(readDestination(splitMessages(writer.finish()).messages[0]!, 4));
  };
  const high = 2 * 2 ** 32;
  assert.deepEqual(build(true).counters, {
    connections: high + 61,
    packetsIn: high + 62,
    packetsOut: high + 63,
    bytesIn: high + 64,
    bytesOut: high + 65,
  });
  const narrow = build(false);
  assert.deepEqual(narrow.counters, {
    connections: 31,
    packetsIn: 32,
    packetsOut: 33,
    bytesIn: 2 ** 32 + 34,
    bytesOut: 35,
  });
  assert.deepEqual(
    [narrow.activeConnections, narrow.inactiveConnections, narrow.persistentConnections],
    [7, 8, 9],
  );
});

/** A command without one attribute of its subject, or with another value in it. */
function altered(command: Command, type: number, value: Uint8Array | null): NetlinkMessage {
  const whole = encoded(command);
  const header = accepted(readGenericHeader(whole));
  const writer = new MessageWriter();
  beginGeneric(writer, FAMILY, 0, 1, header.command, 1);
  for (const [subject, bytes] of header.attributes) {
    const nested = writer.beginNested(subject);
    let at = 0;
    while (at < bytes.length) {
      const length = bytes[at]! | (bytes[at + 1]! << 8);
      const here = bytes[at + 2]!;
      const last = [...header.attributes.keys()].at(-1) === subject;
      if (!last || here !== type) writer.attribute(here, bytes.subarray(at + 4, at + length));
      else if (value !== null) writer.attribute(here, value);
      at += (length + 3) & ~3;
    }
    writer.endNested(nested);
  }
  return splitMessages(writer.end().finish()).messages[0]!;
}

Deno.test("each thing that is missing or unknown is refused by its name", () => {
  const add: Command = { kind: "add-service", service: service(WEB, "rr") };
  const dest: Command = { kind: "add-destination", service: WEB, destination: GUE };
  const daemon = SERVICES.find(([line]) => line.startsWith("--start-daemon"))![1];
  const u16 = (value: number) => Uint8Array.of(value & 0xff, value >> 8);
  const u32 = (value: number) => Uint8Array.of(value, 0, 0, 0);
  const cases: readonly (readonly [Command, number, Uint8Array | null, RegExp])[] = [
    [add, 1, null, /service: address family is undefined/],
    [add, 1, u16(7), /service: address family is 7/],
    [add, 2, u16(99), /service: protocol is 99/],
    [add, 3, new Uint8Array(3), /service: it has no address/],
    [add, 4, null, /service: it has no port/],
    [add, 6, null, /service: it has no scheduler/],
    [add, 7, u16(0), /service: it has no flags/],
    [add, 8, null, /service: it has no timeout/],
    [add, 9, null, /service: it has no netmask/],
    [dest, 1, null, /destination: it has no address/],
    [dest, 2, null, /destination: it has no port/],
    [dest, 3, null, /destination: it has no forwarding method/],
    [dest, 3, u32(6), /destination: forwarding method is 6/],
    [dest, 4, null, /destination: it has no weight/],
    [dest, 5, null, /destination: it has no thresholds/],
    [dest, 11, u16(1), /destination: address family is 1/],
    [dest, 13, Uint8Array.of(9), /destination: type of tunnel is 9/],
    [daemon, 1, u32(3), /daemon: state is 3/],
    [daemon, 2, null, /daemon: it has no interface/],
    [daemon, 5, new Uint8Array(5), /daemon: group has 5 bytes/],
  ];
  for (const [command, type, value, reason] of cases) {
    const sent = altered(command, type, value);
    const read = command === add
      ? readService(sent)
      : command === dest
      ? readDestination(sent, 4)
      : readDaemon(sent);
    assert(!read.ok, `attribute ${type} of ${command.kind} was accepted`);
    assert.match(read.reason, reason);
  }
  // A kernel that knows no family of a destination has it of the service's.
  assert(readDestination(altered(dest, 11, null), 4).ok);
  const bare = message(Uint8Array.of(1, 1, 0));
  for (const read of [readService, readServiceKey, readDaemon, readTimeouts, readInfo]) {
    const result = read(bare);
    assert.equal(result.ok ? "" : result.reason, "Cannot read generic header: 3 bytes, need 4");
  }
  const wrong = readTimeouts(encoded({ kind: "flush" }));
  assert.equal(wrong.ok ? "" : wrong.reason, "Cannot read timeouts: command is 17");
});

Deno.test("20,000 damaged or random messages: no reader throws", () => {
  const commands = [
    ...SERVICES.map(([, command]) => command),
    { kind: "add-destination", service: MARK, destination: GUE },
  ] as const;
  let refused = 0;
  let read = 0;
  forSeeds(20_000, (random) => {
    let payload: Uint8Array;
    if (random.chance(0.7)) {
      payload = encoded(random.pick(commands)).payload.slice();
      for (let i = random.int(1, 4); i > 0; i--) {
        payload[random.int(0, payload.length - 1)] = random.int(0, 255);
      }
      if (random.chance(0.3)) payload = payload.slice(0, random.int(0, payload.length));
    } else {
      payload = Uint8Array.from(
        { length: random.int(0, 120) },
        () => random.chance(0.5) ? 0 : random.int(0, 255),
      );
    }
    const sent = message(payload);
    const results: Decoded<unknown>[] = [
      readCommandNumber(sent),
      readService(sent),
      readServiceKey(sent),
      readDestination(sent, 4),
      readDestinationKey(sent, 6),
      readDaemon(sent),
      readTimeouts(sent),
      readInfo(sent),
    ];
    for (const result of results) {
      if (result.ok) read++;
      else {
        refused++;
        assert.match(result.reason, /^Cannot read /);
      }
    }
    // What was accepted can be said again.
    const again = readService(sent);
    if (again.ok) encoded({ kind: "set-service", service: again.value.service });
    const destination = readDestination(sent, 4);
    if (destination.ok) {
      const said = destination.value.destination;
      encoded({ kind: "set-destination", service: WEB, destination: said });
    }
  });
  if (Deno.env.get("HALB_SEED") === undefined) {
    assert(refused > 20_000 && read > 5_000, `${refused} refused, ${read} accepted`);
  }
});
