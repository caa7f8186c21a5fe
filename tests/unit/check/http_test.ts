/** HTTP/1 checks: requests by the byte, responses in pieces, hostile ones, expectations, turns. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { BODY_LIMIT, httpConversation, type HttpExchange } from "../../../mod/check/types/http.ts";
import {
  type BodyTest,
  type HttpExpectation,
  type HttpResponse,
  judgeResponse,
} from "../../../mod/check/types/http_expect.ts";
import {
  basicAuthorization,
  encodeHttp1,
  type HttpRequest,
  requestProblem,
} from "../../../mod/check/types/http_request.ts";
import { HttpTurns } from "../../../mod/check/types/http_turns.ts";
import { follow, parsePointer, sameJson } from "../../../mod/check/types/json_pointer.ts";
import { failed, passed } from "../../../mod/check/outcome.ts";
import { bytes, digest, type Said, talk, verdictOf } from "./conversation_fixtures.ts";

const REQUEST: HttpRequest = {
  method: "GET",
  path: "/healthz",
  host: "www.example.net",
  scheme: "http",
  headers: [],
  body: null,
};
const FINE: HttpExpectation = { status: [[200, 299]], headers: [], body: [] };

function exchange(
  expected: Partial<HttpExpectation> = {},
  rest: Partial<HttpExchange> = {},
): HttpExchange {
  return {
    request: REQUEST,
    port: null,
    expected: { ...FINE, ...expected },
    bodyLimit: BODY_LIMIT,
    ...rest,
  };
}

function ask(expected: Partial<HttpExpectation>, ...said: (string | Said)[]): string {
  const conversation = httpConversation(exchange(expected), "1.1", digest);
  const words = ["end", "time", "secured"];
  return verdictOf(
    conversation,
    ...said.map((one) =>
      typeof one === "string" && !words.includes(one) ? bytes(one) : one as Said
    ),
  );
}

const CONTAINS: BodyTest = { type: "contains", text: "well" };

Deno.test("the request of each version, by the byte", () => {
  const text = (request: Partial<HttpRequest>, version: "1.0" | "1.1") =>
    new TextDecoder().decode(encodeHttp1({ ...REQUEST, ...request }, version));
  strictEqual(
    text({}, "1.1"),
    "GET /healthz HTTP/1.1\r\nHost: www.example.net\r\nUser-Agent: halb\r\nAccept: */*\r\n" +
      "Connection: close\r\n\r\n",
  );
  strictEqual(
    text({
      method: "POST",
      headers: [["host", "other"], ["X-A", "1"], ["Authorization", basicAuthorization("u", "pä")]],
      body: bytes("body"),
    }, "1.0"),
    "POST /healthz HTTP/1.0\r\nUser-Agent: halb\r\nAccept: */*\r\nConnection: close\r\n" +
      "Content-Length: 4\r\nhost: other\r\nX-A: 1\r\nAuthorization: Basic dTpww6Q=\r\n\r\nbody",
  );
});

Deno.test("a request cannot be made to say more than it should", () => {
  const wrong: [Partial<HttpRequest>, RegExp][] = [
    [{ method: "GET /" }, /method/],
    [{ path: "/a b" }, /path/],
    [{ path: "/a\r\nX: y" }, /path/],
    [{ path: "" }, /path/],
    [{ host: "a\r\nb" }, /host/],
    [{ headers: [["a:b", "c"]] }, /name of a header/],
    [{ headers: [["a", "c\r\nd: e"]] }, /control characters/],
  ];
  for (const [change, problem] of wrong) {
    const request = { ...REQUEST, ...change };
    ok(problem.test(requestProblem(request) ?? ""));
    throws(() => httpConversation(exchange({}, { request }), "1.1", digest), TypeError);
  }
});

