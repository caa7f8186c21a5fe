/**
 * What `halb init` may propose: the interface of this host's default route.
 *
 * @module
 */

import { readText } from "../../ffi/mod.ts";
import { readRoutes4 } from "../host/proc.ts";

/** undefined: there is no such route over IPv4. */
export function defaultInterface(): string | undefined {
  try {
    const routes = readRoutes4(readText("/proc/thread-self/net/route"));
    return routes.filter(({ prefixLength }) => prefixLength === 0)
      .sort((a, b) => a.metric - b.metric)[0]?.interface;
  } catch {
    return undefined;
  }
}
