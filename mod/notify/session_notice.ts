/**
 * What is told of BFD sessions, out of what they do: to come up, to fail after that, and to be taken
 * down. That a session tries and does not come up is no news (RFC 5882 section 4.2). Pure.
 *
 * @module
 */

import { diagnosticName } from "../control/bfd_status.ts";
import type { BfdChanged, BfdMemory } from "../plane/bfd.ts";
import type { Notice, NoticeState, SessionDetails } from "./notice.ts";

/** What is to be told of a change; undefined: nothing. @param before what was told last */
export function sessionNotice(
  { from, to, cause, reason, memory }: BfdChanged,
  before: NoticeState | null,
): Pick<Notice, "state" | "cause"> & { readonly session: SessionDetails } | undefined {
  const state = to === "up"
    ? "UP"
    : to === "admin_down"
    ? "ADMIN_DOWN"
    : from === "up" || before === "UP"
    ? "DOWN"
    : undefined;
  if (state === undefined) return undefined;
  return { state, cause: reason, session: detailsOf(memory, cause) };
}

/** How a session stands that another process has told of; undefined: it has told nothing. */
export function standingNotice(memory: BfdMemory): ReturnType<typeof sessionNotice> {
  const { state } = memory.session;
  if (state !== "up" && state !== "admin_down") return undefined;
  const told = state === "up" ? "UP" : "ADMIN_DOWN";
  return { state: told, cause: "as before", session: detailsOf(memory, "as_before") };
}

function detailsOf({ path, session }: BfdMemory, event: string): SessionDetails {
  return {
    peer: path.peer,
    interface: path.interface === "" ? null : path.interface,
    event,
    diagnostic: diagnosticName(session.diagnostic),
    remote_diagnostic: diagnosticName(session.remote.diagnostic),
  };
}
