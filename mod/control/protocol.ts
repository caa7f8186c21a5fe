/**
 * What goes over the control socket: one JSON object a line in each direction, a request and its
 * answer. Programs may use it as well as `halb` itself.
 *
 * @module
 */

/** Longest request, bytes; longer ones are refused unread. */
export const LONGEST_REQUEST = 65_536;

export type ControlRequest =
  | { readonly command: "status" }
  | { readonly command: "reload" }
  | { readonly command: "version" }
  | {
    readonly command: "inject_fault";
    readonly plane: "protocol" | "kernel";
    readonly fault: "throw" | "hang";
    readonly duration_ms?: number;
  };

export type ControlResponse =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string };

const COMMANDS = new Set(["status", "reload", "version", "inject_fault"]);

/** Reads a request. Never throws: what is no request is said in words. */
export function parseRequest(line: string): ControlRequest | string {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return "Request is not JSON";
  }
  if (typeof data !== "object" || data === null || !("command" in data)) {
    return 'Request has no "command"';
  }
  const { command } = data;
  if (typeof command !== "string" || !COMMANDS.has(command)) {
    return `Unknown command ${JSON.stringify(command)}: one of ${[...COMMANDS].join(", ")}`;
  }
  if (command !== "inject_fault") return { command } as ControlRequest;
  const fault = data as Record<string, unknown>;
  const duration = fault.duration_ms ?? 0;
  if (
    (fault.plane !== "protocol" && fault.plane !== "kernel") ||
    (fault.fault !== "throw" && fault.fault !== "hang") ||
    typeof duration !== "number" || !Number.isFinite(duration) || duration < 0
  ) return '"inject_fault" takes a plane, a fault and a duration_ms';
  return { command, plane: fault.plane, fault: fault.fault, duration_ms: duration };
}
