/**
 * What the types of checks ask, and what must come: the keys of `[[check]]` that belong to types.
 *
 * @module
 */

import * as v from "valibot";
import {
  basicAuth,
  bearerToken,
  bytes,
  headers,
  hexPattern,
  line,
  method,
  radiusSecret,
  responseKeys,
  urlList,
  words,
} from "./check_fields.ts";
import { CHECK_TLS_TABLE } from "./check_tls_schema.ts";
import { command } from "./commands.ts";
import { choice, documented, flag, text, VALUE, whole } from "./fields.ts";
import { name, path } from "./names.ts";
import { userName } from "./users.ts";
import { PRESET_PORTS, type UdpPreset } from "../mod/check/types/udp_preset.ts";
import { encodeName, RECORD_TYPES, RESPONSE_CODES } from "../mod/check/types/dns_message.ts";

/** What the number in a file may be multiplied by, at most. */
const GREATEST_FACTOR = 254;

/** What is asked, and what must come. */
export const QUESTION_KEYS = {
  send: v.exactOptional(bytes({
    text: "tcp, agent: what to say first.",
    example: "PING\r\n",
  })),
  expect: v.exactOptional(bytes({
    text: "tcp: what must come somewhere in the first 65,536 bytes of the answer; without the " +
      "key, the connection is enough.",
    example: "+PONG",
  })),
  path: v.exactOptional(path(4095, {
    text: "http: path and query, `/` without the key. file: the path of the file.",
    example: "/healthz",
  })),
  urls: v.exactOptional(urlList),
  method: v.optional(method({ text: "http: the method.", example: "HEAD" }), "GET"),
  host: v.exactOptional(line("a host name", {
    text: "http, grpc: the name in the request, with a port where wanted; without the key, the " +
      "address and port that are asked.",
    example: "www.example.net",
  })),
  version: v.optional(
    choice(["1.0", "1.1", "2"], {
      text: "http: the version; `2` in the clear wants a server that knows it beforehand.",
      example: "2",
    }),
    "1.1",
  ),
  headers: v.exactOptional(headers({
    text: "http: further headers, or others in place of ours.",
    example: { accept: "application/json" },
  })),
  body: v.exactOptional(bytes({ text: "http: the body of the request.", example: "{}" })),
  ...responseKeys,
  redirects: v.optional(
    whole(0, 10, {
      text: "http: redirects that are followed in a row. They never lead to another address, nor " +
        "from https to http.",
      example: 1,
    }),
    0,
  ),
  auth: v.exactOptional(basicAuth),
  token: v.exactOptional(bearerToken),
  proxy_protocol: v.exactOptional(whole(1, 2, {
    text: "http, grpc, smtp with `tls`: version of the PROXY header to send first.",
    example: 2,
  })),
  tls: v.exactOptional(CHECK_TLS_TABLE),
  service: v.optional(
    text("a text", {
      text: "grpc: the service that is asked for (grpc.health.v1); empty: the server as a whole.",
      range: "0 to 1024 characters",
      example: "shop.Cart",
    }, (value) => {
      if (/^\P{Cc}{0,1024}$/u.test(value)) return undefined;
      return { message: `${VALUE} is not the name of a service` };
    }),
    "",
  ),
  helo_name: v.exactOptional(line("a host name", {
    text: "smtp: what we call ourselves; without the key, the agent's name.",
    example: "edge-a.example.net",
  })),
  starttls: v.optional(
    flag({ text: "smtp: go on with TLS, as `tls` says.", example: true }),
    false,
  ),
  query: v.optional(
    text("a name", {
      text: "dns: the name to ask for; `.` is the root.",
      range: "labels of 1 to 63 bytes, 255 in all",
      example: "www.example.net",
    }, (value) => {
      return encodeName(value) === null ? { message: `${VALUE} is not a name of DNS` } : undefined;
    }),
    ".",
  ),
  record: v.optional(
    choice(Object.keys(RECORD_TYPES) as [string, ...string[]], {
      text: "dns: the type of record.",
      example: "A",
    }),
    "SOA",
  ),
  protocol: v.optional(choice(["udp", "tcp"], { text: "dns: over what.", example: "tcp" }), "udp"),
  codes: v.optional(
    words([...RESPONSE_CODES] as [string, ...string[]], {
      text: "dns: the codes that are right.",
      example: "NXDOMAIN",
    }),
    ["NOERROR"],
  ),
  answers: v.exactOptional(documented(
    v.array(text("a text", {
      text: "Data of a record as zone files write it; names end in a dot.",
      range: "not empty",
      example: "192.0.2.80",
    }, (value) => value === "" ? { message: "An answer is not empty" } : undefined)),
    "a list of texts",
    {
      text: "dns: data of records that must all be in the answer.",
      example: ["192.0.2.80"],
    },
  )),
  payload: v.exactOptional(hexPattern({
    text: "udp: the datagram to send; without the key, an empty one.",
    example: "1b 00 06 00",
  }, false)),
  reply: v.exactOptional(hexPattern({
    text: "udp: what the reply must begin with.",
    example: "1c XX 06",
  }, true)),
  require_reply: v.optional(
    flag({
      text: "udp: fail without a reply. Otherwise silence is a success, since all that can be " +
        "known is that nobody said the port is closed. `reply` means it.",
      example: true,
    }),
    false,
  ),
  min_reply_length: v.optional(
    whole(0, 65_507, { text: "udp: bytes of the reply, at least.", example: 4 }),
    0,
  ),
  max_reply_length: v.optional(
    whole(0, 65_507, {
      text: "udp: bytes of the reply, at most. keepalived's default is 255.",
      example: 255,
    }),
    65_507,
  ),
  preset: v.exactOptional(choice(
    Object.keys(PRESET_PORTS) as [UdpPreset["preset"], ...UdpPreset["preset"][]],
    {
      text: "udp: a ready question in place of `payload` and `reply`; the answer must be to this " +
        "very question. `ntp`: a synchronised server. `quic`: its versions. `radius`: " +
        "Status-Server (RFC 5997), with `secret`. `sip`: OPTIONS, answered with `status`. For " +
        "names there are checks of type `dns`.",
      example: "ntp",
    },
  )),
  secret: v.exactOptional(radiusSecret),
  size: v.optional(
    whole(8, 65_000, { text: "ping: bytes of data.", example: 1400 }),
    56,
  ),
  command: v.exactOptional(command({
    text: "script: the program and its arguments. It is healthy when it ends with exit code 0.",
    example: ["/usr/local/bin/check-backend", "--fast"],
  })),
  user: v.exactOptional(userName({
    text: "script: whom it runs as; without the key, as `agent.script_user` says.",
    example: "nobody:nogroup",
  })),
  dynamic: v.optional(
    flag({
      text: "script: exit codes from 2 to 255 are successes with a weight of 0 to 253 for the " +
        "server, in place of its own, which exit code 0 means.",
      example: true,
    }),
    false,
  ),
  weight: v.optional(
    whole(-GREATEST_FACTOR, GREATEST_FACTOR, {
      text: "file: the number in it times this is added to the weight of the server. 0: any " +
        "number but 0 is a failure.",
      example: 10,
    }),
    0,
  ),
  reverse: v.optional(
    flag({ text: "file: the other way round.", example: true }),
    false,
  ),
  session: v.exactOptional(name({
    text: "bfd: the `[[bfd]]` that must be up.",
    example: "to-peer",
  })),
} as const;
