/**
 * What HTTP answers to whom: metrics, status, and a page that names both. Read-only; no other site
 * may make a browser read it: the field `Host` must name us (DNS rebinding), and nothing allows
 * requests from other origins.
 *
 * @module
 */

import { formatIp, isLoopback, parseIp } from "../ip/mod.ts";
import { CONTENT_TYPES, type Format } from "../metrics/mod.ts";
import { sameBytes, type Secret } from "../secret/mod.ts";
import { accepts, hasContent, hostOf, parseHttpRequest } from "./http_request.ts";
import type { HttpRequest } from "./http_request.ts";

/** Who may ask. */
export interface HttpRules {
  /** What is listened on, canonical; `0.0.0.0`, `::`: any address. null: a Unix socket. */
  readonly address: string | null;
  /** Names beside it. */
  readonly hosts: readonly string[];
  /** Absent: anybody. */
  readonly token?: Secret;
}

/** What there is to read; rejected while the agent cannot tell. */
export interface HttpPages {
  metrics(format: Format): Promise<Uint8Array>;
  status(): Promise<Uint8Array>;
  /** Name of the node, version. */
  readonly who: readonly [string, string];
}

export interface HttpAnswer {
  readonly code: number;
  readonly type: string;
  readonly body: Uint8Array;
  readonly fields?: Readonly<Record<string, string>>;
}

/** Of the codes that are used here (RFC 9110 section 15). */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

/** Of a page that loads nothing and stands in no frame. */
const POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const PLAIN = "text/plain; charset=utf-8";
const LOOPBACK = ["localhost", "127.0.0.1", "::1"];

function plain(code: number, text: string, fields: Record<string, string> = {}): HttpAnswer {
  return { code, type: PLAIN, body: new TextEncoder().encode(`${text}\n`), fields };
}

/** A request that is longer than any has to be. */
export function tooLong(): HttpAnswer {
  return plain(431, "The head of the request is too long");
}

/** @param head of the request, without the empty line */
export async function answerHttp(
  head: string,
  rules: HttpRules,
  pages: HttpPages,
): Promise<HttpAnswer & { readonly bare?: boolean }> {
  const request = parseHttpRequest(head);
  if (request === undefined) return plain(400, "This is no request of HTTP/1.1");
  const refusal = refuse(request, rules);
  const bare = request.method === "HEAD";
  if (refusal !== undefined) return { ...refusal, bare };
  try {
    return { ...await pageOf(request, pages), bare };
  } catch {
    return { ...plain(503, "The agent cannot tell now: ask again in a moment"), bare };
  }
}

function refuse(request: HttpRequest, rules: HttpRules): HttpAnswer | undefined {
  const host = hostOf(request);
  if (host === undefined) return plain(400, "A request names its host");
  if (!isOurs(host, rules)) {
    return plain(421, "This host is called otherwise: see `hosts` of `agent.http`");
  }
  if (!mayAsk(request, rules.token)) {
    return plain(401, "A token is wanted", { "WWW-Authenticate": 'Bearer realm="halb"' });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return plain(405, "Nothing can be changed here", { Allow: "GET, HEAD" });
  }
  return hasContent(request) ? plain(400, "A request for a page has no content") : undefined;
}

function isOurs(host: string, { address, hosts }: HttpRules): boolean {
  if (hosts.some((name) => name.toLowerCase() === host)) return true;
  if (address === null || isLoopback(address)) return LOOPBACK.includes(host) || host === address;
  const bytes = parseIp(host);
  // A page of somebody else's has a name; one that is called like an address of ours is ours.
  if (address === "0.0.0.0" || address === "::") return bytes !== undefined || host === "localhost";
  return bytes !== undefined && formatIp(bytes) === address;
}

function mayAsk({ fields }: HttpRequest, token: Secret | undefined): boolean {
  if (token === undefined) return true;
  const [, given = ""] = /^Bearer +(\S+)$/i.exec(fields.get("authorization") ?? "") ?? [];
  return sameBytes(new TextEncoder().encode(given), token.reveal());
}

async function pageOf(request: HttpRequest, pages: HttpPages): Promise<HttpAnswer> {
  switch (request.path) {
    case "/":
      return { code: 200, type: "text/html; charset=utf-8", body: frontPage(pages.who) };
    case "/metrics": {
      const open = accepts(request, "application/openmetrics-text");
      const format = open ? "openmetrics" : "text";
      return { code: 200, type: CONTENT_TYPES[format], body: await pages.metrics(format) };
    }
    case "/status.json":
      return { code: 200, type: "application/json", body: await pages.status() };
    case "/healthz":
      await pages.status();
      return plain(200, "ok");
    default:
      return plain(404, "There are /, /metrics, /status.json and /healthz");
  }
}

function frontPage([name, version]: readonly [string, string]): Uint8Array {
  const escape = (text: string) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
  const title = `halb ${escape(version)} on ${escape(name)}`;
  return new TextEncoder().encode(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<h1>${title}</h1>
<ul>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li><a href="/status.json">/status.json</a>: what <code>halb status --json</code> prints</li>
</ul>
</html>
`);
}

/** The head of an answer, the empty line included. */
export function headOf({ code, type, body, fields = {} }: HttpAnswer): Uint8Array {
  const all: Readonly<Record<string, string | number>> = {
    "Content-Type": type,
    "Content-Length": body.length,
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    Vary: "Accept, Authorization",
    ...fields,
    Connection: "close",
  };
  const lines = Object.entries(all).map(([field, value]) => `${field}: ${value}\r\n`);
  return new TextEncoder().encode(
    `HTTP/1.1 ${code} ${REASONS[code] ?? ""}\r\n${lines.join("")}\r\n`,
  );
}
