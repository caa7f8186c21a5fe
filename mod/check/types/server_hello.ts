/**
 * The version of TLS that a server has chosen, read from its first message, which is in the clear:
 * the runtime's library does not tell. RFC 8446 section 4.1.3: a server that speaks 1.3 says so in
 * the extension `supported_versions`, and 1.2 in the old place.
 *
 * @module
 */

import { Received } from "./conversation.ts";

/** More than any server's hello has. */
const LIMIT = 4096;
const HANDSHAKE = 22;
const SERVER_HELLO = 2;
const SUPPORTED_VERSIONS = 43;

/** What the number of a version is called; in hexadecimal where it has no name. */
function nameOf(version: number): string {
  if (version === 0x0304) return "1.3";
  if (version === 0x0303) return "1.2";
  return `0x${version.toString(16).padStart(4, "0")}`;
}

/** Reads the first bytes that a server sends. */
export class ServerHello {
  readonly #received = new Received(LIMIT);
  #version: string | null = null;

  /** `1.2`, `1.3`; null: not known yet, or that is no hello. */
  get version(): string | null {
    return this.#version;
  }

  /** Takes a piece of the stream of any length. */
  take(bytes: Uint8Array): void {
    if (this.#version !== null) return;
    this.#received.add(bytes);
    const hello = messageOf(this.#received.bytes);
    if (hello !== null) this.#version = versionOf(hello);
  }
}

/** The body of the first handshake message, over all its records; null: it is not there yet. */
function messageOf(stream: Uint8Array): Uint8Array | null {
  const message = new Uint8Array(stream.length);
  let length = 0;
  for (let at = 0; at + 5 <= stream.length;) {
    if (stream[at] !== HANDSHAKE) break;
    const size = stream[at + 3]! << 8 | stream[at + 4]!;
    const piece = stream.subarray(at + 5, at + 5 + size);
    message.set(piece, length);
    length += piece.length;
    at += 5 + size;
  }
  if (length < 4 || message[0] !== SERVER_HELLO) return null;
  const end = 4 + (message[1]! << 16 | message[2]! << 8 | message[3]!);
  return length < end ? null : message.subarray(4, end);
}

/** The version in a ServerHello; null: it is cut off. */
function versionOf(hello: Uint8Array): string | null {
  const view = new DataView(hello.buffer, hello.byteOffset, hello.length);
  // Version, random, session id, cipher suite, compression.
  if (hello.length < 35) return null;
  const extensions = 35 + hello[34]! + 3;
  if (hello.length < extensions + 2) return nameOf(view.getUint16(0));
  const end = Math.min(hello.length, extensions + 2 + view.getUint16(extensions));
  for (let at = extensions + 2; at + 4 <= end;) {
    const size = view.getUint16(at + 2);
    if (view.getUint16(at) === SUPPORTED_VERSIONS && size === 2 && at + 6 <= end) {
      return nameOf(view.getUint16(at + 4));
    }
    at += 4 + size;
  }
  return nameOf(view.getUint16(0));
}
