/**
 * Every type of check that has connections, against every server that is broken in a way of its own:
 * none passes, none breaks, and each says in words what was wrong. TLS against certificates that are
 * wrong is in check_http_test.ts, datagrams are in check_sockets_test.ts.
 */

import assert from "node:assert/strict";
import { ANYWHERE } from "../../mod/check/drivers/open.ts";
import type { StreamTarget } from "../../mod/check/drivers/stream.ts";
import { lab } from "../lib/mod.ts";
import { BROKEN_PORTS, makeCertificates, probeOn, startBroken, verdict } from "./check_helpers.ts";
import type { ProbeSpec } from "./check_prober.ts";

type Broken = keyof typeof BROKEN_PORTS;
/** One reason, or several of which any may be: which depends on who is faster. */
type Reason = string | RegExp | readonly (string | RegExp)[];

/** Probes that run at once, and how long those may take that never end, milliseconds. */
const TOGETHER = 16;
const TIMEOUT = 1200;

const NOISE = '"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005…"';
/** What the kernel tells of one that closes while we speak depends on who is faster. */
const RESET = "connection reset";

/** The reasons by type and server. */
const REASONS: Readonly<Record<string, Readonly<Record<Broken, Reason>>>> = {
  tcp: {
    hangs: "no answer in time",
    garbage: "the expected text did not come in time",
    gigabyte: "the first 65536 bytes lack the expected text",
    closes: "closed without an answer",
    closesHalfway: "closed before the expected text came",
    drips: "the expected text did not come in time",
    resets: RESET,
    deaf: "no connection in time",
    closed: "connection refused",
    babbles: "the expected text did not come in time",
    floods: "the first 65536 bytes lack the expected text",
    leaves: ["closed without an answer", RESET],
    dribbles: "the expected text did not come in time",
  },
  http: {
    hangs: "a response did not come in time",
    garbage: `the answer is not HTTP/1: ${NOISE}`,
    gigabyte: '"all is well" is missing in the first 100000 bytes of the body',
    closes: "closed without a response",
    closesHalfway: "closed in the middle of the body",
    drips: ["the headers did not come in time", "the body did not come in time"],
    resets: RESET,
    deaf: "no connection in time",
    closed: "connection refused",
    babbles: `the answer is not HTTP/1: ${NOISE}`,
    floods: "a line is longer than 16384 bytes",
    leaves: ["closed without a response", RESET],
    dribbles: "a response did not come in time",
  },
  http2: {
    hangs: "an HTTP/2 greeting did not come in time",
    garbage: `the answer is not HTTP/2: ${NOISE}`,
    gigabyte: 'the answer is not HTTP/2: "HTTP/1.1 200 OK\\r\\nContent-Length: 1073…"',
    closes: "closed without a response",
    closesHalfway: 'the answer is not HTTP/2: "HTTP/1.1 200 OK\\r\\nContent-Length: 100…"',
    drips: /^the answer is not HTTP\/2: "HTTP\/[^"]*"$/,
    resets: RESET,
    deaf: "no connection in time",
    closed: "connection refused",
    babbles: `the answer is not HTTP/2: ${NOISE}`,
    floods: `the answer is not HTTP/2: "${"x".repeat(39)}…"`,
    leaves: ["closed without a response", RESET],
    dribbles: /^the answer is not HTTP\/2: "2{3,}"$/,
  },
  https: {
    hangs: "a response did not come in time (over TLS)",
    garbage: "the server does not speak TLS",
    gigabyte: "the server does not speak TLS",
    closes: "closed during the TLS handshake",
    closesHalfway: "the server does not speak TLS",
    drips: "the server does not speak TLS",
    resets: "closed during the TLS handshake",
    deaf: "no connection in time",
    closed: "connection refused",
    babbles: "the server does not speak TLS",
    floods: "the server does not speak TLS",
    leaves: ["closed during the TLS handshake", RESET],
    dribbles: "the server does not speak TLS",
  },
  smtp: {
    hangs: "no greeting in time",
    garbage: "no greeting in time",
    gigabyte: "no greeting in time",
    closes: "no greeting in time",
    closesHalfway: "no greeting in time",
    drips: "no greeting in time",
    resets: "no greeting in time",
    deaf: "no connection in time",
    closed: "connection refused",
    babbles: "the greeting is not SMTP",
    floods: "a line of the server is longer than 2048 bytes",
    leaves: "closed without a greeting",
    dribbles: "no greeting in time",
  },
  dns: {
    hangs: "no answer in time",
    garbage: "the answer is to another question",
    gigabyte: "the answer is to another question",
    closes: "closed before the answer came",
    closesHalfway: "closed before the answer came",
    drips: "no answer in time",
    resets: RESET,
    deaf: "no connection in time",
    closed: "connection refused",
    babbles: "the answer is to another question",
    floods: "the answer is to another question",
    leaves: ["closed before the answer came", RESET],
    dribbles: "no answer in time",
  },
  agent: {
    hangs: "the agent's line did not come in time",
    garbage: `the agent says ${NOISE}, which is no word of its language`,
    gigabyte: 'the agent says "HTTP/1.1", which is no word of its language',
    closes: "the agent says nothing",
    closesHalfway: 'the agent says "HTTP/1.1", which is no word of its language',
    drips: 'the agent says "HTTP/1.1", which is no word of its language',
    resets: RESET,
    deaf: "no connection in time",
    closed: "connection refused",
    babbles: `the agent says ${NOISE}, which is no word of its language`,
    floods: "the agent's line is longer than 1024 bytes",
    leaves: ["the agent says nothing", RESET],
    dribbles: "the agent's line did not come in time",
  },
};
/** gRPC is HTTP/2, and SMTP over TLS breaks where TLS does. */
const ALL = {
  ...REASONS,
  grpc: REASONS.http2!,
  smtps: { ...REASONS.https!, hangs: "no greeting in time (over TLS)" },
};

