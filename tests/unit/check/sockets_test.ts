/** The driver of our own sockets on loopback: how probes begin, end and are called off. */

import { strictEqual } from "node:assert/strict";
import { Epoll, EPOLLOUT, monotonicMicros } from "../../../ffi/mod.ts";
import { ANYWHERE, destinationOf, type SocketTarget } from "../../../mod/check/drivers/open.ts";
import { SocketProber } from "../../../mod/check/drivers/sockets.ts";
import type { Conversation } from "../../../mod/check/types/conversation.ts";
import { smtpConversation } from "../../../mod/check/types/smtp.ts";
import { tcpConversation } from "../../../mod/check/types/tcp.ts";
import { udpConversation } from "../../../mod/check/types/udp.ts";

const SECOND = 1_000_000;
const FIRST_TOKEN = 100;

/** A listener that nobody accepts from: the kernel connects, and says nothing. */
function withProber(
  body: (rig: {
    prober: SocketProber<number>;
    outcomes: string[];
    target: SocketTarget;
    untilOver: () => void;
  }) => void,
): void {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const epoll = new Epoll();
  const outcomes: string[] = [];
  const prober = new SocketProber<number>(epoll, FIRST_TOKEN, (number, { result, reason }) => {
    outcomes.push(`${number} ${result}: ${reason}`);
  });
  const target: SocketTarget = {
    transport: "tcp",
    address: "127.0.0.1",
    port: (listener.addr as Deno.NetAddr).port,
    scope: 0,
    ...ANYWHERE,
  };
  const untilOver = () => {
    const end = monotonicMicros() + 20 * SECOND;
    while (prober.size > 0 && monotonicMicros() < end) {
      const count = epoll.wait(100);
      const now = monotonicMicros();
      for (let i = 0; i < count; i++) prober.ready(epoll.token(i), epoll.events(i), now);
      prober.expire(now);
    }
    strictEqual(prober.size, 0);
  };
  try {
    body({ prober, outcomes, target, untilOver });
  } finally {
    prober.close();
    epoll.close();
  }
}

const connect = () => tcpConversation({ send: null, expect: null, limit: 1 });
const listen = () => tcpConversation({ send: null, expect: Uint8Array.of(1), limit: 9 });

Deno.test("sockets: connected, refused, and nobody behind a udp port", () => {
  withProber(({ prober, outcomes, target, untilOver }) => {
    prober.start(1, destinationOf(target), connect, SECOND, monotonicMicros());
    untilOver();
    // A port that was just free; nobody else is on this loopback address.
    const nobody = { ...target, address: "127.77.0.1", port: 9 };
    prober.start(2, destinationOf(nobody), connect, SECOND, monotonicMicros());
    untilOver();
    const silence = () => udpConversation({ payload: Uint8Array.of(1), reply: null });
    prober.start(
      3,
      destinationOf({ ...nobody, transport: "udp" }),
      silence,
      SECOND,
      monotonicMicros(),
    );
    untilOver();
    strictEqual(
      outcomes.join("\n"),
      "1 passed: connected\n2 failed: connection refused\n3 failed: port unreachable",
    );
  });
});

Deno.test("sockets: the time runs out at its deadline, not before", () => {
  withProber(({ prober, outcomes, target }) => {
    const now = monotonicMicros();
    prober.start(1, destinationOf(target), listen, SECOND, now);
    strictEqual(prober.next, now + SECOND);
    prober.expire(now + SECOND - 1);
    strictEqual(prober.size, 1);
    prober.ready(FIRST_TOKEN, EPOLLOUT, now);
    prober.expire(now + SECOND);
    strictEqual(outcomes.join(), "1 failed: no answer in time");
    strictEqual(prober.next, Infinity);
  });
});

Deno.test("sockets: what ran out while this process stood still says nothing", () => {
  withProber(({ prober, outcomes, target }) => {
    const now = monotonicMicros();
    prober.start(1, destinationOf(target), listen, SECOND, now);
    prober.start(2, destinationOf(target), listen, 3 * SECOND, now);
    // Asleep from two seconds on: the first had run out by then.
    prober.expire(now + 9 * SECOND, now + 2 * SECOND);
    strictEqual(
      outcomes.join("\n"),
      "1 failed: no connection in time\n2 void: this machine stood still",
    );
  });
});

Deno.test("sockets: a probe that is called off is heard of no more", () => {
  withProber(({ prober, outcomes, target }) => {
    const now = monotonicMicros();
    prober.start(1, destinationOf(target), connect, SECOND, now);
    prober.cancel(1);
    prober.cancel(1);
    prober.ready(FIRST_TOKEN, EPOLLOUT, now);
    prober.expire(now + 9 * SECOND);
    strictEqual(prober.size, 0);
    strictEqual(outcomes.length, 0);
  });
});

Deno.test("sockets: TLS is not for them, and says so", () => {
  withProber(({ prober, outcomes, target, untilOver }) => {
    const eager = (): Conversation => ({
      ...smtpConversation({ helo: "a", startTls: true }),
      open: () => ({ startTls: true }),
    });
    prober.start(1, destinationOf(target), eager, SECOND, monotonicMicros());
    untilOver();
    strictEqual(outcomes.join(), "1 failed: TLS is not possible here");
  });
});
