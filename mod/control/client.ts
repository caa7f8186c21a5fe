/**
 * Asks a running agent something over its control socket.
 *
 * @module
 */

import { closeQuietly } from "./clients.ts";
import type { ControlRequest, ControlResponse } from "./protocol.ts";
import { textOf } from "../text/mod.ts";

/** How long an answer may take, milliseconds. */
const PATIENCE = 30_000;

/** Nobody answers at the control socket: exit code 3. */
export class AgentUnreachable extends Error {
  override readonly name = "AgentUnreachable";

  constructor(path: string, reason: string) {
    super(
      `Cannot reach the agent at "${path}": ${reason}. Is it running? ` +
        `Its socket is named by --control PATH, or by --config FILE`,
    );
  }
}

/**
 * Sends one request and waits for its answer.
 *
 * @throws {AgentUnreachable} when nobody answers
 * @throws {Error} with the agent's words when it refuses
 */
export async function ask(path: string, request: ControlRequest): Promise<unknown> {
  const response = await exchange(path, request);
  if (!response.ok) throw new Error(response.error);
  return response.result;
}

/** @throws {AgentUnreachable} */
export async function connect(path: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    throw new AgentUnreachable(path, reasonOf(error));
  }
}

async function exchange(path: string, request: ControlRequest): Promise<ControlResponse> {
  const connection = await connect(path);
  const patience = setTimeout(() => closeQuietly(connection), PATIENCE);
  try {
    const bytes = new TextEncoder().encode(`${JSON.stringify(request)}\n`);
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    return JSON.parse(await new Response(connection.readable).text());
  } catch (error) {
    throw new AgentUnreachable(path, `no answer (${reasonOf(error)})`);
  } finally {
    clearTimeout(patience);
    closeQuietly(connection);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such socket";
  if (error instanceof Deno.errors.ConnectionRefused) return "nobody listens";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return textOf(error);
}
