/**
 * Reads an HTTP/1 response from pieces of any size (RFC 9112), with an eye on servers that mean
 * harm or are broken: lines, headers, chunks and bodies have limits, and what two readers could
 * read in two ways is refused by name.
 *
 * ```text
 *   status line ─► headers ─┬─► length ────────┬─► done
 *        ▲            │     ├─► chunks ─► trailers
 *        └── 1xx ─────┘     └─► until the end ─┘
 * ```
 *
 * @module
 */

import { showText } from "../../text/mod.ts";
import { Received } from "./conversation.ts";
import { headerOf, type HttpResponse } from "./http_expect.ts";

const LONGEST_LINE = 16_384;
const MOST_HEADERS = 200;
const LONGEST_HEADERS = 65_536;
/** Informational responses before the real one. */
const MOST_INFORMATIONAL = 10;

/** How to read a response. */
export interface ReadOptions {
  /** Responses to HEAD have no body. */
  readonly method: string;
  /** Whether anybody wants the body: else the response is done with its headers. */
  readonly wantsBody: boolean;
  /** Bytes of the body that are read; what is longer is cut there and done. */
  readonly bodyLimit: number;
}

/** What has come of it so far. */
export type Progress =
  | { readonly state: "more" }
  | { readonly state: "done"; readonly response: HttpResponse }
  | { readonly state: "broken"; readonly reason: string };

const MORE: Progress = { state: "more" };

type Stage =
  | "status"
  | "headers"
  | "length"
  | "until-end"
  | "chunk-size"
  | "chunk"
  | "chunk-end"
  | "trailers"
  | "over";

/** A reader of one response. */
export class ResponseReader {
  readonly #options: ReadOptions;
  readonly #body: Received;
  /** The beginning of a line whose end has not come yet. */
  readonly #line = new Received(LONGEST_LINE);
  #stage: Stage = "status";
  #status = 0;
  #headers: [string, string][] = [];
  #headerBytes = 0;
  #informational = 0;
  /** Bytes still to come of the body or the chunk. */
  #left = 0;

  constructor(options: ReadOptions) {
    this.#options = options;
    this.#body = new Received(Math.max(1, options.bodyLimit));
  }

