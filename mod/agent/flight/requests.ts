/**
 * The flight recorder at the control socket: what operators order is recorded there, whoever does
 * it, and events are asked for and followed.
 *
 * @module
 */

import { monotonicMicros } from "../../../ffi/mod.ts";
import type { ControlRequest } from "../../control/protocol.ts";
import type { Conversation, Handler } from "../../control/server.ts";
import { textOf } from "../../text/mod.ts";
import type { Fact } from "./facts.ts";
import type { FlightRecorder } from "./recorder.ts";
import type { Recordings } from "./recordings.ts";

/** What others than the recorder answer. */
export type OtherRequest = Exclude<ControlRequest, { readonly command: "events" | "recording" }>;
export type TakeOver = Extract<ControlRequest, { readonly command: "take_over" }>;

/** Answers for events and recordings; all else `others` does, and what of that is an order is recorded. */
export function recording(
  recorder: FlightRecorder,
  recordings: Recordings,
  others: (request: OtherRequest) => Promise<unknown>,
): Handler {
  return async (request) => {
    if (request.command === "events") return await recorder.query(request);
    if (request.command === "recording") return await recordings.answer(request);
    const order = orderOf(request);
    if (order === undefined) return await others(request);
    // What comes of it happens before it is answered, and yet after it.
    const at = monotonicMicros();
    try {
      const answer = await others(request);
      recorder.record({ ...order, at });
      return answer;
    } catch (error) {
      const refused = { level: "warning", event: "refused", cause: textOf(error), at } as const;
      recorder.record({ ...order, ...refused, text: `${order.text}: not done` });
      throw error;
    }
  };
}

/** Tells followers; hand-overs are talked about with `others`. */
export function following(
  recorder: FlightRecorder,
  others: (request: TakeOver, connection: Deno.UnixConn) => Promise<void>,
): Conversation {
  return async (request, connection, lines) => {
    if (request.command === "take_over") return await others(request, connection);
    await recorder.follow(request, connection, lines);
  };
}

/** The event that an order of an operator is; undefined: it is a question, or tells of itself. */
function orderOf(request: OtherRequest): Fact | undefined {
  const order = (event: string, name: string | null, text: string): Fact => {
    return { type: "operator", level: "info", name, event, text, cause: null };
  };
  switch (request.command) {
    case "release": {
      const { name, for_ms: time } = request;
      const limit = time === undefined ? "" : ` for ${time / 1000} s`;
      return order("release", name, `halb release${limit}`);
    }
    case "claim":
      return order("claim", request.name, "halb claim");
    case "bfd":
      return order(`bfd_${request.action}`, request.name, `halb bfd ${request.action}`);
    case "drain":
    case "undrain":
    case "weight": {
      const { command, virtual_server: server, real_server: real } = request;
      const weight = command === "weight" ? ` ${request.weight ?? "configured"}` : "";
      const about = order(command, `${server} ${real}`, `halb ${command}${weight}`);
      return { ...about, names: [server] };
    }
    case "servers": {
      if (request.action === undefined) return undefined;
      const about = order("servers", request.virtual_server, `halb servers ${request.action}`);
      return { ...about, details: { lines: request.lines ?? [] } };
    }
    case "log": {
      const { level, subsystem, for_ms: time } = request;
      if (level === undefined) return undefined;
      const limit = time === undefined ? "" : ` for ${time / 1000} s`;
      const what = subsystem === undefined ? "" : ` ${subsystem}`;
      return order("log", null, `halb log ${level ?? "configured"}${what}${limit}`);
    }
    case "upgrade":
      return order("upgrade", null, "halb upgrade");
    case "inject_fault":
      return order("inject_fault", null, `fault on request: ${request.plane} ${request.fault}`);
    default:
      return undefined;
  }
}