Deno.test("the status decides as soon as the headers are there, unless the body has a say", () => {
  strictEqual(ask({}, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), "passed: HTTP status 200");
  strictEqual(ask({}, "HTTP/1.0 204\r\n\r\n"), "passed: HTTP status 204");
  strictEqual(ask({}, "HTTP/1.1 503 Oh\r\n\r\n"), "failed: HTTP status 503 instead of 200-299");
  strictEqual(
    ask({ status: [[200, 200], [301, 302]] }, "HTTP/1.1 302 F\r\n\r\n"),
    "passed: HTTP status 302",
  );
  strictEqual(
    ask({}, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    "passed: HTTP status 200",
  );
  strictEqual(
    ask({ body: [CONTAINS] }, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    "undecided",
  );
});

Deno.test("bodies by length, in chunks, and until the end", () => {
  const fine = "passed: HTTP status 200";
  const body = { body: [CONTAINS] };
  strictEqual(ask(body, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall well"), fine);
  strictEqual(ask(body, "HTTP/1.1 200 OK\r\n\r\nall well", "end"), fine);
  strictEqual(
    ask(
      body,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6;x=y\r\nall we\r\n2\r\nll\r\n0\r\nT: x\r\n\r\n",
    ),
    fine,
  );
  strictEqual(
    ask(body, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    'failed: "well" is missing in the body',
  );
});

Deno.test("a response means the same in pieces of any size", () => {
  const whole = bytes(
    "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "3\r\nall\r\n5\r\n well\r\n0\r\n\r\n",
  );
  for (let size = 1; size <= whole.length; size++) {
    const conversation = httpConversation(exchange({ body: [CONTAINS] }), "1.1", digest);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
    strictEqual(verdictOf(conversation, ...pieces), "passed: HTTP status 200");
    strictEqual(new TextDecoder().decode(conversation.response?.body), "all well");
  }
});

Deno.test("what is broken or hostile has a name", () => {
  const head = "HTTP/1.1 200 OK\r\n";
  const body = { body: [CONTAINS] };
  const long = "x".repeat(20_000);
  const cases: [string, (string | Said)[]][] = [
    ["closed without a response", ["end"]],
    ["a response did not come in time", ["time"]],
    ["the headers did not come in time", [head, "time"]],
    ["the body did not come in time", [`${head}\r\nabc`, "time"]],
    ["closed in the middle of a line", ["HTTP/1.", "end"]],
    ["closed in the middle of the headers", [head, "end"]],
    ["closed in the middle of the body", [`${head}Content-Length: 9\r\n\r\nabc`, "end"]],
    ["closed in the middle of the body", [
      `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nabc`,
      "end",
    ]],
    ['the answer is not HTTP/1: "SSH-2.0-x\\u001b[2J"', ["SSH-2.0-x\u001b[2J\r\n"]],
    ['the answer is not HTTP/1: "HTTP/2 200"', ["HTTP/2 200\r\n"]],
    ['not a header: "no header"', [`${head}no header\r\n`]],
    ['not a header: " folded"', [`${head}A: b\r\n folded\r\n`]],
    ['not a header: "A : b"', [`${head}A : b\r\n`]],
    ["a line is longer than 16384 bytes", [head + long]],
    ["a line is longer than 16384 bytes", [long]],
    ["the headers are longer than 65536 bytes", [
      head,
      ...Array(7).fill(`A: ${long.slice(0, 10_000)}\r\n`),
    ]],
    ["more than 200 headers", [head, "A: b\r\n".repeat(201)]],
    ["one 1xx after another", ["HTTP/1.1 100 C\r\n\r\n".repeat(11)]],
    ["the server changes the protocol", ["HTTP/1.1 101 S\r\n\r\n"]],
    ["the body has both a length and chunks", [
      `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ]],
    ['a body in the coding "gzip, chunked"', [`${head}Transfer-Encoding: gzip, chunked\r\n\r\n`]],
    ["the Content-Length makes no sense", [
      `${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
    ]],
    ["the Content-Length makes no sense", [`${head}Content-Length: -1\r\n\r\n`]],
    ["the size of a chunk makes no sense", [`${head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`]],
    ["the size of a chunk makes no sense", [
      `${head}Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n`,
    ]],
    ["a chunk is longer than it says", [`${head}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n`]],
  ];
  for (const [reason, said] of cases) strictEqual(ask(body, ...said), `failed: ${reason}`);
});

Deno.test("a gigabyte is read up to the limit and no further", () => {
  const conversation = httpConversation(
    exchange({ body: [CONTAINS] }, { bodyLimit: 1000 }),
    "1.1",
    digest,
  );
  const flood = new Uint8Array(65_536).fill(97);
  const said = [bytes("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"), flood, flood];
  strictEqual(
    verdictOf(conversation, ...said),
    'failed: "well" is missing in the first 1000 bytes of the body',
  );
});

Deno.test("body tests: text, expression, JSON pointer, digest", () => {
  const response = (body: string, truncated = false): HttpResponse => ({
    status: 200,
    headers: [["content-type", "text/plain"], ["x-a", "1"], ["x-a", "2"]],
    body: bytes(body),
    truncated,
  });
  const judge = (body: string, test: BodyTest, truncated = false) => {
    const { result, reason } = judgeResponse(
      response(body, truncated),
      { ...FINE, body: [test] },
      digest,
    );
    return result === "passed" ? "passed" : reason;
  };
  const matches = (pattern: RegExp, not = false): BodyTest => ({ type: "matches", pattern, not });
  const json = (pointer: string, value?: null | string | number | readonly number[]): BodyTest => ({
    type: "json",
    pointer,
    parts: parsePointer(pointer)!,
    ...(value === undefined ? {} : { value }),
  });
  strictEqual(judge("x", matches(/^x$/)), "passed");
  strictEqual(judge("y", matches(/^x$/)), "nothing matches /^x$/");
  strictEqual(judge("x", matches(/x/, true)), "the body matches /x/");
  strictEqual(judge("y", matches(/x/, true)), "passed");
  const body = '{"status":"UP","list":[1,{"a":null}]}';
  strictEqual(judge(body, json("/status", "UP")), "passed");
  strictEqual(judge(body, json("/status", "up")), '/status is "UP"');
  strictEqual(judge(body, json("/list/1/a", null)), "passed");
  strictEqual(judge(body, json("/list/0")), "passed");
  strictEqual(judge(body, json("/list/7")), "the body has nothing at /list/7");
  strictEqual(judge(body, json("/constructor")), "the body has nothing at /constructor");
  strictEqual(judge("{", json("/a")), "the body is not JSON");
  strictEqual(judge(body, json("/status"), true), "the body is longer than 37 bytes");
  // RFC 1321's test suite, and `printf hello | sha256sum`.
  const md5 = {
    type: "digest",
    algorithm: "md5",
    hex: "900150983CD24FB0D6963F7D28E17F72",
  } as const;
  strictEqual(judge("abc", md5), "passed");
  strictEqual(judge("abd", md5), "the md5 of the body is 4911e516e5aa21d327512e0c8b197616");
  const hex = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  strictEqual(judge("hello", { type: "digest", algorithm: "sha256", hex }), "passed");
});

Deno.test("headers that are wanted", () => {
  const headers = [{ name: "X-State", contains: "ready" }];
  strictEqual(
    ask({ headers }, "HTTP/1.1 200 OK\r\nx-state: not ready\r\n\r\n"),
    "passed: HTTP status 200",
  );
  strictEqual(
    ask({ headers }, "HTTP/1.1 200 OK\r\nx-state: no\r\n\r\n"),
    'failed: the header X-State is "no"',
  );
  strictEqual(ask({ headers }, "HTTP/1.1 200 OK\r\n\r\n"), "failed: the header X-State is missing");
});

Deno.test("JSON pointers are those of RFC 6901 section 5", () => {
  const value = JSON.parse(
    '{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8}',
  );
  const at = (pointer: string) => follow(value, parsePointer(pointer)!);
  deepStrictEqual(
    ["/foo/0", "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", '/k"l', "/ ", "/m~0n"].map(at),
    ["bar", 0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
  strictEqual(at(""), value);
  strictEqual(at("/foo/00"), undefined);
  strictEqual(at("/foo/-"), undefined);
  strictEqual(parsePointer("foo"), null);
  strictEqual(parsePointer("/a~2"), null);
  ok(sameJson({ a: 1, b: [null] }, { b: [null], a: 1 }));
  ok(!sameJson({ a: 1 }, { a: 1, b: 2 }));
  ok(!sameJson([], {}));
});

function redirect(status: number, location: string | null): HttpResponse {
  const headers = location === null ? [] : [["location", location] as const];
  return { status, headers, body: new Uint8Array(0), truncated: false };
}

Deno.test("several URLs come in turn, and the first that fails decides", () => {
  const plan = [exchange(), exchange({}, { request: { ...REQUEST, path: "/b" } })];
  const turns = new HttpTurns({ exchanges: plan, redirects: 0 });
  const second = turns.next(turns.first, null, passed("x", { warnings: ["expires"] }));
  strictEqual(second.exchange, plan[1]);
  const third = turns.next(plan[1]!, null, failed("HTTP status 500"));
  strictEqual(third.outcome?.reason, "/b: HTTP status 500");
  deepStrictEqual(third.outcome?.warnings, ["expires"]);
});

Deno.test("redirects are followed only where wanted, and never to another server", () => {
  const plain = new HttpTurns({ exchanges: [exchange()], redirects: 0 });
  const outcome = failed("HTTP status 301 instead of 200-299");
  strictEqual(
    plain.next(plain.first, redirect(301, "/x"), outcome).outcome?.reason,
    outcome.reason,
  );

  const headers = [["Authorization", "Bearer x"], ["X-A", "b"]] as const;
  const request = { ...REQUEST, method: "POST", body: bytes("b"), headers };
  const turn = (status: number, location: string | null, scheme: "http" | "https" = "http") => {
    const turns = new HttpTurns({
      exchanges: [exchange({}, { request: { ...request, scheme } })],
      redirects: 1,
    });
    return turns.next(turns.first, redirect(status, location), outcome);
  };
  const next = turn(302, "../new?x=1").exchange;
  deepStrictEqual(
    [next?.request.method, next?.request.path, next?.request.body, next?.port],
    ["GET", "/new?x=1", null, null],
  );
  deepStrictEqual(next?.request.headers, headers, "the same name keeps its credentials");
  strictEqual(turn(307, "/new").exchange?.request.method, "POST");
  const other = turn(301, "https://login.example.net:8443/a").exchange;
  deepStrictEqual(
    [other?.request.host, other?.request.scheme, other?.port],
    ["login.example.net:8443", "https", 8443],
  );
  deepStrictEqual(other?.request.headers, [["X-A", "b"]]);
  strictEqual(turn(301, "http://a/", "https").outcome?.reason, "redirected from https to http");
  strictEqual(turn(301, "ftp://a/").outcome?.reason, "redirected to the scheme ftp:");
  strictEqual(turn(301, "http://").outcome?.reason, 'redirected to "http://", which is no address');
  strictEqual(turn(301, null).outcome?.reason, "HTTP status 301 without a Location");
});

Deno.test("a loop of redirects ends", () => {
  const turns = new HttpTurns({ exchanges: [exchange()], redirects: 3 });
  let turn = turns.next(turns.first, redirect(302, "/"), failed("x"));
  let hops = 0;
  while (turn.exchange !== undefined) {
    hops++;
    turn = turns.next(turn.exchange, redirect(302, "/"), failed("x"));
  }
  strictEqual(hops, 3);
  strictEqual(turn.outcome?.reason, "more than 3 redirects in a row");
});

Deno.test("204 and 304 have no body to wait for", () => {
  const wanted = { body: [{ type: "matches", pattern: /^$/, not: false } as const] };
  const status = [[200, 399]] as const;
  for (const code of [204, 304]) {
    strictEqual(
      ask({ ...wanted, status }, `HTTP/1.1 ${code} X\r\nContent-Type: a\r\n\r\n`),
      `passed: HTTP status ${code}`,
    );
  }
});

Deno.test("HEAD has no body, whatever its headers say", () => {
  const request = { ...REQUEST, method: "HEAD" };
  const { outcome } = talk(
    httpConversation(
      exchange({ body: [{ type: "matches", pattern: /^$/, not: false }] }, { request }),
      "1.1",
      digest,
    ),
    bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
  );
  strictEqual(outcome?.result, "passed");
});
