/**
 * One request over HTTP/2 (RFC 9113), as bytes in and bytes out, so that it runs over any stream
 * and on any version of the runtime, whose own client takes neither.
 *
 * ```text
 *   ─► preface, SETTINGS, WINDOW_UPDATE, HEADERS [, DATA]
 *   ◄─ SETTINGS                      ─► acknowledged
 *   ◄─ HEADERS [, DATA …] [, HEADERS]    response, body, trailers
 *   ─► GOAWAY
 * ```
 *
 * Frames are 16 KiB at most, headers 64 KiB, frames that carry nothing are counted: a server cannot
 * make us work for ever.
 *
 * @module
 */

import { showText } from "../../text/mod.ts";
import { concatenate, Received } from "./conversation.ts";
import { decodeFields, encodeFields, type Field, LONGEST_FIELDS } from "./hpack.ts";
import type { HttpResponse } from "./http_expect.ts";
import type { HttpRequest } from "./http_request.ts";

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const LONGEST_FRAME = 16_384;
const FRAME_HEADER = 9;
/** What the peer's window allows before it has said anything. */
const FIRST_WINDOW = 65_535;
const LARGEST_WINDOW = 2 ** 31 - 1;
/** Frames beside headers and data of which more would be an attack. */
const MOST_CONTROL_FRAMES = 1000;
const STREAM = 1;

const DATA = 0;
const HEADERS = 1;
const PRIORITY = 2;
const RST_STREAM = 3;
const SETTINGS = 4;
const PUSH_PROMISE = 5;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;

const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const HAS_PRIORITY = 0x20;

const ERROR_NAMES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** A response with what came behind its body. */
export interface Http2Response extends HttpResponse {
  readonly trailers: readonly Field[];
}

/** What has come of it so far; `send`: what is to be answered. */
export type Http2Progress =
  & { readonly send: Uint8Array }
  & (
    | { readonly state: "more" }
    | { readonly state: "done"; readonly response: Http2Response }
    | { readonly state: "broken"; readonly reason: string }
  );

export interface Http2Options {
  /** Else the response is done with its headers. */
  readonly wantsBody: boolean;
  readonly bodyLimit: number;
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  values.forEach((value, i) => new DataView(bytes.buffer).setUint32(4 * i, value));
  return bytes;
}

function settingsFrame(values: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(6 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach(([id, value], i) => {
    view.setUint16(6 * i, id);
    view.setUint32(6 * i + 2, value);
  });
  return frame(SETTINGS, 0, 0, bytes);
}

/** Headers that belong to a connection of HTTP/1 (RFC 9113 section 8.2.2), and those sent anyway. */
const NOT_SENT = /^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade|host)$/i;

/** @throws {RangeError} where the request is too large for one go */
function encodeRequest({ method, path, host, scheme, headers, body }: HttpRequest, window: number) {
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const authority = headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? host;
  const own: Field[] = [["user-agent", "halb"], ["accept", "*/*"]];
  if (body !== null) own.push(["content-length", `${body.length}`]);
  const block = encodeFields([
    [":method", method],
    [":scheme", scheme],
    [":authority", authority],
    [":path", path],
    ...own.filter(([name]) => !given.has(name)),
    ...headers.filter(([name]) => !NOT_SENT.test(name)),
  ]);
  if (block.length > LONGEST_FRAME) throw new RangeError("The headers are too long for HTTP/2");
  if ((body?.length ?? 0) > FIRST_WINDOW) throw new RangeError("The body is too long for HTTP/2");
  const pieces = [
    PREFACE,
    // No table of headers, no pushes, room for the whole body.
    settingsFrame([[1, 0], [2, 0], [4, window], [6, LONGEST_FIELDS]]),
    frame(WINDOW_UPDATE, 0, 0, words(window)),
    frame(HEADERS, END_HEADERS | (body === null ? END_STREAM : 0), STREAM, block),
  ];
  for (let at = 0; body !== null && (at === 0 || at < body.length); at += LONGEST_FRAME) {
    const last = at + LONGEST_FRAME >= body.length;
    const part = body.subarray(at, at + LONGEST_FRAME);
    pieces.push(frame(DATA, last ? END_STREAM : 0, STREAM, part));
  }
  return concatenate(pieces);
}

