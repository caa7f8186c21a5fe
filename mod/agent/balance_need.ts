/**
 * Whether an agent can do anything at all where the kernel cannot balance: one that has routers or
 * sessions to look after goes on and says in status what it lacks; one that was started for virtual
 * servers alone ends, so that whoever started it learns of it.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";
import type { Balancing } from "./balancing.ts";

/** Whether there is nothing to do but to balance. */
export function onlyBalances(site: SiteConfig): boolean {
  const { vrrp, bfd, bfd_reflector, bfd_unsolicited } = site;
  const { addresses, routes, rules } = site.static;
  const others = [vrrp, bfd, addresses, routes, rules];
  return site.virtual_server.length > 0 && others.every(({ length }) => length === 0) &&
    bfd_reflector === undefined && bfd_unsolicited === undefined;
}

/** What it lacks, in words, where it is of no use without; null: it is. */
export async function uselessWithout(
  site: SiteConfig,
  balancing: Pick<Balancing, "state">,
): Promise<string | null> {
  if (!onlyBalances(site)) return null;
  const state = await balancing.state(false);
  if (state === null || state.trouble === null) return null;
  return `there are virtual servers alone, and IPVS does not work: ${state.trouble}`;
}
