/**
 * What a certificate says: whether it expires soon, and why it was refused. The TLS library says
 * only that it refuses; operators want to know whether to renew it, rename it or trust it.
 *
 * @module
 */

import { showText } from "../../text/mod.ts";

/** What is looked at. */
export interface Certificate {
  /** Milliseconds since 1970; NaN: unreadable. */
  readonly validFrom: number;
  readonly validTo: number;
  /** DNS names and IP addresses that it is for. */
  readonly names: readonly string[];
}

const DAY = 86_400_000;

/** A date for people: `2026-11-21`. */
function day(time: number): string {
  return Number.isNaN(time) ? "an unreadable date" : new Date(time).toISOString().slice(0, 10);
}

/** Reads `DNS:a.example, IP Address:192.0.2.1`. */
export function readAlternativeNames(text: string): string[] {
  return text.split(",").map((part) => part.trim())
    .flatMap((part) => /^(?:DNS|IP Address):(.+)$/.exec(part)?.[1] ?? []);
}

/** Whether a name is for a host (RFC 9525): a `*` stands for one whole label, the first. */
export function isNameFor(name: string, host: string): boolean {
  const [pattern, wanted] = [name.toLowerCase(), host.toLowerCase().replace(/\.$/, "")];
  if (pattern === wanted) return true;
  if (!pattern.startsWith("*.") || /^[\d.]+$|:/.test(wanted)) return false;
  const dot = wanted.indexOf(".");
  return dot > 0 && wanted.slice(dot) === pattern.slice(1);
}

/** Why a certificate is refused, in words; the last resort is that nobody vouches for it. */
export function refusal(certificate: Certificate, host: string, now: number): string {
  const { validFrom, validTo, names } = certificate;
  if (validTo < now) return `the certificate expired on ${day(validTo)}`;
  if (validFrom > now) return `the certificate is valid from ${day(validFrom)} on`;
  if (!names.some((name) => isNameFor(name, host))) {
    const shown = names.length === 0 ? "no name" : showText(names.join(", "), 80);
    return `the certificate is for ${shown}, not for ${showText(host, 80)}`;
  }
  return "the certificate is not signed by anybody trusted";
}

/** A warning where it ends within `days`; `null`: it does not, or nobody wants to know. */
export function expiryWarning(
  { validTo }: Certificate,
  days: number | null,
  now: number,
): string | null {
  if (days === null || validTo - now >= days * DAY) return null;
  return `the certificate expires on ${day(validTo)}`;
}
