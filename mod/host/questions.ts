/**
 * What has to be read of a host to judge it for a site: its namespaces, the ports that daemons of
 * this kind need, and the modules of the kernel's load balancer.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";

/** BFD over one hop, its echoes, over several (RFC 5881, 5883), Seamless BFD (RFC 7881). */
export const BFD_PORTS = { single: 3784, echo: 3785, multihop: 4784, seamless: 7784 } as const;

/** What is to be read. */
export interface Questions {
  readonly modules: readonly string[];
  readonly namespaces: readonly {
    /** As the site has it; empty: the agent's. */
    readonly name: string;
    /** The one that `ip netns` knows; empty: that of this process. */
    readonly actual: string;
    /** UDP ports that somebody may have. */
    readonly ports: readonly number[];
  }[];
}

/** The namespace of the load balancer; empty: the agent's. */
export function balancedIn(site: Pick<SiteConfig, "ipvs">): string {
  return site.ipvs?.namespace ?? "";
}

/** Ports that a site's sessions listen at, in one namespace. */
function portsIn(site: SiteConfig, namespace: string): number[] {
  const ports = new Set<number>();
  for (const { namespace: own = "", multihop, echo } of site.bfd) {
    if (own !== namespace) continue;
    ports.add(multihop ? BFD_PORTS.multihop : BFD_PORTS.single);
    if (echo !== undefined) ports.add(BFD_PORTS.echo);
  }
  if (namespace === "" && site.bfd_reflector !== undefined) ports.add(BFD_PORTS.seamless);
  if (namespace === "" && site.bfd_unsolicited !== undefined) ports.add(BFD_PORTS.single);
  return [...ports];
}

/** What a site's findings are made of. */
export function questionsOf(site: SiteConfig): Questions {
  const names = new Set(["", balancedIn(site)]);
  for (const { namespace = "" } of [...site.vrrp, ...site.bfd]) names.add(namespace);
  return {
    modules: [...modulesOf(site).keys()],
    namespaces: [...names].map((name) => ({
      name,
      actual: name === "" ? site.agent.namespace ?? "" : name,
      ports: portsIn(site, name),
    })),
  };
}

/** What is read where there is no site: whether routers, sessions and virtual servers could be. */
export const BARE_QUESTIONS: Questions = {
  modules: ["ip_vs", "nf_tables"],
  namespaces: [{ name: "", actual: "", ports: Object.values(BFD_PORTS) }],
};

/** Modules of the kernel that a site needs, and what for, in words. */
export function modulesOf(site: Pick<SiteConfig, "virtual_server">): ReadonlyMap<string, string> {
  const modules = new Map<string, string>();
  if (site.virtual_server.length > 0) modules.set("ip_vs", "virtual servers");
  for (const { name, scheduler, persistence, mark, real_server } of site.virtual_server) {
    const probed = real_server.some(({ check }) =>
      check.some((use) => "type" in use && use.via_forwarding !== undefined)
    );
    if (probed) modules.set("ip_vs_rr", `the checks of "${name}" with \`via_forwarding\``);
    modules.set(`ip_vs_${scheduler}`, `the scheduler of "${name}"`);
    if (persistence?.engine !== undefined) {
      modules.set(`ip_vs_pe_${persistence.engine}`, `the persistence engine of "${name}"`);
    }
    if (mark !== undefined) modules.set("nf_tables", `the mark of "${name}"`);
  }
  return modules;
}
