/**
 * Asks a running agent something over its control socket.
 *
 * @module
 */

import { dirname } from "node:path";
import { closeQuietly } from "./clients.ts";
import type { ControlRequest, ControlResponse } from "./protocol.ts";
import { textOf } from "../text/mod.ts";

/** How long an answer may take, milliseconds. */
const PATIENCE = 30_000;

/** Nobody answers at the control socket: exit code 3. */
export class AgentUnreachable extends Error {
  override readonly name = "AgentUnreachable";

  constructor(path: string, reason: string) {
    super(`Cannot reach the agent at "${path}": ${reason}. ${hint(path, reason)}`);
  }
}

const NO_SOCKET = "no such socket";
const DENIED = "permission denied";

/** What to do about it. */
function hint(path: string, reason: string): string {
  if (reason === DENIED) return "Ask as root, or as the user that the agent runs as";
  const named = "Its socket is named by --control PATH, --config FILE or --instance NAME";
  const others = reason === NO_SOCKET ? socketsNear(path) : [];
  if (others.length === 0) return `Is it running? ${named}`;
  return `There is ${others.join(", ")}. ${named}`;
}

/** Other agents' sockets in that folder, or in those of the instances; a few. */
function socketsNear(path: string): string[] {
  const folders = [dirname(path), "/run/halb"];
  try {
    for (const { name } of Deno.readDirSync("/run")) {
      if (name.startsWith("halb-")) folders.push(`/run/${name}`);
    }
  } catch {
    // A folder that cannot be read tells nothing.
  }
  return [...new Set(folders)].flatMap(socketsIn).slice(0, 5);
}

function socketsIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`)
      .filter((file) => file.endsWith(".sock") && Deno.statSync(file).isSocket).sort();
  } catch {
    return [];
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
  if (error instanceof Deno.errors.NotFound) return NO_SOCKET;
  if (error instanceof Deno.errors.ConnectionRefused) return "nobody listens";
  if (error instanceof Deno.errors.PermissionDenied) return DENIED;
  return textOf(error);
}
