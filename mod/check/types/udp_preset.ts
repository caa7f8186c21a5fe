/**
 * Ready questions over UDP: `preset` of a check of type udp. What comes back must answer the very
 * question, and is judged as the protocol has it.
 *
 * @module
 */

import type { Conversation } from "./conversation.ts";
import { ntpQuestion } from "./ntp.ts";
import { questionConversation, type UdpQuestion } from "./udp_question.ts";
import { quicQuestion } from "./quic.ts";
import { radiusQuestion } from "./radius.ts";
import { sipQuestion, type SipSettings } from "./sip.ts";

/** A ready question. */
export type UdpPreset =
  | { readonly preset: "ntp" | "quic" }
  | { readonly preset: "radius"; /** 1 to 64 bytes. */ readonly secret: Uint8Array }
  | ({ readonly preset: "sip" } & SipSettings);

/** Which there are, and the ports where they are asked. */
export const PRESET_PORTS = { ntp: 123, quic: 443, radius: 1812, sip: 5060 } as const;

/** The conversation that asks. @param random so many bytes that nobody guesses */
export function presetConversation(
  settings: UdpPreset,
  random: (count: number) => Uint8Array,
): Conversation {
  return questionConversation(questionOf(settings, random));
}

function questionOf(settings: UdpPreset, random: (count: number) => Uint8Array): UdpQuestion {
  switch (settings.preset) {
    case "ntp":
      return ntpQuestion(random);
    case "quic":
      return quicQuestion(random);
    case "radius":
      return radiusQuestion(settings.secret, random);
    case "sip":
      return sipQuestion(settings, random);
  }
}
