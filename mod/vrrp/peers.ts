/**
 * Who else speaks for a virtual router, and what their checksums teach us.
 *
 * RFC 5798 was read in two ways over IPv4, so two correct routers may refuse each other's adverts for ever.
 * With `checksum = "auto"` we begin with the pseudo header, which keepalived and FRR take by
 * default, and follow what we hear: after three adverts in a row under the other rule we switch,
 * and not back within a minute. One forged advert flips nothing (PROTOCOL.md 1.3).
 *
 * @module
 */

import { complain, notice } from "./actions.ts";
import type { Advertisement, Micros, Peer, Router, RouterEffect, RouterSettings } from "./types.ts";

/** More senders than this for one router are an attack, not a network: the oldest is forgotten. */
const MOST_PEERS = 16;
/** Adverts in a row under the other rule before we follow. */
const STREAK = 3;
/** Not back to the former rule within this time. */
const SWITCH_HOLD: Micros = 60_000_000;
/** A peer silent for so long no longer contradicts anybody. */
const PEER_MEMORY: Micros = 60_000_000;

/** Notes who was heard, with what. */
export function rememberPeer(router: Router, advert: Advertisement, now: Micros): void {
  const known = router.peers.find((peer) => peer.address === advert.source);
  if (known !== undefined) {
    known.priority = advert.priority;
    known.lastHeard = now;
    known.checksum = advert.checksum;
    known.version = advert.version;
    known.interval = advert.interval;
    return;
  }
  if (router.peers.length >= MOST_PEERS) {
    let oldest = 0;
    router.peers.forEach((peer, i) => {
      if (peer.lastHeard < router.peers[oldest]!.lastHeard) oldest = i;
    });
    router.peers.splice(oldest, 1);
  }
  const { source: address, priority, checksum, version, interval } = advert;
  router.peers.push({ address, priority, lastHeard: now, checksum, version, interval });
}

/**
 * Whether this version 2 advert only repeats what its sender says in version 3: that one counts,
 * since it states the true interval. RFC 9568 section 8.4.2 says so of the current master; every
 * sender is treated alike here, or else a master would answer each loser twice.
 */
export function isVersion2Duplicate(router: Router, advert: Advertisement, now: Micros): boolean {
  if (advert.version !== 2) return false;
  const known = router.peers.find((peer) => peer.address === advert.source);
  return known?.version === 3 && now - known.lastHeard <= 3 * known.interval;
}

/** Follows the peers' rule, or says why not. Each unicast peer has a rule of its own. */
export function learnChecksum(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  const { settings } = router;
  if (settings.checksum !== "auto" || advert.checksum === "none") return;
  // Nothing else has two rules: what a version 2 peer does says nothing about version 3.
  if (advert.version !== 3 || settings.version !== 3 || settings.family !== "ipv4") return;
  const peer = settings.unicast ? peerOf(router, advert.source) : undefined;
  const state = peer?.sending ?? (peer === undefined ? router.checksum : { ...router.checksum });
  if (advert.checksum === state.sending) {
    state.streak = 0;
    return;
  }
  if (peer !== undefined) peer.sending = state;
  state.streak++;
  if (state.streak < STREAK) return;
  state.streak = 0;
  const loyal = peer === undefined
    ? router.peers.find((other) => agrees(other, state.sending, now))
    : undefined;
  if (loyal !== undefined) {
    const text = () =>
      `${advert.source} sends ${advert.checksum} checksums, ${loyal.address} ` +
      `${state.sending}: keeping ${state.sending}`;
    return complain(router, "checksum_contradiction", text, now, effects);
  }
  if (state.changed !== null && now - state.changed < SWITCH_HOLD) return;
  const to = peer === undefined ? "" : " to it";
  const text = `Sending ${advert.checksum} checksums${to} from now on, as ${advert.source} does`;
  notice(effects, "checksum_changed", text);
  state.sending = advert.checksum;
  state.changed = now;
}

/** The rule that adverts to `destination` are made by. @param destination absent: the group */
export function checksumOf(router: Router, destination?: string): "rfc9568" | "rfc5798" {
  const peer = destination === undefined || !router.settings.unicast
    ? undefined
    : peerOf(router, destination);
  return (peer?.sending ?? router.checksum).sending;
}

function peerOf(router: Router, address: string): Peer | undefined {
  return router.peers.find((peer) => peer.address === address);
}

function agrees(peer: Peer, rule: string, now: Micros): boolean {
  return peer.version === 3 && peer.checksum === rule && now - peer.lastHeard < PEER_MEMORY;
}

/** The rule to begin with: the only one there is, or what the operator wants. */
export function initialChecksum(settings: RouterSettings): "rfc9568" | "rfc5798" {
  if (settings.version === 2) return "rfc9568";
  if (settings.family === "ipv6") return "rfc5798";
  return settings.checksum === "rfc9568" ? "rfc9568" : "rfc5798";
}
