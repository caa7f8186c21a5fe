/** Links, addresses and routes: golden bytes, round trips, and the text of addresses. */

import { strict as assert } from "node:assert";
import {
  addAddress,
  addLink,
  addRoute,
  changeLink,
  deleteAddress,
  deleteRoute,
  HALB_PROTOCOL,
  IFA_F_NOPREFIXROUTE,
  INFINITE_LIFETIME,
  MessageWriter,
  readAddress,
  readLink,
  readRoute,
  readSettings,
  removeRoute,
  requestAddresses,
  requestIpv6Settings,
  requestLinks,
  requestRoutes,
  restoreRoute,
  RT_SCOPE_LINK,
  RTM_NEWLINK,
  splitMessages,
} from "../../../mod/netlink/mod.ts";

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function only(writer: MessageWriter) {
  const { messages } = splitMessages(writer.finish());
  assert.equal(messages.length, 1);
  const [message] = messages;
  assert(message);
  return message;
}

const leased = {
  index: 3,
  address: "192.0.2.10",
  prefixLength: 32,
  flags: IFA_F_NOPREFIXROUTE,
  valid: 3,
  preferred: 3,
  protocol: HALB_PROTOCOL,
};

Deno.test("RTM_NEWADDR of a leased address, byte by byte", () => {
  const writer = new MessageWriter();
  addAddress(writer, 1, leased, "create");
  assert.equal(
    hex(writer.finish()),
    "4c000000" + "1400" + "0506" + "01000000" + "00000000" + // header: create, exclusive, ack
      "02" + "20" + "00" + "00" + "03000000" + // AF_INET, /32, universe, index 3
      "08000200" + "c000020a" + "08000100" + "c000020a" + // IFA_LOCAL, IFA_ADDRESS
      "08000800" + "00020000" + // IFA_FLAGS: noprefixroute
      "05000b00" + "70000000" + // IFA_PROTO: 112
      "14000600" + "03000000" + "03000000" + "00000000" + "00000000", // IFA_CACHEINFO
  );
});

Deno.test("an address survives encoding and reading, in both families", () => {
  for (
    const request of [
      { ...leased, label: "eth0:vip", routePriority: 7 },
      {
        index: 9,
        address: "2001:db8::10",
        prefixLength: 128,
        flags: IFA_F_NOPREFIXROUTE,
        valid: 5,
        preferred: 0,
        protocol: HALB_PROTOCOL,
      },
    ]
  ) {
    const writer = new MessageWriter();
    addAddress(writer, 4, request, "replace");
    const read = readAddress(only(writer));
    assert(read.ok);
    assert.deepEqual(read.value, {
      index: request.index,
      family: request.prefixLength === 32 ? 4 : 6,
      address: request.address,
      prefixLength: request.prefixLength,
      scope: 0,
      flags: IFA_F_NOPREFIXROUTE,
      permanent: false,
      valid: request.valid,
      preferred: request.preferred,
      protocol: 112,
      label: "label" in request ? request.label : "",
      routePriority: "routePriority" in request ? request.routePriority : 0,
    });
  }
});

Deno.test("an address without lifetimes reads as one without end", () => {
  const writer = new MessageWriter();
  deleteAddress(writer, 4, { index: 1, address: "192.0.2.1", prefixLength: 24 });
  const read = readAddress(only(writer));
  assert(read.ok);
  assert.equal(read.value.valid, INFINITE_LIFETIME);
  assert.equal(read.value.protocol, 0);
});

Deno.test("nonsense from our own side throws and shows the value", () => {
  const writer = new MessageWriter();
  assert.throws(
    () => addAddress(writer, 1, { ...leased, address: "192.0.2.010" }, "create"),
    new RangeError('Cannot encode "192.0.2.010": not an IP address'),
  );
  assert.throws(
    () => addAddress(writer, 1, { ...leased, prefixLength: 33 }, "create"),
    new RangeError('Cannot encode "192.0.2.10": prefix length is 33'),
  );
});

