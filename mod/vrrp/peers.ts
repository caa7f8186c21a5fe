/**
 * Who else speaks for a virtual router, and what their checksums teach us.
 *
 * RFC 5798 was read in two ways, so two correct routers may refuse each other's adverts for ever.
 * With `checksum = "auto"` we begin with the pseudo header, which keepalived and FRR take by
 * default, and follow what we hear: after three adverts in a row under the other rule we switch,
 * and not back within a minute. One forged advert flips nothing (PROTOCOL.md 1.3).
 *
 * @module
 */

import { complain, notice } from "./actions.ts";
import type { Advertisement, Micros, Peer, Router, RouterEffect } from "./types.ts";

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
    return;
  }
  if (router.peers.length >= MOST_PEERS) {
    let oldest = 0;
    router.peers.forEach((peer, i) => {
      if (peer.lastHeard < router.peers[oldest]!.lastHeard) oldest = i;
    });
    router.peers.splice(oldest, 1);
  }
  const { source: address, priority, checksum } = advert;
  router.peers.push({ address, priority, lastHeard: now, checksum });
}

/** Follows the peers' rule, or says why not. */
export function learnChecksum(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  const state = router.checksum;
  if (router.settings.checksum !== "auto" || advert.checksum === "none") return;
  if (advert.checksum === state.sending) {
    state.streak = 0;
    return;
  }
  state.streak++;
  if (state.streak < STREAK) return;
  state.streak = 0;
  const loyal = router.peers.find((peer) => agrees(peer, state.sending, now));
  if (loyal !== undefined) {
    const text = () =>
      `${advert.source} sends ${advert.checksum} checksums, ${loyal.address} ` +
      `${state.sending}: keeping ${state.sending}`;
    return complain(router, "checksum_contradiction", text, now, effects);
  }
  if (state.changed !== null && now - state.changed < SWITCH_HOLD) return;
  const text = `Sending ${advert.checksum} checksums from now on, as ${advert.source} does`;
  notice(effects, "checksum_changed", text);
  state.sending = advert.checksum;
  state.changed = now;
}

function agrees(peer: Peer, rule: string, now: Micros): boolean {
  return peer.checksum === rule && now - peer.lastHeard < PEER_MEMORY;
}

/** The rule to begin with, given what the operator wants. */
export function initialChecksum(mode: string): "rfc9568" | "rfc5798" {
  return mode === "rfc9568" ? "rfc9568" : "rfc5798";
}
