/**
 * What is asked of an HTTP server, for all versions of HTTP.
 *
 * @module
 */

import { utf8 } from "./conversation.ts";

/** One request. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** The Host header: name and, where it is not the scheme's own, port. */
  readonly host: string;
  readonly scheme: "http" | "https";
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
}

/** `Basic` credentials (RFC 7617) as the value of an Authorization header. */
export function basicAuthorization(user: string, password: string): string {
  const bytes = utf8(`${user}:${password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}

/** What is wrong with a request, so that no value breaks out of its place; `null`: nothing. */
export function requestProblem(request: HttpRequest): string | null {
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(request.method)) return "the method is no token";
  if (!/^(\/|\*$)[\x21-\x7e]*$/.test(request.path)) {
    return "the path must begin with / and hold no spaces";
  }
  if (!/^[\x21-\x7e]+$/.test(request.host)) return "the host is empty or holds spaces";
  for (const [name, value] of request.headers) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) return "the name of a header is no token";
    if (!/^[\t\x20-\x7e\x80-\uffff]*$/.test(value)) {
      return `the header ${name} holds control characters`;
    }
  }
  return null;
}

/**
 * The request as HTTP/1 sends it. The connection ends with the response, so that nothing is left
 * open; a header that the operator sets takes the place of ours.
 */
export function encodeHttp1(request: HttpRequest, version: "1.0" | "1.1"): Uint8Array {
  const given = new Set(request.headers.map(([name]) => name.toLowerCase()));
  const own: [string, string][] = [
    ["Host", request.host],
    ["User-Agent", "halb"],
    ["Accept", "*/*"],
    ["Connection", "close"],
  ];
  if (request.body !== null) own.push(["Content-Length", `${request.body.length}`]);
  const lines = [
    `${request.method} ${request.path} HTTP/${version}`,
    ...own.filter(([name]) => !given.has(name.toLowerCase())).map(([n, v]) => `${n}: ${v}`),
    ...request.headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const head = utf8(`${lines.join("\r\n")}\r\n\r\n`);
  if (request.body === null) return head;
  const whole = new Uint8Array(head.length + request.body.length);
  whole.set(head);
  whole.set(request.body, head.length);
  return whole;
}
