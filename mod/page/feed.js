/**
 * Asks the agent. Nobody else is ever asked, and nothing is sent but the token, in its own field.
 *
 * @module
 */

const KEY = "halb.token";
/** How long an answer is waited for, milliseconds. */
const PATIENCE = 15_000;
/** Events that are asked for where the agent cannot say what is new: at first, after its restart. */
const MOST_EVENTS = 1_000;

/** The agent wants a token, or another one. */
export class TokenWanted extends Error {}

/** What is kept for this tab; where nothing may be kept, the page asks again when it is loaded. */
let token = read();

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function setToken(text) {
  token = text;
  try {
    if (text === "") sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, text);
  } catch {
    // It is kept in memory.
  }
}

export function hasToken() {
  return token !== "";
}

/** What to ask `/events.json`. @param after `next` of the answer before; empty: there was none */
export function newsAfter(after) {
  return after === "" ? { last: MOST_EVENTS } : { last: MOST_EVENTS, after };
}

/** @throws {TokenWanted} @throws {Error} where there is no answer, or another one than 200 */
export async function ask(path, query = {}) {
  // No browser sends anything else in a field: that is no token, and not an agent that is silent.
  if (!/^[\x21-\x7e]*$/.test(token)) throw new TokenWanted();
  const search = new URLSearchParams(query).toString();
  const answer = await fetch(`${path}${search === "" ? "" : `?${search}`}`, {
    headers: token === "" ? {} : { Authorization: `Bearer ${token}` },
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (answer.status === 401) throw new TokenWanted();
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 200).trim());
  return await answer.json();
}
