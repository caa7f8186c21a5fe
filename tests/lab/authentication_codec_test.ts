/**
 * Authenticated adverts before tshark: it must read passwords, authentication headers and the
 * messages within, and find each checksum good, also the one over IPv6 that covers a trailer. What
 * is in a trailer it does not know; the published vectors say that.
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  type Authentication,
  type Authenticator,
  createAuthenticationState,
  encodeAdvertisement,
  encodeAdvertisement6,
  seal4,
  seal6,
} from "../../mod/vrrp/mod.ts";
import { Secret } from "../../mod/secret/mod.ts";
import { parseIp } from "../../mod/ip/mod.ts";
import { dissect, find, finished, withIpv6Header } from "../lib/dissector.ts";
import { hmac, hmacSettings, VECTOR_TIME } from "../unit/vrrp/authentication_fixtures.ts";
import { outgoing, outgoing6 } from "../unit/vrrp/packet_fixtures.ts";

function authenticator(authentication: Authentication): Authenticator {
  return { authentication, state: createAuthenticationState(), hmac };
}

function fields(tree: unknown, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, find(tree, name)]));
}

const PASSWORD = Secret.ofText("secret12");
const ADDRESSES = ["192.0.2.100", "192.0.2.101"];
const plain2 = encodeAdvertisement(outgoing({ version: 2, addresses: ADDRESSES }));

Deno.test("tshark reads the password of a version 2 advert, and finds its checksum good", async () => {
  const sealed = seal4(plain2, authenticator({ type: "pass", password: PASSWORD }), VECTOR_TIME);
  const [tree] = await dissect([finished(sealed)], false);
  const expected = {
    "frame.protocols": "raw:ip:vrrp",
    "vrrp.version": "2",
    "vrrp.auth_type": "1",
    "vrrp.auth_string": "secret12",
    "vrrp.ip_addr": ADDRESSES,
    "vrrp.checksum.status": "1",
    "_ws.malformed": undefined,
  };
  deepStrictEqual(fields(tree, Object.keys(expected)), expected);
});

Deno.test("tshark reads the authentication header of a version 2 advert", async () => {
  const sender = authenticator({ type: "ah", password: PASSWORD });
  const packets = [1, 2, 3].map(() => finished(seal4(plain2, sender, VECTOR_TIME)));
  const trees = await dissect(packets, false);
  strictEqual(trees.length, 3);
  for (const [i, tree] of trees.entries()) {
    const expected = {
      "frame.protocols": "raw:ip:ah:vrrp",
      "ip.checksum.status": "1",
      "ip.ttl": "255",
      "ah.next_header": "112",
      "ah.length": "4",
      "ah.spi": "0xc633640a", // 198.51.100.10
      "ah.sequence": String(0x68000000 + 1 + i),
      "vrrp.auth_type": "2",
      "vrrp.ip_addr": ADDRESSES,
      "vrrp.checksum.status": "1",
      "_ws.malformed": undefined,
    };
    deepStrictEqual(fields(tree, Object.keys(expected)), expected);
  }
});

Deno.test("tshark finds the checksum over IPv6 good that covers a signed advert's trailer", async () => {
  const advert = outgoing6({ addresses: ["fe80::100", "2001:db8::100"] });
  const message = encodeAdvertisement6(advert);
  const sender = authenticator({ type: "hmac", ...hmacSettings() });
  const sealed = seal6(message, parseIp(advert.source)!, sender, VECTOR_TIME);
  const damaged = sealed.slice();
  damaged[damaged.length - 1]! ^= 1;
  const packets = [sealed, damaged].map((one) =>
    withIpv6Header(one, advert.source, advert.destination)
  );
  const trees = await dissect(packets, false);
  deepStrictEqual(trees.map((tree) => find(tree, "vrrp.checksum.status")), ["1", "0"]);
  deepStrictEqual(find(trees[0], "vrrp.ipv6_addr"), advert.addresses);
  strictEqual(find(trees[0], "_ws.malformed"), undefined);
});

Deno.test("tshark reads a signed advert over IPv4: the IP header's length includes the trailer", async () => {
  const packet = encodeAdvertisement(outgoing({ addresses: ADDRESSES }));
  const sealed = seal4(packet, authenticator({ type: "hmac", ...hmacSettings() }), VECTOR_TIME);
  const [tree] = await dissect([finished(sealed)], false);
  strictEqual(find(tree, "ip.len"), String(sealed.length));
  strictEqual(find(tree, "ip.checksum.status"), "1");
  deepStrictEqual(find(tree, "vrrp.ip_addr"), ADDRESSES);
});
