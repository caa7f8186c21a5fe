/**
 * What a site says and a simulation leaves out: told, not passed over.
 *
 * @module
 */

import type { CheckConfig, SiteConfig } from "../../config/mod.ts";
import type { ScriptEvent } from "./action.ts";
import type { PlannedNode } from "./nodes.ts";

/** Checks that ask nothing of the network; a session has a path of its own. */
const LOCAL: readonly CheckConfig["type"][] = ["script", "file", "bfd"];

/** A sentence for each. */
export function unsimulated(
  nodes: readonly PlannedNode[],
  events: readonly ScriptEvent[] = [],
): string[] {
  return nodes.flatMap(({ name, site, plan }) => {
    const wayless = isLosingAnInterface(name, events) ? waylessIn(site) : [];
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
      [
        wayless.length > 0,
        "what `cut` and `link_down` do to things that name no interface, and so go on as before: " +
        wayless.join(", "),
      ],
    ];
    return said.flatMap(([so, what]) => so ? [`${name}: ${what}`] : []);
  });
}

function isLosingAnInterface(node: string, events: readonly ScriptEvent[]): boolean {
  return events.some(({ action }) =>
    action.type === "cut"
      ? action.members.some((one) => one.node === node)
      : action.type === "link_down" && action.node === node
  );
}

/** Checks of the network that are bound to no interface, and routes that are tracked. */
function waylessIn({ check, virtual_server, track_route }: SiteConfig): string[] {
  const isFree = ({ bind_interface: own, type }: Pick<CheckConfig, "type" | "bind_interface">) =>
    own === undefined && !LOCAL.includes(type);
  const checks = check.filter(isFree).map(({ name }) => `check ${name}`);
  const servers = virtual_server.filter(({ real_server }) =>
    real_server.some(({ check: uses }) => uses.some((use) => !("name" in use) && isFree(use)))
  ).map(({ name }) => `checks of ${name}`);
  return [...checks, ...servers, ...track_route.map(({ name }) => `route ${name}`)];
}
