/** Where real servers are within the services of one virtual server, and who was there first. */

import { strict as assert } from "node:assert";
import {
  type Listen,
  placesOf,
  type RealServer,
  sampleServices,
  serviceName,
  TakenPlaces,
} from "../../../mod/ipvs/mod.ts";
import { serverOf as server } from "../../lib/balance.ts";

const tcp = (address: string, port: number): Listen => ({ protocol: "tcp", address, port });

Deno.test("one service stands for all of a family and a port, whatever range it is", () => {
  const listen: Listen[] = [
    { ...tcp("192.0.2.10", 80), last: "192.0.2.20" },
    tcp("192.0.2.30", 80),
    tcp("192.0.2.10", 443),
    { ...tcp("2001:db8::", 80), prefixLength: 120 },
    { family: 4, mark: 7 },
    { family: 4, mark: 8 },
    { family: 6, mark: 7 },
    tcp("192.0.2.40", 0),
  ];
  assert.deepEqual(sampleServices(listen).map(serviceName), [
    "tcp 192.0.2.10:80",
    "tcp 192.0.2.10:443",
    "tcp [2001:db8::]:80",
    "mark 7 ipv4",
    "mark 7 ipv6",
    "tcp 192.0.2.40:0",
  ]);
});

Deno.test("a place belongs to who had it first, in any of the services", () => {
  const places = new TakenPlaces([tcp("192.0.2.10", 80), tcp("192.0.2.10", 443)]);
  const take = (name: string, one: RealServer) => {
    const taken = places.take(one, name);
    return taken.ok ? taken.value : taken.reason;
  };
  assert.equal(take("a", server("198.51.100.11", { port: 8080 })), null);
  assert.equal(take("b", server("198.51.100.12")), null);
  // Another weight is no other place.
  assert.equal(take("c", server("198.51.100.11", { port: 8080, weight: 9 })), "a");
  // In the service at port 80 this is where b is; in the other one it is not.
  assert.equal(take("d", server("198.51.100.12", { port: 80 })), "b");
  // Who is refused has taken nothing.
  assert.equal(take("e", server("198.51.100.12", { port: 443 })), "b");
  assert.equal(take("f", server("198.51.100.13", { port: 443 })), null);
  assert.equal(take("g", server("198.51.100.13", { forward: "direct" })), "f");
  assert.equal(take("h", server("198.51.100.300")), 'not an IP address: "198.51.100.300"');
  assert.equal(
    take("i", server("2001:db8::11")),
    "[2001:db8::11]:80: a server of the other address family can only be reached through a tunnel",
  );
});

Deno.test("with services of both families a server has places in those of its own", () => {
  const services = sampleServices([tcp("192.0.2.10", 80), tcp("2001:db8::10", 80)]);
  const placesIn = (one: RealServer) => {
    const places = placesOf(services, one);
    assert(places.ok, places.ok ? "" : places.reason);
    return places.value.length;
  };
  assert.equal(placesIn(server("198.51.100.11")), 1);
  assert.equal(placesIn(server("2001:db8::11")), 1);
  const tunnel = { type: "ipip", port: 0, flags: 0 } as const;
  assert.equal(placesIn(server("198.51.100.11", { forward: "tunnel", tunnel })), 2);
});
