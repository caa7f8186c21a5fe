/**
 * Why a certificate was refused: the library of TLS does not tell, so that a second connection,
 * which verifies nothing and asks nothing, looks at it. Where TLS begins on request (STARTTLS), what
 * is said before it is said again.
 *
 * @module
 */

import type net from "node:net";
import type { Conversation, Step } from "../types/conversation.ts";
import { proxyHeader } from "../types/proxy_header.ts";
import { Relay, type RelayEvents } from "./relay.ts";
import type { StreamTarget } from "./stream.ts";
import { diagnose, REFUSED, type TlsSettings, UNSEEN } from "./tls.ts";

/** How long the runtime may take to notice that a connection of its own was reset, milliseconds. */
const NOTICE = 50;

/** Connects by way of a socket of ours. */
export function connect({ address, port, own }: StreamTarget, events: RelayEvents): Relay {
  return new Relay({ transport: "tcp", address, port, scope: 0, ...own }, events);
}

/**
 * Lets go of a connection. The reset comes first: version 2.5 of the runtime keeps the descriptor of
 * one that is destroyed in the middle of a handshake until the peer closes, which may be never.
 */
export function abandon(relay: Relay, ...sockets: readonly (net.Socket | null)[]): void {
  relay.close();
  setTimeout(() => {
    for (const socket of sockets) socket?.destroy();
  }, NOTICE);
}

/**
 * Speaks in the clear until TLS is due.
 *
 * @param then hears in that very turn whether it is; else the dialogue went otherwise than before
 */
function speak(socket: net.Socket, conversation: Conversation, then: (due: boolean) => void): void {
  const over = (due: boolean) => {
    socket.off("data", receive).off("end", end).off("error", end).off("close", end);
    then(due);
  };
  const obey = ({ send, startTls, outcome }: Step) => {
    if (send !== undefined) socket.write(send);
    if (startTls || outcome !== undefined) over(startTls === true);
  };
  const receive = (bytes: Uint8Array) => {
    try {
      obey(conversation.receive(bytes));
    } catch {
      over(false);
    }
  };
  const end = () => over(false);
  socket.on("data", receive).on("end", end).on("error", end).on("close", end);
  obey(conversation.open());
}

/**
 * Looks at the certificate over a second connection. Returns the reason, in words.
 *
 * @param conversation what is said before TLS, from its beginning; null: nothing
 * @param signal aborts when the time for all of it is up
 */
export function lookAgain(
  target: StreamTarget,
  settings: TlsSettings,
  conversation: Conversation | null,
  signal: AbortSignal,
): Promise<string> {
  const { proxyProtocol, address, port, own } = target;
  return new Promise((resolve) => {
    let seen: net.Socket | null = null;
    let over = false;
    const finish = (reason: string, socket: net.Socket | null) => {
      if (over) return;
      over = true;
      signal.removeEventListener("abort", expire);
      abandon(relay, socket, seen);
      resolve(reason);
    };
    const giveUp = () => finish(REFUSED, null);
    const expire = () => finish(UNSEEN, null);
    const look = (socket: net.Socket) => {
      if (over) return;
      signal.removeEventListener("abort", expire);
      diagnose(socket, settings, Date.now(), signal).then(({ reason, secure }) => {
        finish(reason, secure);
      });
    };
    // The port may not be free again so soon.
    const relay = connect({ ...target, own: { ...own, bindPort: null } }, {
      connected: (socket) => {
        seen = socket;
        if (proxyProtocol !== null) {
          socket.write(proxyHeader(proxyProtocol, null, { address, port }));
        }
        if (conversation === null) return look(socket);
        speak(socket, conversation, (due) => due ? look(socket) : giveUp());
      },
      failed: giveUp,
      heard: () => {},
    });
    signal.addEventListener("abort", expire);
    if (signal.aborted) expire();
  });
}