  /** What was being waited for, in words. */
  get waitingFor(): string {
    if (this.#stage === "status") return "a response";
    return this.#stage === "headers" ? "the headers" : "the body";
  }

  /** A piece of the stream. After `done` or `broken` there is nothing to be read. */
  read(piece: Uint8Array): Progress {
    let at = 0;
    while (at < piece.length) {
      if (this.#stage === "length" || this.#stage === "chunk" || this.#stage === "until-end") {
        const wanted = this.#stage === "until-end"
          ? piece.length - at
          : Math.min(this.#left, piece.length - at);
        if (!this.#body.add(piece.subarray(at, at + wanted))) return this.#done(true);
        at += wanted;
        if (this.#stage === "until-end") continue;
        this.#left -= wanted;
        if (this.#left > 0) continue;
        if (this.#stage === "length") return this.#done(false);
        this.#stage = "chunk-end";
        continue;
      }
      const end = piece.indexOf(10, at);
      const part = piece.subarray(at, end === -1 ? piece.length : end + 1);
      at += part.length;
      const whole = end !== -1 && this.#line.length === 0;
      const fits = whole ? part.length <= LONGEST_LINE : this.#line.add(part);
      if (!fits) return this.#broken(`a line is longer than ${LONGEST_LINE} bytes`);
      if (end === -1) return MORE;
      // Every byte a character: what is not ASCII is shown escaped, and compared with nothing.
      const line = latin1(whole ? part : this.#line.bytes).replace(/\r?\n$/, "");
      this.#line.drop(this.#line.length);
      const progress = this.#takeLine(line);
      if (progress.state !== "more") return progress;
    }
    return MORE;
  }

  /** The peer has closed. */
  end(): Progress {
    if (this.#stage === "until-end") return this.#done(false);
    if (this.#stage === "status" && this.#line.length === 0) {
      return this.#broken("closed without a response");
    }
    return this.#broken(
      `closed in the middle of ${this.#stage === "status" ? "a line" : this.waitingFor}`,
    );
  }

  #takeLine(line: string): Progress {
    switch (this.#stage) {
      case "status":
        return this.#takeStatus(line);
      case "headers":
        return line === "" ? this.#endHeaders() : this.#takeHeader(line);
      case "chunk-size":
        return this.#takeChunkSize(line);
      case "chunk-end":
        if (line !== "") return this.#broken("a chunk is longer than it says");
        this.#stage = "chunk-size";
        return MORE;
      default: // trailers, which nobody asks for
        return line === "" ? this.#done(false) : this.#countHeader(line) ?? MORE;
    }
  }

  #takeStatus(line: string): Progress {
    const match = /^HTTP\/1\.[01] ([1-5]\d\d)(?: .*)?$/.exec(line);
    if (match === null) return this.#broken(`the answer is not HTTP/1: "${showText(line, 40)}"`);
    this.#status = Number(match[1]);
    this.#headers = [];
    this.#headerBytes = 0;
    this.#stage = "headers";
    return MORE;
  }

  #countHeader(line: string): Progress | null {
    this.#headerBytes += line.length + 2;
    if (this.#headerBytes > LONGEST_HEADERS) {
      return this.#broken(`the headers are longer than ${LONGEST_HEADERS} bytes`);
    }
    if (this.#headers.length >= MOST_HEADERS) {
      return this.#broken(`more than ${MOST_HEADERS} headers`);
    }
    return null;
  }

  #takeHeader(line: string): Progress {
    const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    // A line that goes on (RFC 9112 section 5.2) is nobody's any more.
    if (match === null) return this.#broken(`not a header: "${showText(line, 40)}"`);
    const refusal = this.#countHeader(line);
    if (refusal !== null) return refusal;
    this.#headers.push([match[1]!.toLowerCase(), match[2]!]);
    return MORE;
  }

  /** RFC 9112 section 6.3: how long the body is. */
  #endHeaders(): Progress {
    const { method, wantsBody } = this.#options;
    if (this.#status < 200) {
      this.#informational++;
      if (this.#informational > MOST_INFORMATIONAL) return this.#broken("one 1xx after another");
      if (this.#status === 101) return this.#broken("the server changes the protocol");
      this.#stage = "status";
      return MORE;
    }
    if (method === "HEAD" || this.#status === 204 || this.#status === 304) return this.#done(false);
    const coding = headerOf({ headers: this.#headers }, "transfer-encoding");
    const lengths = this.#headers.filter(([name]) => name === "content-length");
    if (coding !== undefined && lengths.length > 0) {
      return this.#broken("the body has both a length and chunks");
    }
    if (coding !== undefined && coding.toLowerCase() !== "chunked") {
      return this.#broken(`a body in the coding "${showText(coding, 40)}"`);
    }
    const length = readLength(lengths.map(([, value]) => value));
    if (length === null) return this.#broken("the Content-Length makes no sense");
    if (!wantsBody) return this.#done(false);
    this.#left = length;
    this.#stage = coding !== undefined
      ? "chunk-size"
      : length === Infinity
      ? "until-end"
      : "length";
    return length === 0 ? this.#done(false) : MORE;
  }

  #takeChunkSize(line: string): Progress {
    const match = /^([\da-f]{1,8})[ \t]*(;.*)?$/i.exec(line);
    if (match === null) return this.#broken("the size of a chunk makes no sense");
    this.#left = parseInt(match[1]!, 16);
    this.#stage = this.#left === 0 ? "trailers" : "chunk";
    return MORE;
  }

  #done(truncated: boolean): Progress {
    this.#stage = "over";
    const { bytes: body } = this.#body;
    return {
      state: "done",
      response: { status: this.#status, headers: this.#headers, body, truncated },
    };
  }

  #broken(reason: string): Progress {
    this.#stage = "over";
    return { state: "broken", reason };
  }
}

/** `Infinity`: there is none; `null`: it makes no sense, or is given in two ways. */
function readLength(values: readonly string[]): number | null {
  if (values.length === 0) return Infinity;
  const all = values.flatMap((value) => value.split(",").map((part) => part.trim()));
  if (!all.every((value) => value === all[0]) || !/^\d{1,15}$/.test(all[0]!)) return null;
  return Number(all[0]);
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    // As `...` would have it, which walks through an iterator.
    const piece = at === 0 && bytes.length <= 4096 ? bytes : bytes.subarray(at, at + 4096);
    text += String.fromCharCode.apply(null, piece as unknown as number[]);
  }
  return text;
}
