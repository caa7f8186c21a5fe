/**
 * The PROXY protocol (HAProxy's proxy-protocol.txt, versions 1 and 2): the header that a server
 * behind a proxy expects before anything else, before TLS too.
 *
 * Version 1 names the connection's own ends, as a proxy's health checks do; version 2 says LOCAL,
 * which means just that: no client stands behind this connection.
 *
 * @module
 */

import { concatenate, utf8 } from "./conversation.ts";

/** One end of a connection. */
export interface End {
  readonly address: string;
  readonly port: number;
}

const SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10);

/** The header for a connection between these ends. @param local `null`: unknown */
export function proxyHeader(version: 1 | 2, local: End | null, remote: End): Uint8Array {
  // Version 2, command LOCAL, family unspecified, nothing behind it.
  if (version === 2) return concatenate([SIGNATURE, Uint8Array.of(0x20, 0, 0, 0)]);
  if (local === null) return utf8("PROXY UNKNOWN\r\n");
  const family = remote.address.includes(":") ? "TCP6" : "TCP4";
  return utf8(
    `PROXY ${family} ${local.address} ${remote.address} ${local.port} ${remote.port}\r\n`,
  );
}