const bytes = (text: string) => new TextEncoder().encode(text);

/** The probe of a type. */
function specOf(type: string, port: number, ca: string): ProbeSpec {
  const target: StreamTarget = {
    address: "192.0.2.2",
    port,
    own: ANYWHERE,
    proxyProtocol: null,
    secure: false,
    tls: null,
  };
  const timeout = TIMEOUT;
  const tls = {
    serverName: "www.example.net",
    verify: true,
    ca,
    certificate: null,
    minVersion: "1.2",
    expiryDays: null,
  } as const;
  const http = (scheme: "http" | "https", version: "1.1" | "2"): ProbeSpec => ({
    type: "http",
    timeout,
    target,
    settings: {
      plan: {
        exchanges: [{
          request: { method: "GET", path: "/", host: "a", scheme, headers: [], body: null },
          port: null,
          expected: {
            status: [[200, 299]],
            headers: [],
            body: [{ type: "contains", text: "all is well" }],
          },
          bodyLimit: 100_000,
        }],
        redirects: 0,
      },
      version,
      tls: scheme === "https" ? tls : null,
    },
  });
  switch (type) {
    case "http":
      return http("http", "1.1");
    case "http2":
      return http("http", "2");
    case "https":
      return http("https", "1.1");
    case "tcp": {
      const settings = { send: bytes("PING\r\n"), expect: bytes("+PONG"), limit: 65_536 };
      return { type, timeout, target, settings };
    }
    case "grpc":
      return {
        type,
        timeout,
        target,
        settings: { service: "", authority: "a", scheme: "http" },
      };
    case "dns": {
      const name = "www.example.net";
      const settings = { id: 7, name, type: 1, protocol: "tcp", codes: ["NOERROR"], answers: [] };
      return { type, timeout, target, settings } as ProbeSpec;
    }
    case "agent":
      return { type, timeout, target, settings: { send: bytes("hello\n") } };
    default: {
      const secure = type === "smtps";
      return {
        type: "smtp",
        timeout,
        target: { ...target, secure, tls: secure ? { ...tls, protocols: [] } : null },
        settings: { helo: "a.example.net", startTls: false },
      };
    }
  }
}

lab("each type against each broken server: none passes, each says what was wrong", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  const { ca } = await makeCertificates(lab);
  await startBroken(lab, server);
  const cases = Object.entries(ALL).flatMap(([type, reasons]) =>
    Object.entries(reasons).map(([broken, reason]) => ({
      what: `${type}, a server that ${broken}`,
      spec: specOf(type, BROKEN_PORTS[broken as Broken], ca),
      reasons: [reason].flat(),
    }))
  );
  const outcomes = await probeOn(probe, cases.map(({ spec }) => spec), TOGETHER);
  const wrong = outcomes.flatMap((outcome, i) => {
    const { what, reasons } = cases[i]!;
    const { result, reason } = outcome;
    const right = reasons.some((one) =>
      typeof one === "string" ? one === reason : one.test(reason)
    );
    return right && result === "failed" ? [] : [`${what}: ${verdict(outcome)}`];
  });
  assert.deepEqual(wrong, []);
  assert.equal(outcomes.length, 9 * Object.keys(BROKEN_PORTS).length);
  const late = outcomes.filter(({ took }) => took > TIMEOUT + 1500);
  assert.deepEqual(late, []);
});
