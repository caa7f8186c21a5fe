/**
 * What a check asks, from its keys to what the drivers take.
 *
 * @module
 */

import {
  addressOf,
  bytesOf,
  type CheckConfig,
  type CheckedServer,
  expressionOf,
  forwardedBy,
  portOf,
  type ScriptUser,
  type SiteConfig,
} from "../../config/mod.ts";
import type { Secret } from "../secret/mod.ts";
import type { SocketSource } from "../check/drivers/open.ts";
import type { SocketTask } from "../check/task.ts";
import { parsePattern } from "../check/types/udp.ts";
import type { UdpPreset } from "../check/types/udp_preset.ts";
import { RECORD_TYPES } from "../check/types/dns_message.ts";
import type { FileSettings } from "../check/types/file.ts";
import { BODY_LIMIT, type HttpExchange } from "../check/types/http.ts";
import type { BodyTest } from "../check/types/http_expect.ts";
import { basicAuthorization } from "../check/types/http_request.ts";
import type { HttpPlan } from "../check/types/http_turns.ts";
import type { GrpcSettings } from "../check/types/http2_check.ts";
import { parsePointer } from "../check/types/json_pointer.ts";
import type { SmtpSettings } from "../check/types/smtp.ts";
import { TCP_LIMIT } from "../check/types/tcp.ts";

/** Where the parts of TLS are that stand in files. */
export interface TlsFiles {
  readonly serverName: string;
  readonly verify: boolean;
  /** Paths; null: the system's authorities, no certificate of ours. */
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: Secret | null;
  /** The lowest version that is right. */
  readonly minVersion: "1.2" | "1.3";
  /** Days; null: never. */
  readonly expiryDays: number | null;
}

/** Where a connection goes that the runtime's library speaks over, and from where. */
export interface RuntimeEnd {
  readonly address: string;
  readonly port: number;
  readonly proxyProtocol: 1 | 2 | null;
  /** Whether TLS begins with the connection. */
  readonly secure: boolean;
  /** Null: none. */
  readonly tls: TlsFiles | null;
  readonly own: SocketSource;
}

/** What control asks. */
export type RuntimeJob =
  | {
    readonly type: "http";
    readonly end: RuntimeEnd;
    readonly plan: HttpPlan;
    readonly version: "1.0" | "1.1" | "2";
  }
  | { readonly type: "grpc"; readonly end: RuntimeEnd; readonly settings: GrpcSettings }
  | { readonly type: "smtp"; readonly end: RuntimeEnd; readonly settings: SmtpSettings }
  | {
    readonly type: "script";
    readonly command: readonly string[];
    readonly user: ScriptUser;
    readonly dynamic: boolean;
  }
  | { readonly type: "file"; readonly path: string; readonly settings: FileSettings };

const DAY = 86_400_000_000;

/** `host:port`, without the port where it is the usual one. */
function hostOf(address: string, port: number, usual: number): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return port === usual ? host : `${host}:${port}`;
}

function tlsOf(check: CheckConfig, address: string): TlsFiles {
  const { tls, host } = check;
  const named = host?.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return {
    serverName: tls?.server_name ?? named ?? address,
    verify: tls?.verify ?? true,
    ca: tls?.ca ?? null,
    certificate: tls?.certificate ?? null,
    key: tls?.key ?? null,
    minVersion: tls?.min_version ?? "1.2",
    expiryDays: tls === undefined || tls.expiry_warning === 0 ? null : tls.expiry_warning / DAY,
  };
}

function bodyTests(keys: {
  readonly contains?: string;
  readonly matches?: string;
  readonly not_matches?: string;
  readonly json?: { readonly pointer: string; readonly value?: string | number | boolean };
  readonly digest?: string;
}): BodyTest[] {
  const { contains, matches, not_matches, json, digest } = keys;
  const tests: BodyTest[] = [];
  if (contains !== undefined) tests.push({ type: "contains", text: contains });
  if (matches !== undefined) {
    tests.push({ type: "matches", pattern: expressionOf(matches), not: false });
  }
  if (not_matches !== undefined) {
    tests.push({ type: "matches", pattern: expressionOf(not_matches), not: true });
  }
  if (json !== undefined) {
    const { pointer, value } = json;
    const parts = parsePointer(pointer) ?? [];
    tests.push({ type: "json", pointer, parts, ...(value === undefined ? {} : { value }) });
  }
  if (digest !== undefined) {
    const algorithm = digest.length === 32 ? "md5" : "sha256";
    tests.push({ type: "digest", algorithm, hex: digest });
  }
  return tests;
}

function authorization({ auth, token }: CheckConfig): [string, string][] {
  const text = (secret: Secret) => new TextDecoder().decode(secret.reveal());
  if (token !== undefined) return [["Authorization", `Bearer ${text(token)}`]];
  if (auth === undefined) return [];
  return [["Authorization", basicAuthorization(auth.user, text(auth.password))]];
}

/** The requests of an http check, in turn. */
function exchangesOf(check: CheckConfig, address: string, port: number): HttpExchange[] {
  const scheme = check.tls === undefined ? "http" : "https";
  const usual = scheme === "http" ? 80 : 443;
  const body = check.body === undefined ? null : bytesOf(check.body);
  const headers = [...Object.entries(check.headers ?? {}), ...authorization(check)];
  const urls = check.urls ?? [{ ...check, path: check.path ?? "/" }];
  return urls.map((url) => ({
    request: {
      method: url.method ?? check.method,
      path: url.path,
      host: url.host ?? check.host ?? hostOf(address, port, usual),
      scheme,
      headers,
      body,
    },
    port: null,
    expected: {
      status: url.status ?? [[200, 299]],
      headers: Object.entries(url.expect_headers ?? {}).map(([name, contains]) => {
        return { name, contains };
      }),
      body: bodyTests(url),
    },
    bodyLimit: BODY_LIMIT,
  }));
}

