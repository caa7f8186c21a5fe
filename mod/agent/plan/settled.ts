/**
 * A site's configuration as plain data in which secrets are marks: two of them can be compared and
 * sent from process to process, and nobody learns a secret from one. Pure.
 *
 * @module
 */

import type { SiteConfig } from "../../../config/mod.ts";
import { hmac, Secret } from "../../secret/mod.ts";

/** Bytes of the key that marks are made with, made anew for each comparison. */
export const MARK_KEY = 32;

/**
 * The shape of a site's configuration, with `{ "secret": MARK }` wherever a `Secret` stood. The same
 * secret has the same mark under the same key, and only then.
 */
export type SettledSite = SiteConfig;

/** @param key {@link MARK_KEY} bytes: both sides of a comparison need the same */
export function settled(site: SiteConfig, key: Uint8Array): SettledSite {
  return plain(site, key) as SettledSite;
}

function plain(value: unknown, key: Uint8Array): unknown {
  if (value instanceof Secret) return { secret: hexText(hmac("sha256", key, value.reveal())) };
  if (Array.isArray(value)) return value.map((item) => plain(item, key));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([name, item]) => [name, plain(item, key)]));
}

/** Whether a settled value is the mark of a secret. */
export function isMark(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).join() === "secret";
}

/** Bytes as pairs of hexadecimal digits. */
export function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What `hexText` was made of; undefined where it is no key of marks. */
export function markKey(text: unknown): Uint8Array | undefined {
  if (typeof text !== "string" || !/^[0-9a-f]{64}$/.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g)!, (pair) => parseInt(pair, 16));
}