Deno.test("a link is read with flags, hardware address and MTU", () => {
  const writer = new MessageWriter();
  writer.begin(RTM_NEWLINK, 0, 0).u8(0).u8(0).u16(1).u32(3).u32(0x1 | 0x40 | 0x80).u32(0);
  writer.attributeText(3, "eth0").attributeU32(4, 1500);
  writer.attribute(1, Uint8Array.of(2, 0, 0, 0, 0xab, 1)).end();
  const read = readLink(only(writer));
  assert(read.ok);
  assert.deepEqual(read.value, {
    family: 0,
    index: 3,
    name: "eth0",
    hardwareType: 1,
    flags: 0xc1,
    up: true,
    running: true,
    mac: "02:00:00:00:ab:01",
    mtu: 1500,
    parent: 0,
    master: 0,
    kind: "",
    alias: "",
    group: 0,
  });
});

Deno.test("a macvlan is asked for, and read with its parent, kind and note", () => {
  const writer = new MessageWriter();
  const link = { name: "vrrp.51", kind: "macvlan", parent: 3, mac: "00:00:5e:00:01:33" } as const;
  addLink(writer, 1, link);
  changeLink(writer, 2, "vrrp.51", { alias: "a note", up: true, mtu: 1400 });
  const { messages } = splitMessages(writer.finish());
  const [made, changed] = messages.map((message) => message.payload.slice());
  // A change by name bears no index.
  made![4] = changed![4] = 9;
  const read = (payload: Uint8Array) =>
    readLink({ type: RTM_NEWLINK, flags: 0, sequence: 0, portId: 0, payload });
  const first = read(made!);
  assert(first.ok);
  const { name, kind, parent, mac } = first.value;
  assert.deepEqual({ name, kind, parent, mac }, link);
  const second = read(changed!);
  assert(second.ok);
  assert.deepEqual(
    [second.value.name, second.value.alias, second.value.up, second.value.mtu],
    ["vrrp.51", "a note", true, 1400],
  );
});

Deno.test("a VRF is read with its table", () => {
  const writer = new MessageWriter();
  writer.begin(RTM_NEWLINK, 0, 0).u8(0).u8(0).u16(1).u32(4).u32(0x1).u32(0);
  writer.attributeText(3, "blue");
  const info = writer.beginNested(18);
  writer.attributeText(1, "vrf");
  const data = writer.beginNested(2);
  writer.attributeU32(1, 1010);
  writer.endNested(data);
  writer.endNested(info);
  writer.end();
  const read = readLink(only(writer));
  assert(read.ok);
  assert.deepEqual([read.value.kind, read.value.vrfTable], ["vrf", 1010]);
});

Deno.test("a link without name or index is refused", () => {
  const writer = new MessageWriter();
  writer.begin(RTM_NEWLINK, 0, 0).u8(0).u8(0).u16(1).u32(3).u32(0).u32(0).end();
  assert.deepEqual(readLink(only(writer)), {
    ok: false,
    reason: "Cannot read link 3: it has no name",
  });
});

Deno.test("a route survives encoding, reading and being put back", () => {
  const request = {
    index: 5,
    destination: "203.0.113.0",
    prefixLength: 24,
    source: "203.0.113.10",
    protocol: HALB_PROTOCOL,
    scope: RT_SCOPE_LINK,
    priority: 1000,
    table: 1000,
  };
  const writer = new MessageWriter();
  addRoute(writer, 1, request);
  const read = readRoute(only(writer));
  assert(read.ok);
  const { payload, ...route } = read.value;
  assert.deepEqual(route, {
    family: 4,
    destination: "203.0.113.0",
    prefixLength: 24,
    gateway: "",
    index: 5,
    multipath: [],
    source: "203.0.113.10",
    table: 1000,
    protocol: 112,
    scope: RT_SCOPE_LINK,
    type: 1,
    priority: 1000,
    flags: 0,
    expires: undefined,
  });
  const again = new MessageWriter();
  restoreRoute(again, 2, read.value);
  assert.equal(hex(only(again).payload), hex(payload));
});

Deno.test("a route is put back without cache information and with ONLINK alone of its flags", () => {
  const writer = new MessageWriter();
  writer.begin(24, 0, 0).u8(2).u8(0).u8(0).u8(0).u8(254).u8(3).u8(0).u8(1).u32(0x4 | 0x10 | 0x1);
  writer.attribute(12, new Uint8Array(32)).attributeU32(4, 7).end();
  const read = readRoute(only(writer));
  assert(read.ok);
  const again = new MessageWriter();
  restoreRoute(again, 2, read.value);
  assert.equal(hex(only(again).payload), "02000000" + "fe030001" + "04000000" + "0800040007000000");
});

