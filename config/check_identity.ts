/**
 * When two checks are one. A check that stands at a real server is known by what it asks, of whom
 * and when, so that servers which ask the same share it; no name has a `/`, so that one with a name
 * is never the same as one without.
 *
 * @module
 */

import {
  addressOf,
  type CheckConfig,
  type CheckedServer,
  forwardedBy,
  portOf,
} from "./check_uses.ts";
import { endpointText } from "../mod/ip/mod.ts";
import { sha256 } from "./sha256.ts";

/** Digits of a digest that tell checks apart. */
const DIGITS = 16;

/** What it asks, without when and by which secrets, as text that is the same for the same. */
export function question(check: CheckConfig, server: CheckedServer | undefined): string {
  const { interval: _1, timeout: _2, rise: _3, fall: _4, retry_interval: _5, ...others } = check;
  const { warmup: _6, hold_down: _7, damping: _8, start_failed: _9, ...asked } = others;
  const end = { address: addressOf(check, server), port: portOf(check, server) };
  const way = forwardedBy(check, server);
  const keys = {
    ...asked,
    ...end,
    ...(way === undefined ? {} : { way: way.key }),
    name: undefined,
  };
  const sorted = Object.entries(keys).sort(([a], [b]) => a < b ? -1 : 1);
  return sha256(JSON.stringify(sorted)).slice(0, DIGITS);
}

/**
 * Two checks of servers are one where they ask the same, at the same times, of the same.
 *
 * @param target its `question`
 */
export function inlineId(check: CheckConfig, server: CheckedServer, target: string): string {
  const { interval, timeout, rise, fall, retry_interval, warmup, hold_down, damping } = check;
  const { start_failed } = check;
  const times = [interval, timeout, rise, fall, retry_interval, warmup, hold_down, damping];
  const digest = sha256(JSON.stringify([target, times, start_failed, secretsOf(check)]));
  return `${check.type}/${askedOf(check, server)}/${digest.slice(0, DIGITS)}`;
}

/** What tells checks apart that differ in credentials alone: their digest, which is kept nowhere. */
function secretsOf({ auth, token, tls, secret }: CheckConfig): string {
  const all = [auth?.password, token, tls?.key, secret].map((one) =>
    one?.reveal() ?? new Uint8Array(0)
  );
  return all.some(({ length }) => length > 0) ? sha256(all.map(String).join("|")) : "";
}

/** Whom a check asks, in words: `192.0.2.10:80@198.51.100.11` by forwarding; empty: this host. */
export function askedOf(check: CheckConfig, server: CheckedServer | undefined): string {
  const address = addressOf(check, server);
  const port = portOf(check, server);
  if (port === undefined || address === undefined || check.type === "bfd") return "";
  if (check.type === "script" || check.type === "file") return "";
  const asked = endpointText({ address, port: port === 0 ? undefined : port });
  const way = forwardedBy(check, server);
  return way === undefined ? asked : `${asked}@${way.server}`;
}
