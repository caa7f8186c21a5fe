/**
 * What a check asks, as data that goes from plane to plane, and the conversation that asks it over
 * a socket.
 *
 * @module
 */

import { agentConversation, type AgentSettings } from "./types/agent.ts";
import type { Conversation } from "./types/conversation.ts";
import { dnsConversation, type DnsSettings } from "./types/dns.ts";
import {
  type HttpConversation,
  httpConversation,
  type HttpExchange,
  requestBytes,
} from "./types/http.ts";
import { grpcConversation, type GrpcSettings, http2Conversation } from "./types/http2_check.ts";
import type { Digest } from "./types/http_expect.ts";
import { pingConversation } from "./types/ping.ts";
import { smtpConversation, type SmtpSettings } from "./types/smtp.ts";
import { tcpConversation, type TcpSettings } from "./types/tcp.ts";
import { udpConversation, type UdpSettings } from "./types/udp.ts";
import { presetConversation, type UdpPreset } from "./types/udp_preset.ts";

/** What is asked over connections and datagrams in the clear. */
export type SocketTask =
  | { readonly type: "tcp"; readonly settings: TcpSettings }
  | { readonly type: "udp"; readonly settings: UdpSettings | UdpPreset }
  | { readonly type: "ping"; readonly family: "ipv4" | "ipv6"; readonly size: number }
  | { readonly type: "dns"; readonly settings: Omit<DnsSettings, "id"> }
  | { readonly type: "agent"; readonly settings: AgentSettings }
  | { readonly type: "smtp"; readonly settings: SmtpSettings }
  | { readonly type: "grpc"; readonly settings: GrpcSettings }
  | {
    readonly type: "http";
    readonly version: "1.0" | "1.1" | "2";
    /** In turn, each over a connection of its own; at least one. */
    readonly exchanges: readonly HttpExchange[];
  };

/** What the loop lends to a conversation. */
export interface TaskMeans {
  readonly digest: Digest;
  /** So many bytes that nobody guesses. */
  readonly random: (count: number) => Uint8Array;
}

/** The conversation of one exchange. @param requests those that were encoded once */
export function exchangeConversation(
  exchange: HttpExchange,
  version: "1.0" | "1.1" | "2",
  digest: Digest,
  requests?: Map<HttpExchange, Uint8Array>,
): HttpConversation {
  if (version === "2") return http2Conversation(exchange, digest);
  let bytes = requests?.get(exchange);
  if (bytes === undefined) {
    bytes = requestBytes(exchange.request, version);
    requests?.set(exchange, bytes);
  }
  return httpConversation(exchange, version, digest, bytes);
}

/**
 * The conversation of a task; of http that of its first exchange.
 *
 * @param raw a ping goes over a raw socket
 */
export function taskConversation(task: SocketTask, raw: boolean, means: TaskMeans): Conversation {
  switch (task.type) {
    case "tcp":
      return tcpConversation(task.settings);
    case "udp":
      return "preset" in task.settings
        ? presetConversation(task.settings, means.random)
        : udpConversation(task.settings);
    case "agent":
      return agentConversation(task.settings);
    case "smtp":
      return smtpConversation(task.settings);
    case "grpc":
      return grpcConversation(task.settings);
    case "dns":
      return dnsConversation({ ...task.settings, id: number16(means) });
    case "http":
      return exchangeConversation(task.exchanges[0]!, task.version, means.digest);
    case "ping":
      return pingConversation({
        family: task.family,
        raw,
        identifier: number16(means),
        sequence: 1,
        token: means.random(8),
        size: task.size,
      });
  }
}

function number16({ random }: TaskMeans): number {
  const [high = 0, low = 0] = random(2);
  return high << 8 | low;
}
