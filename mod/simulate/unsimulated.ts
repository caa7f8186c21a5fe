/**
 * What a site says and a simulation leaves out: told, not passed over.
 *
 * @module
 */

import type { PlannedNode } from "./nodes.ts";

/** A sentence for each. */
export function unsimulated(nodes: readonly PlannedNode[]): string[] {
  return nodes.flatMap(({ name, site, plan }) => {
    const authenticated = plan.routers.filter(({ authentication }) => authentication !== undefined);
    const keyed = plan.bfd?.sessions.filter(({ authentication }) => authentication !== undefined);
    const special = plan.bfd?.sessions.filter(({ settings, echo }) =>
      settings.seamless !== undefined || settings.unaffiliated || echo !== undefined ||
      settings.echoReceiveInterval > 0
    ).map(({ settings }) =>
      settings.name
    ) ?? [];
    const said: (readonly [boolean, string])[] = [
      [authenticated.length > 0, "authentication of adverts: each is believed"],
      [(keyed?.length ?? 0) > 0, "authentication of BFD packets: each is believed"],
      [
        special.length > 0,
        `echo packets and Seamless BFD: ${special.join(", ")} as ordinary sessions`,
      ],
      [
        plan.holdings.some(({ routes, rules }) => routes !== undefined || rules !== undefined),
        "routes and rules that move with a router",
      ],
      [
        Object.values(site.static).some((list) => list.length > 0),
        "`[static]`: its addresses, routes and rules",
      ],
      [plan.bfd?.reflector !== undefined, "the BFD reflector"],
      [plan.bfd?.unsolicited !== undefined, "unsolicited BFD sessions"],
      [site.agent.on_stop === "keep", '`on_stop = "keep"`: a stopped agent lets go'],
    ];
    return said.flatMap(([so, what]) => so ? [`${name}: ${what}`] : []);
  });
}
