/**
 * `agent.http`: where metrics and status can be read over HTTP, and by whom.
 *
 * @module
 */

import * as v from "valibot";
import { endpointText, formatIp, isLoopback, parseIp } from "../mod/ip/mod.ts";
import { Secret } from "../mod/secret/mod.ts";
import { documented, refusalIssue, text, VALUE } from "./fields.ts";
import { path } from "./names.ts";
import { secret } from "./secret_fields.ts";

/** An address and port, or a Unix socket. */
export type HttpListen =
  | { readonly address: string; readonly port: number }
  | { readonly path: string };

/** Least and most characters of a token. */
const SHORTEST_TOKEN = 8;
const LONGEST_TOKEN = 1024;
/** The kernel's limit of a Unix socket's path, with room for the draft beside it. */
const LONGEST_PATH = 106;
const MOST_HOSTS = 64;

const KIND = "an address with a port, or unix: and an absolute path";

/** What is listened on; undefined: it is neither. */
export function parseListen(value: string): HttpListen | undefined {
  if (value.startsWith("unix:")) {
    const socket = value.slice("unix:".length);
    const fits = new TextEncoder().encode(socket).length <= LONGEST_PATH;
    return /^\/[^\0]*[^/\0]$/.test(socket) && fits ? { path: socket } : undefined;
  }
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(value);
  if (match === null) return undefined;
  const [, ipv6, ipv4, digits] = match;
  const bytes = parseIp(ipv6 ?? ipv4 ?? "");
  const address = bytes === undefined ? undefined : formatIp(bytes);
  const port = Number(digits);
  if (bytes?.length !== (ipv6 === undefined ? 4 : 16)) return undefined;
  return address === undefined || port < 1 || port > 65_535 ? undefined : { address, port };
}

const listen = v.pipe(
  documented(v.string(), KIND, {
    text: "Where to listen. Whoever reaches it can read everything that `halb status` shows.",
    range: "IPV4:PORT, [IPV6]:PORT (`0.0.0.0` and `[::]`: all addresses), unix:PATH",
    example: "127.0.0.1:9650",
  }),
  v.rawTransform(({ dataset, addIssue, NEVER }): HttpListen => {
    const found = parseListen(dataset.value);
    if (found !== undefined) return found;
    const port = /^:?([0-9]{1,5})$/.exec(dataset.value)?.[1];
    addIssue(refusalIssue({
      message: `${VALUE} is not ${KIND}, such as 127.0.0.1:9650 or [::1]:9650`,
      ...(port === undefined ? {} : { advice: `write \`"127.0.0.1:${port}"\` instead` }),
    }));
    return NEVER;
  }),
);

const token = secret(
  "text, in quotes",
  {
    text:
      "Who asks must send it (`Authorization: Bearer TOKEN`); without the key, anybody may ask " +
      'who reaches the address. It is better kept in a file: `{ file = "/etc/halb/http.token" }`.',
    range: `${SHORTEST_TOKEN} to ${LONGEST_TOKEN} letters, digits and \`-._~+/\`, then \`=\``,
    example: "change-me-please",
  },
  (value) => {
    // RFC 6750 section 2.1.
    const right = /^[A-Za-z0-9._~+/-]+=*$/.test(value);
    if (right && value.length >= SHORTEST_TOKEN && value.length <= LONGEST_TOKEN) {
      return Secret.ofText(value);
    }
    return {
      message: `Invalid \`http.token\`: it must have ${SHORTEST_TOKEN} to ${LONGEST_TOKEN} ` +
        "letters, digits and - . _ ~ + /",
      advice: "make one: `openssl rand -hex 32`",
    };
  },
);

const tls = documented(
  v.strictObject({
    certificate: path(4095, {
      text: "Our certificate with its chain (PEM). It is read at the start and at each reload.",
      example: "/etc/halb/http.pem",
    }),
    key: secret(
      "text, in quotes",
      {
        text: 'The key (PEM) of `certificate`: `{ file = "/etc/halb/http.key" }`, in a file that ' +
          "others cannot read.",
        range: "the text of a PEM file",
        example: "-----BEGIN PRIVATE KEY-----",
      },
      (value) =>
        value.includes("-----BEGIN ") ? Secret.ofText(value) : {
          message: 'Invalid `tls.key`: write `{ file = "PATH" }` with the path of a PEM file',
        },
    ),
  }),
  "a table with `certificate` and `key`",
  {
    text: "Speak HTTPS (TLS 1.2 and 1.3).",
    example: { certificate: "/etc/halb/http.pem", key: "-----BEGIN PRIVATE KEY-----" },
  },
);

const host = text("the name of a host", {
  text: "A name, without a port.",
  range: "letters, digits, dots and hyphens",
  example: "edge-a.example.net",
}, (value) => {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})$/.test(value)) return undefined;
  return { message: `${VALUE} is not the name of a host: letters, digits, dots and hyphens` };
});

/** `agent.http`. */
export const HTTP_TABLE = documented(
  v.strictObject({
    listen,
    token: v.exactOptional(token),
    tls: v.exactOptional(tls),
    hosts: v.optional(
      v.pipe(
        documented(v.array(host), "a list of names of hosts", {
          text:
            "Names by which browsers and Prometheus may ask for us (the header `Host`), beside " +
            "the address that `listen` says.",
          range: `0 to ${MOST_HOSTS} names`,
          example: ["edge-a.example.net"],
        }),
        v.check((list) => list.length <= MOST_HOSTS, `At most ${MOST_HOSTS} names are taken`),
      ),
      [],
    ),
  }),
  "a table",
  {
    text: "Serve `/metrics` (Prometheus) and `/status.json` over HTTP, read-only; without the " +
      "table, nothing listens.",
    example: { listen: "127.0.0.1:9650" },
  },
);

/** `agent.http`, resolved. */
export type HttpConfig = v.InferOutput<typeof HTTP_TABLE>;

/** Whether nobody but this host can reach it. */
export function isLocal(listen: HttpListen): boolean {
  return "path" in listen || isLoopback(listen.address);
}

/** As it is written: `127.0.0.1:9650`, `[::1]:9650`, `unix:PATH`. */
export function listenText(listen: HttpListen): string {
  if ("path" in listen) return `unix:${listen.path}`;
  return endpointText(listen);
}
