/**
 * Whether an HTTP response is what was wanted: status, headers, body. One judge for HTTP/1 and
 * HTTP/2.
 *
 * Regular expressions are JavaScript's and may take long on some texts: they see the first
 * `LONGEST_SEARCHED` characters of a body alone. The pattern is the operator's, the text is not.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showBytes, showText } from "../../text/mod.ts";
import { follow, type Json, sameJson } from "./json_pointer.ts";

/** Characters that a regular expression sees. */
export const LONGEST_SEARCHED = 65_536;

/** A hash in hexadecimal digits, small letters; given in, since pure code has no library. */
export type Digest = (algorithm: "md5" | "sha256", bytes: Uint8Array) => string;

/** One thing that a body must be or have. */
export type BodyTest =
  | { readonly type: "contains"; readonly text: string }
  | { readonly type: "matches"; readonly pattern: RegExp; readonly not: boolean }
  /** `value` undefined: anything may stand there. */
  | {
    readonly type: "json";
    readonly pointer: string;
    readonly parts: readonly string[];
    readonly value?: Json;
  }
  /** keepalived's `digest` is the MD5 of the body. */
  | { readonly type: "digest"; readonly algorithm: "md5" | "sha256"; readonly hex: string };

/** What is wanted of a response. */
export interface HttpExpectation {
  /** Ranges, both ends included. */
  readonly status: readonly (readonly [number, number])[];
  readonly headers: readonly { readonly name: string; readonly contains: string }[];
  readonly body: readonly BodyTest[];
}

/** A response, as far as it was read. */
export interface HttpResponse {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** Whether the body is longer than what was read of it. */
  readonly truncated: boolean;
}

/** Whether the body has a say: else it need not be read. */
export function needsBody({ body }: HttpExpectation): boolean {
  return body.length > 0;
}

/** All values of a header, joined as RFC 9110 section 5.3 wants; undefined: there is none. */
export function headerOf(
  response: Pick<HttpResponse, "headers">,
  name: string,
): string | undefined {
  const values = response.headers.filter(([known]) => known === name.toLowerCase());
  return values.length === 0 ? undefined : values.map(([, value]) => value).join(", ");
}

/** `200-299, 301`. */
export function showStatus(ranges: HttpExpectation["status"]): string {
  return ranges.map(([low, high]) => low === high ? `${low}` : `${low}-${high}`).join(", ");
}

/** The verdict on a whole response. */
export function judgeResponse(
  response: HttpResponse,
  expected: HttpExpectation,
  digest: Digest,
): Outcome {
  const output = { output: showBytes(response.body) };
  const { status } = response;
  if (!expected.status.some(([low, high]) => status >= low && status <= high)) {
    return failed(`HTTP status ${status} instead of ${showStatus(expected.status)}`, output);
  }
  for (const { name, contains } of expected.headers) {
    const value = headerOf(response, name);
    if (value === undefined) return failed(`the header ${name} is missing`, output);
    if (!value.includes(contains)) {
      return failed(`the header ${name} is "${showText(value, 80)}"`, output);
    }
  }
  for (const test of expected.body) {
    const wrong = judgeBody(response, test, digest);
    if (wrong !== null) return failed(wrong, output);
  }
  return passed(`HTTP status ${status}`, output);
}

/** What is wrong; `null`: nothing. */
function judgeBody(response: HttpResponse, test: BodyTest, digest: Digest): string | null {
  const { body, truncated } = response;
  const within = truncated ? ` in the first ${body.length} bytes of the body` : "";
  switch (test.type) {
    case "contains": {
      const text = new TextDecoder().decode(body);
      return text.includes(test.text)
        ? null
        : `"${showText(test.text, 40)}" is missing${within || " in the body"}`;
    }
    case "matches": {
      const text = new TextDecoder().decode(body).slice(0, LONGEST_SEARCHED);
      const found = text.search(test.pattern) !== -1;
      if (found === !test.not) return null;
      return found
        ? `the body matches ${test.pattern}`
        : `nothing matches ${test.pattern}${within}`;
    }
    case "json": {
      if (truncated) return `the body is longer than ${body.length} bytes`;
      let value: Json;
      try {
        value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as Json;
      } catch {
        return "the body is not JSON";
      }
      const found = follow(value, test.parts);
      const place = showText(test.pointer, 80);
      if (found === undefined) return `the body has nothing at ${place}`;
      if (test.value === undefined || sameJson(found, test.value)) return null;
      return `${place} is ${showText(JSON.stringify(found), 80)}`;
    }
    case "digest": {
      if (truncated) return `the body is longer than ${body.length} bytes`;
      const found = digest(test.algorithm, body);
      return found === test.hex.toLowerCase()
        ? null
        : `the ${test.algorithm} of the body is ${found}`;
    }
  }
}
