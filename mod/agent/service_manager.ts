/**
 * What systemd, or whoever else started the agent, is told: sd_notify(3) without its library. Where
 * NOTIFY_SOCKET is not set nobody wants to know.
 *
 * @module
 */

import { sendDatagram } from "../../ffi/mod.ts";
import { log } from "./logging.ts";
import { textOf } from "../text/mod.ts";

/** Sends assignments such as `READY=1`. Never throws: the agent runs without being watched, too. */
export function tellServiceManager(...assignments: readonly string[]): void {
  const socket = Deno.env.get("NOTIFY_SOCKET");
  if (socket === undefined || !/^[/@]./.test(socket)) return;
  try {
    sendDatagram(socket, assignments.join("\n"));
  } catch (error) {
    const reason = textOf(error);
    log("warning", ["control"], `Cannot tell the service manager: ${reason}`);
  }
}
