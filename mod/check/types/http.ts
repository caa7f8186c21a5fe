/**
 * http over HTTP/1: one request, one response, one connection.
 *
 * @module
 */

import { failed, type Outcome } from "../outcome.ts";
import { type Conversation, type Step, WAIT } from "./conversation.ts";
import {
  type Digest,
  type HttpExpectation,
  type HttpResponse,
  judgeResponse,
  needsBody,
} from "./http_expect.ts";
import { encodeHttp1, type HttpRequest, requestProblem } from "./http_request.ts";
import { type Progress, ResponseReader } from "./http_response.ts";

/** Bytes of a body that are read, unless told otherwise. */
export const BODY_LIMIT = 262_144;

/** One exchange. */
export interface HttpExchange {
  readonly request: HttpRequest;
  /** `null`: the target's. */
  readonly port: number | null;
  readonly expected: HttpExpectation;
  readonly bodyLimit: number;
}

/** A conversation that also tells the response, for who follows redirects. */
export interface HttpConversation extends Conversation {
  readonly response: HttpResponse | null;
}

/** A request as bytes. @throws {TypeError} where it would not be one */
export function requestBytes(request: HttpRequest, version: "1.0" | "1.1"): Uint8Array {
  const problem = requestProblem(request);
  if (problem !== null) throw new TypeError(`Cannot ask for that: ${problem}`);
  return encodeHttp1(request, version);
}

/**
 * @param bytes the request, for who asks the same again and again
 * @throws {TypeError} where the request would not be one
 */
export function httpConversation(
  { request, expected, bodyLimit }: HttpExchange,
  version: "1.0" | "1.1",
  digest: Digest,
  bytes = requestBytes(request, version),
): HttpConversation {
  const reader = new ResponseReader({
    method: request.method,
    wantsBody: needsBody(expected),
    bodyLimit,
  });
  let response: HttpResponse | null = null;
  function decide(progress: Progress): Step {
    if (progress.state === "more") return WAIT;
    if (progress.state === "broken") return { outcome: failed(progress.reason) };
    response = progress.response;
    return { outcome: judgeResponse(response, expected, digest) };
  }
  return {
    get response() {
      return response;
    },
    open: (): Step => ({ send: bytes }),
    receive: (bytes: Uint8Array): Step => decide(reader.read(bytes)),
    end: (): Step => decide(reader.end()),
    timeout: (): Outcome => failed(`${reader.waitingFor} did not come in time`),
  };
}