/** One request and its response. */
export class Http2Exchange {
  readonly #options: Http2Options;
  /** What to say first. */
  readonly request: Uint8Array;
  readonly #input = new Received(FRAME_HEADER + LONGEST_FRAME);
  readonly #body: Received;
  #sends: Uint8Array[] = [];
  #greeted = false;
  #controlFrames = 0;
  /** The header block that is not complete yet; its stream's end flag. */
  #block: { bytes: Received; ends: boolean } | null = null;
  #status = 0;
  #headers: readonly Field[] = [];

  /** @throws {RangeError} where the request is too large for one go */
  constructor(request: HttpRequest, options: Http2Options) {
    this.#options = options;
    this.#body = new Received(Math.max(1, options.bodyLimit));
    const window = Math.min(LARGEST_WINDOW - FIRST_WINDOW, options.bodyLimit + FIRST_WINDOW);
    this.request = encodeRequest(request, window);
  }

  /** What was being waited for, in words. */
  get waitingFor(): string {
    if (!this.#greeted) return "an HTTP/2 greeting";
    return this.#status === 0 ? "a response" : "the body";
  }

  /** A piece of the stream. After `done` or `broken` there is nothing to be read. */
  read(piece: Uint8Array): Http2Progress {
    let rest = piece;
    for (;;) {
      // A frame at most is kept, so that a flood of bytes fills nothing.
      const room = this.#input.limit - this.#input.length;
      this.#input.add(rest.subarray(0, room));
      rest = rest.subarray(room);
      const step = this.#takeFrames();
      if (step !== null) return { ...step, send: concatenate(this.#sends) };
      if (rest.length > 0) continue;
      const send = concatenate(this.#sends);
      this.#sends = [];
      return { state: "more", send };
    }
  }

  /** The peer has closed. */
  end(): Http2Progress {
    const reason = this.#input.length === 0 && !this.#greeted
      ? "closed without a response"
      : `closed before ${this.waitingFor} came`;
    return { state: "broken", reason, send: new Uint8Array(0) };
  }

  #takeFrames(): Taken {
    for (;;) {
      const { bytes } = this.#input;
      // Servers of HTTP/1 answer in text: "HTT" would be a frame of 4.7 MB.
      if (!this.#greeted && bytes.length >= 5 && bytes[3] !== SETTINGS) {
        return broken(
          `the answer is not HTTP/2: "${showText(new TextDecoder().decode(bytes), 40)}"`,
        );
      }
      if (bytes.length < FRAME_HEADER) return null;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const length = view.getUint32(0) >>> 8;
      if (length > LONGEST_FRAME) return broken("a frame is longer than we allow");
      if (bytes.length < FRAME_HEADER + length) return null;
      const payload = bytes.slice(FRAME_HEADER, FRAME_HEADER + length);
      const stream = view.getUint32(5) & 0x7fff_ffff;
      const [type, flags] = [bytes[3]!, bytes[4]!];
      this.#input.drop(FRAME_HEADER + length);
      const taken = this.#takeFrame(type, flags, stream, payload);
      if (taken !== null) return taken;
    }
  }

  #takeFrame(type: number, flags: number, stream: number, payload: Uint8Array): Taken {
    this.#greeted = true;
    if (this.#block !== null && type !== CONTINUATION) return broken("the headers are torn apart");
    // A frame of data that carries some is bounded by the body's limit.
    const carries = (type === DATA && payload.length > 0) || type === HEADERS;
    if (!carries && ++this.#controlFrames > MOST_CONTROL_FRAMES) {
      return broken(`more than ${MOST_CONTROL_FRAMES} frames that carry nothing`);
    }
    const own = stream === STREAM;
    switch (type) {
      case SETTINGS:
        if ((flags & ACK) === 0) this.#sends.push(frame(SETTINGS, ACK, 0, new Uint8Array(0)));
        return null;
      case PING:
        if (payload.length !== 8) return broken("a PING makes no sense");
        if ((flags & ACK) === 0) this.#sends.push(frame(PING, ACK, 0, payload));
        return null;
      case GOAWAY:
        return this.#goAway(payload);
      case RST_STREAM:
        return own ? broken(`the request is refused: ${errorName(payload, 0)}`) : null;
      case HEADERS:
        return own ? this.#takeHeaders(flags, payload) : broken("headers nobody asked for");
      case CONTINUATION:
        return this.#continueHeaders(flags, payload);
      case DATA:
        return own ? this.#takeData(flags, payload) : broken("data nobody asked for");
      case PUSH_PROMISE:
        return broken("the server pushes although it may not");
      case PRIORITY:
      case WINDOW_UPDATE:
      default: // unknown ones are ignored (section 4.1)
        return null;
    }
  }

  #goAway(payload: Uint8Array): Taken {
    if (payload.length < 8) return broken("a GOAWAY makes no sense");
    const last = new DataView(payload.buffer).getUint32(0) & 0x7fff_ffff;
    // A server that shuts down in order still answers what it has accepted.
    if (last >= STREAM && errorName(payload, 4) === "NO_ERROR") return null;
    const words = showText(new TextDecoder().decode(payload.subarray(8)), 60);
    return broken(
      `the server goes away: ${errorName(payload, 4)}${words === "" ? "" : ` (${words})`}`,
    );
  }

  #takeHeaders(flags: number, payload: Uint8Array): Taken {
    const part = withoutPadding(flags, payload, (flags & HAS_PRIORITY) === 0 ? 0 : 5);
    if (part === null) return broken("the padding of a frame makes no sense");
    this.#block = { bytes: new Received(LONGEST_FIELDS), ends: (flags & END_STREAM) !== 0 };
    return this.#continueHeaders(flags, part);
  }

  #continueHeaders(flags: number, part: Uint8Array): Taken {
    if (this.#block === null) return broken("headers go on that never began");
    const { bytes, ends } = this.#block;
    if (!bytes.add(part)) return broken(`the headers are longer than ${LONGEST_FIELDS} bytes`);
    if ((flags & END_HEADERS) === 0) return null;
    this.#block = null;
    const fields = decodeFields(bytes.bytes);
    if (typeof fields === "string") return broken(fields);
    if (this.#status !== 0) {
      return ends ? this.#done(fields, false) : broken("trailers that do not end the response");
    }
    const status = fields.find(([name]) => name === ":status")?.[1] ?? "";
    if (!/^[1-5]\d\d$/.test(status)) return broken("a response without a status");
    if (Number(status) < 200) {
      return ends || ++this.#controlFrames > MOST_CONTROL_FRAMES
        ? broken("no more than a 1xx")
        : null;
    }
    this.#status = Number(status);
    this.#headers = fields.filter(([name]) => !name.startsWith(":"));
    return ends || !this.#options.wantsBody ? this.#done([], false) : null;
  }

  #takeData(flags: number, payload: Uint8Array): Taken {
    if (this.#status === 0) return broken("a body before the headers");
    const part = withoutPadding(flags, payload, 0);
    if (part === null) return broken("the padding of a frame makes no sense");
    if (!this.#body.add(part)) return this.#done([], true);
    return (flags & END_STREAM) === 0 ? null : this.#done([], false);
  }

  #done(trailers: readonly Field[], truncated: boolean): Taken {
    this.#sends.push(frame(GOAWAY, 0, 0, words(0, 0)));
    const { bytes: body } = this.#body;
    const response = { status: this.#status, headers: this.#headers, body, truncated, trailers };
    return { state: "done", response };
  }
}

type Taken =
  | { readonly state: "done"; readonly response: Http2Response }
  | { readonly state: "broken"; readonly reason: string }
  | null;

function broken(reason: string): Taken {
  return { state: "broken", reason };
}

function errorName(payload: Uint8Array, at: number): string {
  if (payload.length < at + 4) return "no reason given";
  const code = new DataView(payload.buffer, payload.byteOffset).getUint32(at);
  return ERROR_NAMES[code] ?? `error ${code}`;
}

/** `null`: more padding than payload. @param skip bytes in front that say nothing to us */
function withoutPadding(flags: number, payload: Uint8Array, skip: number): Uint8Array | null {
  const padded = (flags & PADDED) !== 0;
  const from = skip + (padded ? 1 : 0);
  const until = payload.length - (padded ? payload[0] ?? 0 : 0);
  return from > until ? null : payload.subarray(from, until);
}