Deno.test("an IPv6 route is put back with the time that is left of it", () => {
  const writer = new MessageWriter();
  writer.begin(24, 0, 0).u8(10).u8(0).u8(0).u8(0).u8(254).u8(9).u8(0).u8(1).u32(0);
  const cache = new Uint8Array(32);
  new DataView(cache.buffer).setInt32(8, 4250, true);
  writer.attribute(12, cache).attributeU32(4, 7).end();
  const read = readRoute(only(writer));
  assert(read.ok);
  assert.equal(read.value.expires, 42);
  const again = new MessageWriter();
  restoreRoute(again, 2, read.value);
  const bytes = hex(only(again).payload);
  assert.equal(bytes, "0a000000" + "fe090001" + "00000000" + "0800040007000000080017002a000000");
});

Deno.test("a route that expires replaces the one that is there", () => {
  const writer = new MessageWriter();
  addRoute(writer, 1, {
    index: 5,
    destination: "2001:db8:1::",
    prefixLength: 64,
    protocol: HALB_PROTOCOL,
    scope: RT_SCOPE_LINK,
    expires: 3,
  }, "replace");
  const message = only(writer);
  assert.equal(message.flags, 0x1 | 0x4 | 0x100 | 0x400);
  assert(hex(message.payload).endsWith("0800170003000000"));
});

Deno.test("settings of an interface: whether it forwards, and for which family that is said", () => {
  const writer = new MessageWriter();
  writer.begin(80, 0, 0).u8(10).u8(0).u8(0).u8(0).attributeU32(1, 3).attributeU32(2, 1).end();
  writer.begin(80, 0, 0).u8(2).u8(0).u8(0).u8(0).attributeU32(1, 0xffffffff).end();
  writer.begin(80, 0, 0).u8(10).u8(0).u8(0).u8(0).attributeU32(2, 1).end();
  writer.begin(80, 0, 0).u8(10).end();
  const read = splitMessages(writer.finish()).messages.map(readSettings);
  assert.deepEqual(read, [
    { ok: true, value: { family: 10, index: 3, forwarding: true } },
    { ok: true, value: { family: 2, index: -1, forwarding: undefined } },
    { ok: false, reason: "Cannot read settings: no interface" },
    { ok: false, reason: "Cannot read settings: 1 bytes, need 4" },
  ]);
  const request = new MessageWriter();
  requestIpv6Settings(request, 9);
  assert.equal(hex(request.finish()), "14000000" + "5200" + "0103" + "09000000000000000a000000");
});

Deno.test("the living next hops of a multipath route name their interfaces", () => {
  const writer = new MessageWriter();
  writer.begin(24, 0, 0).u8(2).u8(0).u8(0).u8(0).u8(254).u8(3).u8(0).u8(1).u32(0);
  const hops = [[8, 0, 0, 0, 4, 0, 0, 0], [8, 0, 1, 0, 5, 0, 0, 0], [8, 0, 0, 0, 6, 0, 0, 0]];
  writer.attribute(9, Uint8Array.from(hops.flat())).end();
  const read = readRoute(only(writer));
  assert(read.ok);
  assert.deepEqual(read.value.multipath, [4, 6]);
  const again = new MessageWriter();
  restoreRoute(again, 2, read.value);
  const removal = new MessageWriter();
  removeRoute(removal, 3, read.value);
  assert.deepEqual([only(again).type, only(removal).type], [24, 25]);
  assert.equal(hex(only(removal).payload), hex(only(again).payload), "all of it must agree");
});

Deno.test("requests for dumps carry their filters", () => {
  const writer = new MessageWriter();
  requestLinks(writer, 1);
  requestAddresses(writer, 2, 6);
  requestRoutes(writer, 3, 4, { index: 2, protocol: 112 });
  deleteRoute(writer, 4, {
    index: 2,
    destination: "::",
    prefixLength: 0,
    protocol: 112,
    scope: 0,
    gateway: "2001:db8::1",
  });
  const { messages } = splitMessages(writer.finish());
  assert.deepEqual(messages.map((message) => [message.type, message.flags]), [
    [18, 0x301],
    [22, 0x301],
    [26, 0x301],
    [25, 0x5],
  ]);
  assert.equal(messages[1]?.payload[0], 10);
  assert.equal(
    hex(messages[2]?.payload ?? new Uint8Array()),
    "020000000070000000000000" + "0800040002000000",
  );
});
