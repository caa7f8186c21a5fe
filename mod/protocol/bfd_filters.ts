/**
 * What the kernel lets into the sockets that hear BFD.
 *
 * As a rule it sorts out as little as it can: a session's own socket refuses a TTL that is too low,
 * and everything else is read and counted by its reason. While a flood lasts it refuses whatever
 * can be told without memory or arithmetic, so that what we have to read is hardly more than what
 * the peers send. Nothing that a peer may rightly send is ever refused.
 *
 * Offsets count from the UDP header, as a UDP socket's filter sees it.
 *
 * @module
 */

import { assemble, bpf, type Instruction } from "../../ffi/mod.ts";
import {
  AUTHENTICATION_TYPES,
  type AuthenticationSettings,
  CONTROL_HEADER,
  SEAMLESS_PORT,
} from "../bfd/mod.ts";
import { parseIp } from "../ip/mod.ts";
import type { BfdPath } from "../plane/bfd.ts";
import type { BfdFamily } from "./bfd_transport.ts";

const SOURCE_PORT = 0;
const PAYLOAD = 8;
const VERSION = PAYLOAD;
const FLAGS = PAYLOAD + 1;
const MULTIPLIER = PAYLOAD + 2;
const LENGTH = PAYLOAD + 3;
const MY_DISCRIMINATOR = PAYLOAD + 4;
const YOUR_DISCRIMINATOR = PAYLOAD + 8;
const AUTHENTICATION_TYPE = PAYLOAD + CONTROL_HEADER;
const KEY_ID = AUTHENTICATION_TYPE + 2;

const AUTHENTICATED = 0x04;
const MULTIPOINT = 0x01;
/** Down, where there is no discriminator of ours: the higher of the two states. */
const LAST_EARLY_STATE = 1;

/** Offsets in the IP headers. */
const TTL = { ipv4: 8, ipv6: 7 } as const;
const SOURCE = { ipv4: 12, ipv6: 8 } as const;
/** Older kernels take programs of 20 KiB: for more of either, packets are let in and read. */
const MOST_PEERS = { ipv4: 200, ipv6: 60 } as const;
const MOST_DISCRIMINATORS = 200;

/** Whom packets may come from and be for, while a flood lasts. */
export interface Expected {
  /** Addresses of the peers; null: anybody. */
  readonly peers: readonly string[] | null;
  /** Our own discriminators. */
  readonly discriminators: readonly number[];
  /** Least TTL. */
  readonly minimumTtl: number;
  /** What every packet has to be authenticated with; undefined: with this or that. */
  readonly authentication?: AuthenticationSettings | null;
}

/** Only packets of that TTL and more. */
export function ttlFilter(family: BfdFamily, minimum: number): Uint8Array {
  return assemble([...ttl(family, minimum), bpf.accept(), bpf.label("drop"), bpf.drop()]);
}

/**
 * Only what comes from the reflector of Seamless BFD that is asked: its address, port 7784, and the
 * TTL. The socket is not connected.
 */
export function answerFilter({ family, peer, minimumTtl }: BfdPath): Uint8Array {
  return assemble([
    ...ttl(family, minimumTtl),
    bpf.loadHalf(SOURCE_PORT),
    bpf.jumpEqual(SEAMLESS_PORT, 1, 0),
    bpf.jump("drop"),
    ...peers(family, [peer]),
    bpf.accept(),
    bpf.label("drop"),
    bpf.drop(),
  ]);
}

/** Only what may be for one of our sessions. */
export function floodFilter(family: BfdFamily, expected: Expected): Uint8Array {
  return assemble([
    ...ttl(family, expected.minimumTtl),
    ...header(),
    ...authentication(expected.authentication),
    ...peers(family, expected.peers),
    ...discriminators(expected.discriminators),
    bpf.label("drop"),
    bpf.drop(),
    bpf.label("accept"),
    bpf.accept(),
  ]);
}

function ttl(family: BfdFamily, minimum: number): Instruction[] {
  if (minimum <= 0) return [];
  return [
    bpf.loadNetworkByte(TTL[family]),
    bpf.jumpGreaterOrEqual(minimum, 1, 0),
    bpf.jump("drop"),
  ];
}

/** What `decodeControl` checks, too. A load behind the packet's end drops it. */
function header(): Instruction[] {
  return [
    bpf.loadByte(VERSION),
    bpf.shiftRight(5),
    bpf.jumpEqual(1, 1, 0),
    bpf.jump("drop"),
    bpf.loadByte(MULTIPLIER),
    bpf.jumpEqual(0, 0, 1),
    bpf.jump("drop"),
    bpf.loadByte(LENGTH),
    bpf.jumpGreaterOrEqual(CONTROL_HEADER, 1, 0),
    bpf.jump("drop"),
    bpf.loadByte(FLAGS),
    bpf.jumpSet(MULTIPOINT, 0, 1),
    bpf.jump("drop"),
    bpf.loadWord(MY_DISCRIMINATOR),
    bpf.jumpEqual(0, 0, 1),
    bpf.jump("drop"),
  ];
}

function authentication(wanted: AuthenticationSettings | null | undefined): Instruction[] {
  if (wanted === undefined) return [];
  const flag = [bpf.loadByte(FLAGS), bpf.and(AUTHENTICATED)];
  if (wanted === null) return [...flag, bpf.jumpEqual(0, 1, 0), bpf.jump("drop")];
  return [
    ...flag,
    bpf.jumpEqual(0, 0, 1),
    bpf.jump("drop"),
    bpf.loadByte(AUTHENTICATION_TYPE),
    bpf.jumpEqual(AUTHENTICATION_TYPES.indexOf(wanted.type) + 1, 1, 0),
    bpf.jump("drop"),
    bpf.loadByte(KEY_ID),
    ...wanted.keys.flatMap(({ id }) => [bpf.jumpEqual(id, 0, 1), bpf.jump("key")]),
    bpf.jump("drop"),
    bpf.label("key"),
  ];
}

function peers(family: BfdFamily, addresses: Expected["peers"]): Instruction[] {
  if (addresses === null || addresses.length > MOST_PEERS[family]) return [];
  return [
    ...addresses.flatMap((address) => whereSource(family, address)),
    bpf.jump("drop"),
    bpf.label("peer"),
  ];
}

/** Jumps to `peer` where the packet comes from that address, else goes on. */
function whereSource(family: BfdFamily, address: string): Instruction[] {
  const bytes = parseIp(address)!;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const words = bytes.length / 4;
  return Array.from({ length: words }, (_, i) => [
    bpf.loadNetworkWord(SOURCE[family] + 4 * i),
    // Past the words that are left, two instructions each, and the jump.
    bpf.jumpEqual(view.getUint32(4 * i), 0, (words - i - 1) * 2 + 1),
  ]).flat().concat(bpf.jump("peer"));
}

/** Jumps to `accept`, or goes on to `drop`, which must follow. */
function discriminators(ours: readonly number[]): Instruction[] {
  if (ours.length > MOST_DISCRIMINATORS) return [bpf.jump("accept")];
  return [
    bpf.loadWord(YOUR_DISCRIMINATOR),
    ...ours.flatMap((own) => [bpf.jumpEqual(own, 0, 1), bpf.jump("accept")]),
    // The other side does not know it yet: then it is not further than Down (6.8.6).
    bpf.jumpEqual(0, 1, 0),
    bpf.jump("drop"),
    bpf.loadByte(FLAGS),
    bpf.shiftRight(6),
    bpf.jumpGreater(LAST_EARLY_STATE, 1, 0),
    bpf.jump("accept"),
  ];
}
