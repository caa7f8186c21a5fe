/**
 * An HTTP probe: its exchanges in turn, each over a connection of its own.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Outcome } from "../outcome.ts";
import { http2Conversation } from "../types/http2_check.ts";
import { httpConversation, type HttpExchange } from "../types/http.ts";
import type { Digest } from "../types/http_expect.ts";
import { type HttpPlan, HttpTurns } from "../types/http_turns.ts";
import { probeStream, type StreamTarget } from "./stream.ts";
import type { TlsSettings } from "./tls.ts";

/** How to speak HTTP. */
export interface HttpSettings {
  readonly plan: HttpPlan;
  readonly version: "1.0" | "1.1" | "2";
  /** For exchanges over https. */
  readonly tls: Omit<TlsSettings, "protocols"> | null;
}

/** Hashes by the runtime's library. */
export const digest: Digest = (algorithm, bytes) =>
  createHash(algorithm).update(bytes).digest("hex");

/** Runs one probe. @param signal aborts when the time for all exchanges is up */
export async function probeHttp(
  target: Omit<StreamTarget, "tls" | "secure">,
  { plan, version, tls }: HttpSettings,
  signal: AbortSignal,
): Promise<Outcome> {
  const turns = new HttpTurns(plan);
  let exchange: HttpExchange = turns.first;
  for (;;) {
    const conversation = version === "2"
      ? http2Conversation(exchange, digest)
      : httpConversation(exchange, version, digest);
    const protocols = version === "2" ? ["h2"] : version === "1.1" ? ["http/1.1"] : [];
    const { scheme } = exchange.request;
    const settings = tls === null ? null : { ...tls, protocols };
    const there: StreamTarget = {
      ...target,
      port: exchange.port ?? target.port,
      tls: settings,
      secure: scheme === "https",
    };
    const outcome = await probeStream(there, conversation, signal);
    const turn = turns.next(exchange, conversation.response, outcome);
    if (turn.exchange === undefined) return turn.outcome;
    exchange = turn.exchange;
  }
}
