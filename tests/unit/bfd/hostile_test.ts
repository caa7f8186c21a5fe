/**
 * Somebody on the wire who does not have the key: he hears everything, and sends garbage, changed
 * packets, old ones and our own, a hundred for each genuine one. Nothing of it may throw, change
 * what a session knows, or take it down; every packet must be accounted for.
 */

import { ok, strictEqual } from "node:assert/strict";
import {
  authenticate,
  AUTHENTICATION_TYPES,
  type AuthenticationType,
  decodeControl,
  DROP_REASONS,
  emptyControlPacket,
} from "../../../mod/bfd/mod.ts";
import { type End, Path } from "../../lib/bfd_virtual_time.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { settings } from "./fixtures.ts";
import {
  anyAuthentication,
  anyControl,
  authentication,
  control,
  encoded,
} from "./packet_fixtures.ts";

/** Listens to both directions. */
class Attacker {
  readonly heard: Uint8Array[] = [];
  readonly counts = new Map<string, number>();
  accepted = 0;
  tried = 0;
  readonly #path: Path;
  readonly #random: Random;

  constructor(path: Path, random: Random) {
    this.#path = path;
    this.#random = random;
    path.overhear = (bytes) => {
      this.heard.push(bytes.slice());
      if (this.heard.length > 2_000) this.heard.shift();
    };
  }

