/**
 * From one plan to the next: who leaves, and what the kernel plane is told meanwhile.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";
import { routerOfSession } from "../plane/sessions.ts";
import type { SitePlan } from "./site_plan.ts";
import { keepMeaning } from "./tracker_plan.ts";

/** What a change of plans takes. */
export interface Transition {
  /** Sessions of the new plan. */
  readonly names: ReadonlySet<string>;
  /** Routers that nobody wants any more. */
  readonly gone: readonly string[];
  /** What the kernel plane may hold until the protocol plane has let go of what leaves. */
  readonly both: SitePlan;
}

/** The way from `before` to `plan`, which is that of `site`. */
export function transition(before: SitePlan, plan: SitePlan, site: SiteConfig): Transition {
  const names = new Set(plan.routers.map(({ settings }) => settings.name));
  const leaving = before.holdings.filter(({ name }) => !names.has(name));
  const routers = new Set(site.vrrp.map(({ name }) => name));
  const gone = leaving.map(({ name }) => name).filter((name) =>
    !routers.has(routerOfSession(name))
  );
  const interfaces = [...plan.interfaces, ...before.interfaces];
  // What means something else from now on is judged by its new weight, and not before.
  const presences = keepMeaning(plan.presences, before.presences);
  const both = { ...plan, holdings: [...plan.holdings, ...leaving], interfaces, presences };
  return { names, gone, both };
}
