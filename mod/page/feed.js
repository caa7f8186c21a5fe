/**
 * Asks the agent. Nobody else is ever asked, and nothing is sent but the token, in its own field.
 *
 * @module
 */

const KEY = "halb.token";
/** How long an answer is waited for, milliseconds. */
const PATIENCE = 15_000;

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

/** @throws {TokenWanted} @throws {Error} where there is no answer, or another one than 200 */
export async function ask(path, query = {}) {
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