  /** The end gets these bytes, as if its peer had sent them. */
  send(to: End, bytes: Uint8Array): void {
    this.tried++;
    const packet = emptyControlPacket();
    const { session } = to;
    let reason = decodeControl(bytes, bytes.length, packet);
    const your = packet.yourDiscriminator;
    if (reason === null && your !== 0 && your !== session.localDiscriminator) {
      reason = "unknown_session";
    }
    reason ??= authenticate(session, bytes, packet, this.#path.now);
    if (reason === null) {
      this.accepted++;
      this.#path.step(to, { type: "packet", packet });
    } else {
      ok(DROP_REASONS.includes(reason));
      this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
    }
  }

  /** Something that no honest peer sends now. `null`: nothing heard yet to make it of. */
  forge(to: End): Uint8Array {
    const random = this.#random;
    const { session } = to;
    const kind = random.int(0, 5);
    if (kind === 0) {
      return Uint8Array.from({ length: random.int(0, 80) }, () => random.int(0, 255));
    }
    // The right discriminators, with or without a guessed key.
    if (kind === 1) {
      const packet = control({
        ...anyControl(random),
        myDiscriminator: session.remoteDiscriminator || 1,
        yourDiscriminator: random.pick([session.localDiscriminator, 0]),
      });
      if (packet.yourDiscriminator === 0) packet.state = "down";
      const { authentication: used } = session.settings;
      const guess = used === null || random.chance(0.3)
        ? anyAuthentication(random)
        : { ...used, keys: [{ id: used.keys[0]!.id, secret: [random.int(0, 255), 1, 2] }] };
      const sequence = (session.sequence.receive + random.int(0, 9)) >>> 0;
      return random.chance(0.2) ? encoded(packet) : encoded(packet, guess, sequence);
    }
    const old = this.heard.length === 0 ? encoded(control()) : random.pick(this.heard).slice();
    // A replay, or a reflection; else one with changed bytes.
    if (kind === 2) return old;
    if (kind === 3) return old.subarray(0, random.int(0, old.length));
    const changes = random.int(1, 3);
    for (let i = 0; i < changes; i++) {
      old[random.int(0, old.length - 1)]! ^= 1 << random.int(0, 7);
    }
    return old;
  }
}

const HASHED = AUTHENTICATION_TYPES.filter((type) => type !== "simple");

for (const type of HASHED) {
  Deno.test(`[N7] [B7A-9] ${type}: garbage, forgeries, replays, reflections: up, unmoved`, () => {
    let tried = 0;
    const counts = new Map<string, number>();
    forSeeds(12, (random, seed) => {
      const use = settings({ authentication: authentication(type) });
      const path = new Path(random, use, use);
      const attacker = new Attacker(path, random);
      path.bringUp();
      path.run(path.now + 3_000_000);
      const since = path.now;
      for (let i = 0; i < 400; i++) {
        path.run(path.now + random.int(0, 20_000));
        const to = random.pick([path.a, path.b]);
        for (let j = 0; j < 25; j++) {
          const before = JSON.stringify(to.session);
          const accepted = attacker.accepted;
          attacker.send(to, attacker.forge(to));
          if (attacker.accepted === accepted) {
            strictEqual(JSON.stringify(to.session), before, `seed ${seed}: refused, and noticed`);
          }
        }
        ok(path.up, `seed ${seed}: ${JSON.stringify(path.changes.at(-1)?.cause)}`);
      }
      strictEqual(path.downs(since).length, 0);
      const refused = [...attacker.counts.values()].reduce((sum, count) => sum + count, 0);
      strictEqual(refused + attacker.accepted, attacker.tried, "each is accounted for");
      // What says the same as the last genuine one, under the same number, cannot be told from it.
      if (type.startsWith("meticulous")) strictEqual(attacker.accepted, 0);
      tried += attacker.tried;
      for (const [reason, count] of attacker.counts) {
        counts.set(reason, (counts.get(reason) ?? 0) + count);
      }
    });
    strictEqual(tried, 12 * 400 * 25);
    for (
      const reason of [
        "version",
        "truncated",
        "unknown_session",
        "authentication_missing",
        "authentication_digest",
        "authentication_sequence",
      ]
    ) ok((counts.get(reason) ?? 0) > 100, `${reason} ${counts.get(reason)}`);
  });
}

Deno.test("[B7A-6] [B7A-9] keyed: the number grows with each change, or an old Down would do harm", () => {
  for (const type of ["keyed-md5", "keyed-sha1"] as const) {
    forSeeds(50, (random) => {
      const use = settings({ authentication: authentication(type) });
      const path = new Path(random, use, use);
      const attacker = new Attacker(path, random);
      path.bringUp();
      // At once: within the second that a number may last.
      for (let i = 0; i < 100; i++) {
        for (const bytes of attacker.heard.slice(-50)) {
          attacker.send(path.a, bytes);
          attacker.send(path.b, bytes);
        }
        path.run(path.now + 10_000);
      }
      strictEqual(path.downs().length, 0);
    });
  }
});

Deno.test("[B6-2] a session does not come up with itself, whoever sends its packets back", () => {
  const types: (AuthenticationType | null)[] = [null, ...AUTHENTICATION_TYPES];
  for (const type of types) {
    forSeeds(10, (random) => {
      const use = settings({ authentication: type === null ? null : authentication(type) });
      const path = new Path(random, use, use);
      path.a.out.loss = path.b.out.loss = 1;
      const attacker = new Attacker(path, random);
      path.overhear = (bytes, from) =>
        path.at(path.now + 100, () => attacker.send(from, bytes.slice()));
      path.run(20_000_000);
      strictEqual(path.changes.length, 0);
      ok((attacker.counts.get("own_packet") ?? 0) > 30);
    });
  }
});

Deno.test("[B6-1] a million random packets against a session with each kind of authentication", () => {
  const types: (AuthenticationType | null)[] = [null, ...AUTHENTICATION_TYPES];
  let tried = 0;
  forSeeds(1, (random) => {
    for (const type of types) {
      const use = settings({ authentication: type === null ? null : authentication(type) });
      const path = new Path(random, use, use);
      path.bringUp();
      const to = path.a;
      const packet = emptyControlPacket();
      const bytes = new Uint8Array(64);
      const { localDiscriminator, remoteDiscriminator } = to.session;
      const state = JSON.stringify(to.session);
      for (let i = 0; i < 170_000; i++) {
        for (let at = 0; at < bytes.length; at++) bytes[at] = random.int(0, 255);
        // Past the codec more often than by chance.
        if (i % 2 === 0) {
          bytes.set([0x20, bytes[1]! & 0xce | 0x04, 3, random.pick([24, 28, 48, 52])]);
          new DataView(bytes.buffer).setUint32(8, localDiscriminator);
          bytes[24] = random.int(1, 5);
          bytes[25] = bytes[3]! - 24;
          bytes[26] = 7;
        }
        tried++;
        const length = random.int(0, 64);
        if (decodeControl(bytes, length, packet) !== null) continue;
        const reason = authenticate(to.session, bytes, packet, path.now);
        // Where nothing is authenticated, whoever knows both discriminators is believed.
        if (reason === null) ok(type === null && !packet.authenticated);
      }
      strictEqual(JSON.stringify(to.session), state);
      strictEqual(to.session.remoteDiscriminator, remoteDiscriminator);
    }
  });
  ok(tried > 1_000_000);
});
