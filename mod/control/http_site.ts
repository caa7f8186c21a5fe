/**
 * What HTTP answers to whom: metrics, status, and the status page with what it asks for. Read-only;
 * no other site may make a browser read it: the field `Host` must name us (DNS rebinding), and
 * nothing allows requests from other origins.
 *
 * @module
 */

import { formatIp, isLoopback, parseIp } from "../ip/mod.ts";
import { CONTENT_TYPES, type Format } from "../metrics/mod.ts";
import { statusPage } from "../page/mod.ts";
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
  /** Resolves where the agent can tell how it stands. */
  ready(): Promise<void>;
  metrics(format: Format): Promise<Uint8Array>;
  status(): Promise<Uint8Array>;
  /** What has changed. @param since `version` of the answer before; empty: all */
  overview(since: string): Promise<Uint8Array>;
  /** A piece of a virtual server's real servers; undefined: there is no such one. */
  servers(name: string, piece: ServersPiece): Promise<Uint8Array | undefined>;
  /** All that the status says of one thing; undefined: there is none. */
  object(type: string, name: string): Promise<Uint8Array | undefined>;
  events(query: EventsQuery): Promise<Uint8Array>;
}

export interface ServersPiece {
  readonly offset: number;
  /** Part of the address; empty: all. */
  readonly find: string;
}

/** Which events a page wants. */
export interface EventsQuery {
  /** The newest so many, 0 to 1,000. */
  readonly last: number;
  /** Not before that time, milliseconds since 1970; null: ever. */
  readonly since: number | null;
  /** `next` of the answer before: those that came later; null: all. */
  readonly after: string | null;
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
  304: "Not Modified",
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
/** It tells nothing itself, and asks its reader for the token: anybody may have it. */
const PAGE = "/";
/** Events of one answer where nobody says it, and at most. */
const LAST_EVENTS = 200;
const MOST_EVENTS = 1_000;
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
  if (request.path !== PAGE && !mayAsk(request, rules.token)) {
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
  const { path, query } = request;
  const text = (name: string) => query.get(name) ?? "";
  switch (path) {
    case PAGE:
      return frontPage(request);
    case "/metrics": {
      const open = accepts(request, "application/openmetrics-text");
      const format = open ? "openmetrics" : "text";
      return { code: 200, type: CONTENT_TYPES[format], body: await pages.metrics(format) };
    }
    case "/status.json":
      return json(await pages.status());
    case "/overview.json":
      return json(await pages.overview(text("since")));
    case "/servers.json": {
      const offset = wholeNumber(query.get("offset") ?? "0", Number.MAX_SAFE_INTEGER);
      if (offset === undefined) return plain(400, "offset is a whole number");
      return json(await pages.servers(text("name"), { offset, find: text("find") }));
    }
    case "/object.json":
      return json(await pages.object(text("type"), text("name")));
    case "/events.json": {
      const wanted = readEventsQuery(query);
      return typeof wanted === "string" ? plain(400, wanted) : json(await pages.events(wanted));
    }
    case "/healthz":
      await pages.ready();
      return plain(200, "ok");
    default:
      return plain(404, "There are /, /metrics, /status.json, /events.json and /healthz");
  }
}

/** @param body undefined: there is nothing of that name */
function json(body: Uint8Array | undefined): HttpAnswer {
  if (body === undefined) return plain(404, "There is nothing of that name");
  return { code: 200, type: "application/json", body };
}

function readEventsQuery(query: URLSearchParams): EventsQuery | string {
  const [last, since] = [query.get("last"), query.get("since")];
  const most = wholeNumber(last ?? String(LAST_EVENTS), MOST_EVENTS);
  if (most === undefined) return `last is a number from 0 to ${MOST_EVENTS}`;
  const time = since === null ? null : Date.parse(since);
  if (Number.isNaN(time)) return "since is a time such as 2026-05-01T12:00:00Z";
  return { last: most, since: time, after: query.get("after") };
}

function wholeNumber(text: string, most: number): number | undefined {
  return /^[0-9]{1,16}$/.test(text) && Number(text) <= most ? Number(text) : undefined;
}

function frontPage({ fields }: HttpRequest): HttpAnswer {
  const { body, policy, tag } = statusPage();
  const type = "text/html; charset=utf-8";
  const more = { "Content-Security-Policy": policy, "Cache-Control": "no-cache", ETag: tag };
  const same = (fields.get("if-none-match") ?? "").split(",").some((one) => one.trim() === tag);
  if (same) return { code: 304, type, body: new Uint8Array(), fields: more };
  return { code: 200, type, body, fields: more };
}

/** The head of an answer, the empty line included. */
export function headOf({ code, type, body, fields = {} }: HttpAnswer): Uint8Array {
  // Of what the client has already its length would be another one (RFC 9110 section 8.6).
  const content = code === 304 ? {} : { "Content-Type": type, "Content-Length": body.length };
  const all: Readonly<Record<string, string | number>> = {
    ...content,
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    // Nor is it put into another site's page, as a picture or a script that it is not.
    "Cross-Origin-Resource-Policy": "same-origin",
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
