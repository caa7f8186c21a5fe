/**
 * BFD control packets of a capture, as tshark dissects them. Digests, which tshark only shows, are
 * computed again here: with Node's library, from the key, as RFC 5880 sections 6.7.3 and 6.7.4 say.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { createHash, createHmac } from "node:crypto";
import type { Capture } from "./capture.ts";

const FIELDS = [
  ...["ip.src", "ipv6.src", "ip.ttl", "ipv6.hlim", "udp.srcport", "udp.dstport", "udp.payload"],
  ...["bfd.sta", "bfd.diag", "bfd.flags.p", "bfd.flags.f", "bfd.flags.a", "bfd.flags.d"],
  ...["bfd.desired_min_tx_interval", "bfd.required_min_rx_interval", "bfd.detect_time_multiplier"],
  ...["bfd.my_discriminator", "bfd.your_discriminator", "bfd.message_length"],
  ...["bfd.auth.type", "bfd.auth.len", "bfd.auth.key", "bfd.auth.seq_num", "bfd.auth.password"],
  ...["_ws.expert.message", "_ws.malformed"],
];

export const STATE_NAMES = ["admin-down", "down", "init", "up"] as const;

/** One control packet; intervals in milliseconds. */
export interface SeenBfd {
  /** Microseconds since 1970. */
  readonly time: number;
  readonly from: string;
  readonly ttl: number;
  readonly sourcePort: number;
  readonly port: number;
  readonly state: (typeof STATE_NAMES)[number];
  readonly diagnostic: number;
  readonly poll: boolean;
  readonly final: boolean;
  readonly demand: boolean;
  readonly multiplier: number;
  readonly transmit: number;
  readonly receive: number;
  readonly myDiscriminator: number;
  readonly yourDiscriminator: number;
  /** Number of the type; 0: not authenticated. */
  readonly authentication: number;
  readonly key: number;
  readonly sequence: number;
  readonly password: string;
  readonly payload: Uint8Array;
}

/** Packets of sessions, and of Seamless BFD. */
const SESSIONS = "udp.dstport == 3784 || udp.dstport == 4784";
export const SEAMLESS = "udp.port == 7784";

/**
 * All packets to the ports of BFD's control packets. Ends the capture.
 *
 * @param which other ones, such as `SEAMLESS`, in tshark's language
 * @throws where tshark complains about one, or does not take it for BFD
 */
export async function seenBfd(capture: Capture, which = SESSIONS): Promise<SeenBfd[]> {
  const seen = await capture.packets(which, FIELDS);
  return seen.map(({ time, fields }) => {
    const shown = JSON.stringify(fields);
    // Of the source port alone, which is BIRD's to choose, tshark says that it may be traceroute's.
    assert.match(fields["_ws.expert.message"]!, /^(Possible traceroute: [^,]*, [^,]*)?$/, shown);
    assert.equal(fields["_ws.malformed"], "", shown);
    assert(fields["bfd.sta"] !== "", `tshark takes it for BFD: ${shown}`);
    const number = (name: string) => Number(fields[name] || 0);
    const flag = (name: string) => /^(1|True)$/.test(fields[`bfd.flags.${name}`]!);
    const payload = Uint8Array.from(
      fields["udp.payload"]!.match(/../g) ?? [],
      (pair) => parseInt(pair, 16),
    );
    assert.equal(number("bfd.message_length"), payload.length, shown);
    assert.equal(flag("a"), fields["bfd.auth.type"] !== "", shown);
    if (flag("a")) assert.equal(number("bfd.auth.len"), payload.length - 24, shown);
    return {
      time,
      from: fields["ip.src"] || fields["ipv6.src"]!,
      ttl: number("ip.ttl") || number("ipv6.hlim"),
      sourcePort: number("udp.srcport"),
      port: number("udp.dstport"),
      state: STATE_NAMES[number("bfd.sta")]!,
      diagnostic: number("bfd.diag"),
      poll: flag("p"),
      final: flag("f"),
      demand: flag("d"),
      multiplier: number("bfd.detect_time_multiplier"),
      transmit: number("bfd.desired_min_tx_interval") / 1000,
      receive: number("bfd.required_min_rx_interval") / 1000,
      myDiscriminator: number("bfd.my_discriminator"),
      yourDiscriminator: number("bfd.your_discriminator"),
      authentication: number("bfd.auth.type"),
      key: number("bfd.auth.key"),
      sequence: number("bfd.auth.seq_num"),
      password: fields["bfd.auth.password"]!,
      payload,
    };
  });
}

/** Where the digest begins: behind type, length, key id, a zero byte and the sequence number. */
const DIGEST = 24 + 8;

/** The digest in a packet is what this key makes of it. @param hmac as FRR has it */
export function digestHolds(seen: SeenBfd, secret: string, hmac = false): boolean {
  const algorithm = seen.authentication <= 3 ? "md5" : "sha1";
  const bytes = Uint8Array.from(seen.payload);
  const found = bytes.slice(DIGEST);
  const key = new TextEncoder().encode(secret);
  bytes.fill(0, DIGEST);
  if (!hmac) bytes.set(key, DIGEST);
  const made = hmac
    ? createHmac(algorithm, key).update(bytes).digest()
    : createHash(algorithm).update(bytes).digest();
  return made.length === found.length && made.every((byte, i) => byte === found[i]);
}

/**
 * Every packet is authenticated with this type and, for hashes, correctly.
 *
 * @param type its number, 1 to 5
 * @param secrets text of each key that may be in use, by its id
 */
export function assertAuthentic(
  seen: readonly SeenBfd[],
  type: number,
  secrets: Readonly<Record<number, string>>,
): void {
  for (const one of seen) {
    const shown = JSON.stringify({ ...one, payload: [...one.payload] });
    assert.equal(one.authentication, type, shown);
    const secret = secrets[one.key];
    assert(secret !== undefined, `a key that is known: ${shown}`);
    if (type === 1) assert.equal(one.password, secret);
    else assert(digestHolds(one, secret), `its digest holds: ${shown}`);
  }
}
