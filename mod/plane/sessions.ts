/**
 * Names of the sessions of a router of both families. The first one has the router's own name, so
 * that it goes on when a reload adds the other family or takes it away.
 *
 * @module
 */

/** What no name in a configuration contains. */
const SEPARATOR = "/";

/** Name of the second session. */
export function secondSession(router: string, family: "ipv4" | "ipv6"): string {
  return `${router}${SEPARATOR}${family}`;
}

/** The router that a session is one of. */
export function routerOfSession(session: string): string {
  const end = session.indexOf(SEPARATOR);
  return end < 0 ? session : session.slice(0, end);
}
