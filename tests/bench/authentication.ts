/**
 * `authentication`: what an advert costs to seal and to judge, by each way to authenticate, beside
 * one that is not authenticated. No sockets: what the machine can do with bytes.
 *
 * The whole of it, with sockets: `deno task bench cost --auth=hmac`.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { hmac, Secret } from "../../mod/secret/mod.ts";
import {
  type Authentication,
  createAuthenticationState,
  encodeAdvertisement,
  type Hmac,
  receive4,
  seal4,
  VRRP_GROUP_IPV4,
} from "../../mod/vrrp/mod.ts";
import { machine, markdownTable, quantile } from "./statistics.ts";

const SECOND = 1_000_000;
/** Adverts of one round. */
const ROUND = 5_000;

/** Node's, for comparison. */
const nodeHmac: Hmac = (algorithm, key, data) => createHmac(algorithm, key).update(data).digest();

interface Way {
  readonly name: string;
  readonly version: 2 | 3;
  readonly authentication: Authentication;
  readonly hmac: Hmac;
}

function ways(): Way[] {
  const password = Secret.ofText("k3EpHalb");
  const key = new Secret(crypto.getRandomValues(new Uint8Array(32)));
  const signed = {
    type: "hmac",
    keys: [{ id: 1, key }],
    activeKey: 1,
    mode: "enforce",
    antiReplay: "time",
    window: 5,
    peers: null,
  } as const;
  return [
    { name: "none", version: 3, authentication: { type: "none" }, hmac },
    { name: "pass", version: 2, authentication: { type: "pass", password }, hmac },
    { name: "ah", version: 2, authentication: { type: "ah", password }, hmac },
    { name: "hmac", version: 3, authentication: signed, hmac },
    { name: "hmac by node:crypto", version: 3, authentication: signed, hmac: nodeHmac },
  ];
}

/** @param args `--quick`: fewer rounds */
export async function run(args: readonly string[]): Promise<void> {
  const rounds = args.includes("--quick") ? 5 : 25;
  console.log(`\nauthentication, ${rounds} rounds of ${ROUND} adverts, ${await machine()}\n`);
  const rows: string[][] = [];
  for (const way of ways()) {
    for (const addresses of [1, 20]) {
      const { sealed, judged } = measure(way, addresses, rounds);
      const micros = (values: readonly number[]) => quantile(values, 0.5).toFixed(2);
      // What a hundred adverts a second of 255 routers take of a core.
      const load = (quantile(sealed, 0.5) * 25_500) / 10_000;
      rows.push([
        way.name,
        String(addresses),
        micros(sealed),
        micros(judged),
        `${load.toFixed(1)} %`,
      ]);
    }
  }
  const header = [
    "type",
    "addresses",
    "seal, µs",
    "judge, µs",
    "255 routers at 10 ms seal, of a core",
  ];
  console.log(markdownTable(header, rows));
}

/** Microseconds for each advert, of each round but the first. */
function measure(way: Way, count: number, rounds: number) {
  const plain = encodeAdvertisement({
    version: way.version,
    source: "192.0.2.1",
    destination: VRRP_GROUP_IPV4,
    virtualRouterId: 51,
    priority: 100,
    interval: SECOND,
    addresses: Array.from({ length: count }, (_, i) => `192.0.2.${i + 10}`),
    checksum: "rfc5798",
  });
  const { authentication, hmac } = way;
  const options = { verifyChecksum: true, version: way.version, version2: false } as const;
  const sender = { authentication, state: createAuthenticationState(), hmac };
  const receiver = { authentication, state: createAuthenticationState(), hmac };
  let time = 1_700_000_000 * SECOND;
  const sealed: number[] = [];
  const judged: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const packets: Uint8Array[] = [];
    const start = performance.now();
    for (let i = 0; i < ROUND; i++) packets.push(seal4(plain, sender, time += 100));
    const middle = performance.now();
    for (const packet of packets) {
      const result = receive4(packet, packet.length, options, receiver, time);
      if (!result.ok) throw new Error(`${way.name}: refused for ${result.drop}`);
    }
    const end = performance.now();
    // The first one is for the compiler.
    if (round === 0) continue;
    sealed.push(((middle - start) * 1000) / ROUND);
    judged.push(((end - middle) * 1000) / ROUND);
  }
  return { sealed, judged };
}
