/**
 * The table `[static]`: addresses, routes and rules that are held as long as the agent runs,
 * whatever VRRP does.
 *
 * @module
 */

import * as v from "valibot";
import { documented } from "./fields.ts";
import { staticAddress } from "./held_address_schema.ts";
import { routeItem } from "./route_schema.ts";
import { ruleItem } from "./rule_schema.ts";

/** A list of routes. */
export function routeList(text: string) {
  return documented(v.array(routeItem), "a list of tables", {
    text,
    example: [{ to: "0.0.0.0/0", via: "192.0.2.1", table: 100 }],
  });
}

/** A list of rules. */
export function ruleList(text: string) {
  return documented(v.array(ruleItem), "a list of tables", {
    text,
    example: [{ from: "203.0.113.0/24", table: 100, priority: 1000 }],
  });
}

/** `[static]`. */
export const STATIC_SCHEMA = documented(
  v.strictObject({
    addresses: v.optional(
      documented(v.array(staticAddress), "a list of tables", {
        text: "Addresses, each with its interface.",
        example: [{ address: "192.0.2.100/24", interface: "eth0" }],
      }),
      [],
    ),
    routes: v.optional(routeList("Routes."), []),
    rules: v.optional(ruleList("Rules of policy routing."), []),
  }),
  "a table",
  {
    text: "What is held as long as the agent runs, whatever VRRP does.",
    example: { addresses: [{ address: "192.0.2.100/24", interface: "eth0" }] },
  },
);
