/**
 * http over HTTP/2, and grpc.health.v1 on top of it.
 *
 * A grpc answer has its verdict behind the body: `grpc-status` in the trailers (or in the headers,
 * where there is no body). The message is five bytes of frame and a protobuf with one number.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showText } from "../../text/mod.ts";
import { concatenate, type Conversation, type Step, utf8 } from "./conversation.ts";
import { type HttpConversation, type HttpExchange } from "./http.ts";
import {
  type Digest,
  headerOf,
  type HttpResponse,
  judgeResponse,
  needsBody,
} from "./http_expect.ts";
import { Http2Exchange, type Http2Progress, type Http2Response } from "./http2.ts";
import { requestProblem } from "./http_request.ts";

/** More than any answer of a health service. */
const GRPC_LIMIT = 4096;

function step(
  progress: Http2Progress,
  judge: (response: Http2Response) => Outcome,
): Step {
  const send = progress.send.length > 0 ? { send: progress.send } : {};
  if (progress.state === "more") return send;
  const outcome = progress.state === "done" ? judge(progress.response) : failed(progress.reason);
  return { ...send, outcome };
}

/** @throws {TypeError | RangeError} where the request would not be one, or is too large */
export function http2Conversation(
  { request, expected, bodyLimit }: HttpExchange,
  digest: Digest,
): HttpConversation {
  const problem = requestProblem(request);
  if (problem !== null) throw new TypeError(`Cannot ask for that: ${problem}`);
  const exchange = new Http2Exchange(request, { wantsBody: needsBody(expected), bodyLimit });
  let response: HttpResponse | null = null;
  const judge = (got: Http2Response) => {
    response = got;
    return judgeResponse(got, expected, digest);
  };
  return {
    get response() {
      return response;
    },
    open: (): Step => ({ send: exchange.request }),
    receive: (bytes: Uint8Array): Step => step(exchange.read(bytes), judge),
    end: (): Step => step(exchange.end(), judge),
    timeout: (): Outcome => failed(`${exchange.waitingFor} did not come in time`),
  };
}

// ---- grpc ---------------------------------------------------------------------------------------

const SERVING = 1;
const SERVING_NAMES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** Codes of gRPC that servers give to a health check. */
const GRPC_NAMES: Readonly<Record<string, string>> = {
  "2": "UNKNOWN",
  "4": "DEADLINE_EXCEEDED",
  "5": "NOT_FOUND",
  "7": "PERMISSION_DENIED",
  "8": "RESOURCE_EXHAUSTED",
  "12": "UNIMPLEMENTED",
  "13": "INTERNAL",
  "14": "UNAVAILABLE",
  "16": "UNAUTHENTICATED",
};

/** What is asked of a grpc server. */
export interface GrpcSettings {
  /** Name of the service; empty: the server as a whole. */
  readonly service: string;
  readonly authority: string;
  readonly scheme: "http" | "https";
}

/** HealthCheckRequest: field 1, a string. */
function encodeHealthRequest(service: string): Uint8Array {
  const name = utf8(service);
  // Lengths of up to two groups of seven bits: names are short.
  const length = name.length < 128 ? [name.length] : [(name.length & 127) | 128, name.length >> 7];
  const message = name.length === 0 ? new Uint8Array(0) : concatenate([
    Uint8Array.of(0x0a, ...length),
    name,
  ]);
  return concatenate([
    Uint8Array.of(0, 0, 0, 0, message.length).with(3, message.length >> 8),
    message,
  ]);
}

/** HealthCheckResponse: field 1, a number. `null`: not such a message. */
export function decodeHealthResponse(message: Uint8Array): number | null {
  let status = 0;
  let at = 0;
  function varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) return -1;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    return -1;
  }
  while (at < message.length) {
    const key = varint();
    const kind = key % 8;
    if (key < 8) return null;
    if (kind === 0) {
      const value = varint();
      if (value < 0) return null;
      if (key === 8) status = value;
    } else if (kind === 2) {
      const length = varint();
      if (length < 0) return null;
      at += length;
    } else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else return null;
  }
  return at === message.length ? status : null;
}

/** What a health service answers. */
export function judgeHealth(response: Http2Response): Outcome {
  if (response.status !== 200) return failed(`HTTP status ${response.status} instead of 200`);
  const type = headerOf(response, "content-type") ?? "";
  if (!/^application\/grpc(\+proto)?(;|$)/.test(type)) {
    return failed(`the answer is of type "${showText(type, 60)}", not grpc`);
  }
  const said = (name: string) =>
    headerOf({ headers: response.trailers }, name) ?? headerOf(response, name);
  const code = said("grpc-status");
  if (code === undefined) return failed("the answer has no grpc-status");
  if (code !== "0") {
    const output = showText(said("grpc-message") ?? "");
    return failed(`gRPC status ${GRPC_NAMES[code] ?? showText(code, 10)}`, { output });
  }
  const { body } = response;
  const length = body.length < 5 ? -1 : new DataView(body.buffer, body.byteOffset).getUint32(1);
  if (response.truncated || body[0] !== 0 || length !== body.length - 5) {
    return failed("the answer is not one plain gRPC message");
  }
  const status = decodeHealthResponse(body.subarray(5));
  if (status === null) return failed("the answer is not a HealthCheckResponse");
  const name = SERVING_NAMES[status] ?? `status ${status}`;
  return status === SERVING ? passed(name) : failed(`the service says ${name}`, { output: name });
}

/** A conversation with a grpc server. @throws {TypeError} where the request would not be one */
export function grpcConversation({ service, authority, scheme }: GrpcSettings): Conversation {
  const request = {
    method: "POST",
    path: "/grpc.health.v1.Health/Check",
    host: authority,
    scheme,
    headers: [["content-type", "application/grpc"], ["te", "trailers"]] as const,
    body: encodeHealthRequest(service),
  };
  const problem = requestProblem(request);
  if (problem !== null) throw new TypeError(`Cannot ask for that: ${problem}`);
  if (request.body.length > GRPC_LIMIT) throw new TypeError("The name of the service is too long");
  const exchange = new Http2Exchange(request, { wantsBody: true, bodyLimit: GRPC_LIMIT });
  return {
    open: (): Step => ({ send: exchange.request }),
    receive: (bytes: Uint8Array): Step => step(exchange.read(bytes), judgeHealth),
    end: (): Step => step(exchange.end(), judgeHealth),
    timeout: (): Outcome => failed(`${exchange.waitingFor} did not come in time`),
  };
}
