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

/** Pings in the time after which the manager would take the process for hung. */
const PINGS = 3;

/** Until a plane that stands still is looked at again, milliseconds. */
const SOON = 100;

/**
 * Pings a service manager that watches this process (sd_watchdog_enabled(3)), until it ends. A control
 * plane that hangs pings nobody; while another one hangs it vouches for nothing either, so that an
 * agent that cannot help itself is killed and started again.
 *
 * @param takenOver the watched process was the former one, whose environment this is
 * @param works whether the other planes do what they are there for
 */
export function feedWatchdog(takenOver: boolean, works: () => boolean): void {
  const micros = Number(Deno.env.get("WATCHDOG_USEC") ?? "0");
  const watched = Deno.env.get("WATCHDOG_PID");
  if (!(micros >= 1_000 && micros <= 86_400_000_000)) return;
  if (!takenOver && watched !== undefined && watched !== String(Deno.pid)) return;
  const period = micros / 1_000 / PINGS;
  const look = (): void => {
    const well = works();
    if (well) tellServiceManager("WATCHDOG=1");
    // It keeps no process alive.
    Deno.unrefTimer(setTimeout(look, well ? period : Math.min(SOON, period)));
  };
  look();
}
