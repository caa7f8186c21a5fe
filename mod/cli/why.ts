/**
 * `halb why`: why something is in the state it is in, in sentences.
 *
 * @module
 */

import { AgentUnreachable, ask } from "../control/client.ts";
import { MOST_EVENTS } from "../control/events_protocol.ts";
import type { Status } from "../control/status.ts";
import { explain, explainable, lastWords } from "../explain/mod.ts";
import { escapeText } from "../text/mod.ts";
import { recorded, type Whereabouts } from "./events.ts";
import { localTime } from "./events_text.ts";

/** How many names an error lists. */
const MOST_NAMES = 30;

/**
 * Returns what to print, and the exit code: 1 where there is nothing of that name.
 *
 * @throws {AgentUnreachable} where there is no agent, and no recording of it
 */
export async function whyCommand(
  where: Whereabouts,
  name: string,
  json: boolean,
): Promise<{ exitCode: number; output: string }> {
  const { status, events } = await factsOf(where);
  const now = Date.now();
  const when = (time: string): string => localTime(time).slice(dayOf(time, now) ? 11 : 0);
  if (status === null) {
    const sentences = lastWords(name, { events, now, when });
    if (sentences.length === 0) throw unreachable(where);
    if (!json) return { exitCode: 3, output: sentences.map(escapeText).join("\n") };
    return { exitCode: 3, output: JSON.stringify([{ kind: null, name, sentences }], null, 2) };
  }
  const found = explain(name, { status, events, now, when });
  if (found.length === 0) {
    const names = explainable({ status });
    const more = names.length > MOST_NAMES ? " …" : "";
    const list = `${names.slice(0, MOST_NAMES).join(", ")}${more}`;
    return { exitCode: 1, output: escapeText(`halb: there is no "${name}" here: ${list}`) };
  }
  if (json) return { exitCode: 0, output: JSON.stringify(found, null, 2) };
  const texts = found.map(({ sentences }) => sentences.map(escapeText).join("\n"));
  return { exitCode: 0, output: texts.join("\n\n") };
}

function unreachable({ control }: Whereabouts): AgentUnreachable {
  return new AgentUnreachable(control, "nobody answers, and nothing of that name is recorded");
}

/** Whether a time is of today: then the date goes without saying. */
function dayOf(time: string, now: number): boolean {
  return new Date(time).toDateString() === new Date(now).toDateString();
}

async function factsOf(where: Whereabouts) {
  // First how it stands, then what led to it: the other way round, that might not have happened yet.
  const status = await statusOrNull(where.control);
  const request = { command: "events", last: MOST_EVENTS } as const;
  const { events } = await recorded(where, request);
  return { status, events };
}

async function statusOrNull(control: string): Promise<Status | null> {
  try {
    return await ask(control, { command: "status" }) as Status;
  } catch (error) {
    if (!(error instanceof AgentUnreachable)) throw error;
    return null;
  }
}
