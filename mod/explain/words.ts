/**
 * Words for times, and for what adverts are refused for.
 *
 * @module
 */

/** A length of time for people: `350 ms`, `12 s`, `3 min`, `2 h`, `4 days`. */
export function lengthText(ms: number): string {
  if (ms < 1_000) return `${Math.round(Math.max(0, ms) * 10) / 10} ms`;
  if (ms < 10_000) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

/** `a, b and c`. */
export function listText(all: readonly string[]): string {
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

/** Why an advert does not count, by the name of the counter, and what mends it. */
const REFUSALS: Readonly<Record<string, string>> = {
  ttl: "they came through a router, or were made elsewhere: their TTL is too low",
  checksum: "their checksum is wrong",
  version: "they are of another version of VRRP",
  address_list: "they name other addresses",
  interval_mismatch: "their interval is another one: it must be alike on all nodes",
  virtual_router_id: "no virtual router here has their id",
  destination: "they went to another group or address than this router listens to",
  authentication_missing: "they are not signed, and must be: the other side has no key",
  authentication_malformed: "their signature is broken",
  authentication_source: "they are signed, but their sender is none of the unicast peers",
  authentication_stale: "their stamp is too far from our clock: one of the two clocks is wrong",
  authentication_unknown_key: "they name a key that is not configured here",
  authentication_invalid: "their key or password is not ours: compare the keys of both nodes",
  authentication_replay: "they are not newer than what their sender has said before: " +
    "somebody repeats them, or a clock was set back",
};

/** Why adverts are refused; one that has no words here goes by its name. */
export function refusalText(reason: string): string {
  const words = REFUSALS[reason];
  return words === undefined ? reason.replaceAll("_", " ") : `${words} (${reason})`;
}