/** Names that EHLO takes are ASCII: any other agent is called halb. */
function heloName(check: CheckConfig, { agent }: SiteConfig): string {
  return check.helo_name ?? (/^[\x21-\x7e]+$/.test(agent.name) ? agent.name : "halb");
}

/** What is asked over a socket in the clear; null: it is not asked that way. */
export function socketTask(
  check: CheckConfig,
  server: CheckedServer | undefined,
  site: SiteConfig,
): SocketTask | null {
  const { type } = check;
  const address = addressOf(check, server) ?? "";
  const port = portOf(check, server) ?? 0;
  const said = (text: string | undefined) => text === undefined ? null : bytesOf(text);
  switch (type) {
    case "tcp": {
      const settings = { send: said(check.send), expect: said(check.expect), limit: TCP_LIMIT };
      return { type, settings };
    }
    case "agent":
      return { type, settings: { send: said(check.send) } };
    case "ping":
      return { type, family: address.includes(":") ? "ipv6" : "ipv4", size: check.size };
    case "udp": {
      const preset = udpPreset(check, address, port);
      if (preset !== null) return { type, settings: preset };
      const { reply, require_reply, min_reply_length, max_reply_length } = check;
      const wanted = reply !== undefined || require_reply;
      return {
        type,
        settings: {
          payload: parsePattern(check.payload ?? "")?.bytes ?? new Uint8Array(0),
          reply: wanted
            ? {
              pattern: reply === undefined ? null : parsePattern(reply),
              minLength: min_reply_length,
              maxLength: max_reply_length,
            }
            : null,
        },
      };
    }
    case "dns":
      return {
        type,
        settings: {
          name: check.query,
          type: RECORD_TYPES[check.record] ?? 0,
          protocol: check.protocol,
          codes: check.codes,
          answers: check.answers ?? [],
        },
      };
    case "smtp":
      return { type, settings: { helo: heloName(check, site), startTls: false } };
    case "grpc":
      return { type, settings: grpcSettings(check, address, port) };
    case "http":
      return { type, version: check.version, exchanges: exchangesOf(check, address, port) };
    default:
      return null;
  }
}

/** The ready question of a check of type udp; null: it has none. */
function udpPreset(check: CheckConfig, address: string, port: number): UdpPreset | null {
  const { preset, secret, status } = check;
  switch (preset) {
    case undefined:
      return null;
    case "radius":
      return { preset, secret: secret?.reveal() ?? new Uint8Array(0) };
    case "sip":
      return { preset, host: hostOf(address, port, 5060), status: status ?? [[200, 299]] };
    default:
      return { preset };
  }
}

function grpcSettings(check: CheckConfig, address: string, port: number): GrpcSettings {
  const scheme = check.tls === undefined ? "http" : "https";
  const authority = check.host ?? hostOf(address, port, scheme === "http" ? 80 : 443);
  return { service: check.service, authority, scheme };
}

/** From where a check asks. @param marks of ways through the load balancer, by their keys */
export function sourceOf(
  check: CheckConfig,
  server: CheckedServer | undefined,
  { ipvs }: Pick<SiteConfig, "ipvs">,
  marks: ReadonlyMap<string, number>,
): SocketSource {
  const source = {
    bindAddress: check.bind_address ?? null,
    bindPort: check.bind_port ?? null,
    bindInterface: check.bind_interface ?? null,
    mark: check.mark ?? null,
    namespace: check.namespace ?? "",
  };
  const way = forwardedBy(check, server);
  if (way === undefined || check.via_forwarding === undefined) return source;
  return {
    ...source,
    mark: marks.get(way.key) ?? null,
    namespace: ipvs?.namespace ?? "",
    towards: { address: way.server, interface: check.via_forwarding },
  };
}

/** What control asks. @throws {TypeError} where that is not its work */
export function runtimeJob(
  check: CheckConfig,
  server: CheckedServer | undefined,
  site: SiteConfig,
  own: SocketSource,
): RuntimeJob {
  const { type, starttls, proxy_protocol: proxy, redirects } = check;
  const address = addressOf(check, server) ?? "";
  const port = portOf(check, server) ?? 0;
  const speaksTls = check.tls !== undefined || starttls || redirects > 0;
  const end: RuntimeEnd = {
    address,
    port,
    proxyProtocol: proxy === 1 || proxy === 2 ? proxy : null,
    secure: check.tls !== undefined && !starttls,
    tls: speaksTls ? tlsOf(check, address) : null,
    own,
  };
  switch (type) {
    case "http": {
      const exchanges = exchangesOf(check, address, port);
      return { type, end, plan: { exchanges, redirects }, version: check.version };
    }
    case "grpc":
      return { type, end, settings: grpcSettings(check, address, port) };
    case "smtp":
      return { type, end, settings: { helo: heloName(check, site), startTls: starttls } };
    case "script": {
      const user = check.user ?? site.agent.script_user;
      return { type, command: check.command ?? [], user, dynamic: check.dynamic };
    }
    case "file": {
      const { path = "", weight, reverse } = check;
      return { type, path, settings: { weight, reverse } };
    }
    default:
      throw new TypeError(`A check of type ${type} is not run by control`);
  }
}
