/**
 * Other agents of this host in the same network namespace, and what must not be configured for two:
 * a virtual router id on one interface, an address, a virtual server. Each would hold it, and answer
 * for it, beside the other.
 *
 * @module
 */

import { hasBothFamilies, routerFamily, type SiteConfig } from "../../config/mod.ts";
import { listenText } from "../control/balance_status.ts";
import { ask } from "../control/client.ts";
import type { Status } from "../control/status.ts";
import { soon } from "../patience/mod.ts";
import { type Claimant, claimantsIn, nameOfAgent, networkOf } from "./claimants.ts";
import { type Claims, namespacesOf } from "./claims.ts";
import { planBalance } from "./balance_plan.ts";
import { log } from "./logging.ts";
import { requireAgent } from "./take_over.ts";

/** An agent that does not answer is not waited for any longer, milliseconds. */
const PATIENCE = 2_000;

/** What of a status is compared. */
export type OtherStatus =
  & Pick<Status, "name" | "vrrp" | "virtual_servers" | "network_namespace">
  & {
    readonly instance?: string | null;
    readonly ipvs?: { readonly namespace: string | null } | null;
  };

/** Something that two agents have in common. */
export interface Conflict {
  /** `virtual router web`. */
  readonly subject: string;
  readonly message: string;
}

/**
 * What the site has in common with what another agent says of itself. Pure.
 *
 * @param network what a namespace is, whoever calls it so; of the empty name the site's agent's own
 */
export function conflictsOf(
  site: SiteConfig,
  other: OtherStatus,
  network: (namespace: string) => string = (namespace) => namespace,
): Conflict[] {
  const ours = (namespace = ""): string => network(namespace);
  const theirs = (namespace?: string | null): string =>
    namespace ? network(namespace) : other.network_namespace ?? network("");
  const { instance } = other;
  const who = typeof instance === "string" ? `agent of instance "${instance}"` : "agent";
  const conflicts: Conflict[] = [];
  for (const router of site.vrrp) {
    const place = ours(router.namespace);
    const near = other.vrrp.filter(({ namespace }) => theirs(namespace) === place);
    const subject = `virtual router ${router.name}`;
    const families = hasBothFamilies(router) ? ["ipv4", "ipv6"] : [routerFamily(router)];
    const same = near.find((one) =>
      one.interface === router.interface &&
      one.virtual_router_id === router.virtual_router_id &&
      one.sessions.some(({ family }) => families.includes(family))
    );
    if (same !== undefined) {
      const what = `virtual_router_id ${router.virtual_router_id} on ${router.interface}`;
      const message = `${what} is also that of virtual router ${same.name} of the other ${who} ` +
        "on this host";
      conflicts.push({ subject, message });
    }
    const own = [...router.addresses, ...router.excluded_addresses].map(({ address }) => address);
    for (const one of near) {
      const addresses = new Set(one.addresses.map((text) => text.split("/")[0]!));
      const both = own.filter((address) => addresses.has(address));
      if (both.length === 0) continue;
      const message =
        `${both.join(", ")} is also an address of virtual router ${one.name} of the ` +
        `other ${who} on this host`;
      conflicts.push({ subject, message });
    }
  }
  if (ours(site.ipvs?.namespace) !== theirs(other.ipvs?.namespace)) return conflicts;
  const services = new Map<string, string>();
  for (const { name, listen, protocol } of other.virtual_servers) {
    for (const text of listen) services.set(`${text} ${protocol}`, name);
  }
  for (const { name, listen } of planBalance(site)?.servers ?? []) {
    for (const one of listen) {
      const text = listenText(one);
      const server = services.get(`${text} ${"protocol" in one ? one.protocol : null}`);
      if (server === undefined) continue;
      const message = `${text} is also that of virtual server ${server} of the other ${who} on ` +
        "this host";
      conflicts.push({ subject: `virtual server ${name}`, message });
    }
  }
  return conflicts;
}

/**
 * Agents that work beside that of a site.
 *
 * @param actual the namespace, as this process sees it, that the site calls so
 */
export function othersThan(
  site: SiteConfig,
  actual: (namespace: string) => string = (namespace) => namespace,
): Claimant[] {
  const { protocol_number: number, control } = site.agent;
  const seen = namespacesOf(site).flatMap((namespace) => claimantsIn(actual(namespace)));
  // Of our number it is ourselves, unless it says that it listens elsewhere.
  const others = seen.filter((one) =>
    one.protocol !== number || (one.control !== undefined && one.control !== control)
  );
  return [...new Map(others.map((one) => [`${one.protocol} ${one.pid}`, one])).values()];
}

/**
 * What the site has in common with agents that run. Whoever does not answer is left out.
 *
 * @param actual as for {@link othersThan}
 */
export async function conflictsWith(
  site: SiteConfig,
  others: readonly Claimant[],
  actual: (namespace: string) => string = (namespace) => namespace,
): Promise<Conflict[]> {
  const network = (name: string): string => networkOf(actual(name)) ?? name;
  const found = await Promise.all(others.map(async ({ control }) => {
    if (control === undefined) return [];
    try {
      const status = await soon(ask(control, { command: "status" }), PATIENCE);
      return status === undefined ? [] : conflictsOf(site, status as OtherStatus, network);
    } catch {
      // In a container of its own, or of another version: it cannot be asked.
      return [];
    }
  }));
  return found.flat();
}

/** A configuration counts: what it claims is claimed, and what it shares with others is told. */
export async function meetOthers(site: SiteConfig, claims: Claims): Promise<void> {
  claims.keep(namespacesOf(site));
  for (const { subject, message } of await conflictsWith(site, othersThan(site))) {
    log("error", ["control"], `Two agents are in each other's way: ${subject}: ${message}`);
  }
}

/**
 * Whoever takes over holds what the other one holds: there must be one, with the same number.
 *
 * @throws {AgentUnreachable} when nobody answers at our control socket
 * @throws {Error} where the agent there has another number, or yet another agent has it in one of the
 * namespaces of the site
 */
export async function requireFormer(site: SiteConfig): Promise<void> {
  const { control, protocol_number: number } = site.agent;
  await requireAgent(control);
  const here = claimantsIn("").filter((one) => one.control === control);
  if (here.length > 0 && here.every(({ protocol }) => protocol !== number)) {
    throw new Error(
      `agent.protocol_number is ${number} now (it follows agent.instance), and the agent that runs ` +
        `has ${
          here[0]!.protocol
        }: a new process cannot take over what that holds: restart the agent`,
    );
  }
  // One that is seen otherwise than by its path, say in a container, cannot be told from others.
  if (here.length === 0) return;
  for (const other of othersThan(site)) {
    if (other.protocol !== number) continue;
    throw new Error(`${nameOfAgent(other)} has the same number, ${number}: it would be in the way`);
  }
}
