/**
 * What an agent that is started as root gives up (`agent.capabilities`).
 *
 * The kernel keeps capabilities for each thread, and a runtime has threads before the first line of a
 * program runs. So the main thread gives them up and the process executes itself anew: whatever
 * thread comes then has no others, and no program that it starts. Pid, arguments, environment and
 * standard streams stay.
 *
 * @module
 */

import {
  capabilitiesOf,
  type Feature,
  FEATURES,
  needsOf,
  runsAsRoot,
  type SiteConfig,
} from "../../config/mod.ts";
import { boundingCapabilities, limitCapabilities } from "../../ffi/mod.ts";

/** Beside what features take: files of other users are read as root does. */
const USUAL = ["cap_dac_read_search"];

/** What an agent that is root keeps for a site; undefined: all. Pure. */
export function keptFor(site: SiteConfig): ReadonlySet<string> | undefined {
  const { capabilities } = site.agent;
  if (capabilities === "all" || runsAsRoot(site)) return undefined;
  const needed = capabilitiesOf(needsOf(site));
  if (capabilities === "needed") return needed;
  const { namespaces: _, ...usual } = FEATURES;
  const lists: (readonly string[])[] = Object.values(usual).map((one) => one.capabilities);
  return needed.union(new Set([...lists.flat(), ...USUAL]));
}

/** What there is to be given up. */
function excess(site: SiteConfig): boolean {
  const kept = Deno.uid() === 0 ? keptFor(site) : undefined;
  return kept !== undefined && !boundingCapabilities().isSubsetOf(kept);
}

/**
 * Gives up what the site does not want to keep, for all programs that this thread executes.
 *
 * @returns whether there was anything: the process is to execute itself anew
 * @throws {SystemError} EPERM without CAP_SETPCAP
 */
export function shedCapabilities(site: SiteConfig): boolean {
  if (!excess(site)) return false;
  limitCapabilities(keptFor(site)!);
  return true;
}

/** What an agent that may have given up something says of it at its start. */
export function keptFacts(site: SiteConfig): { readonly capabilities?: string } {
  if (Deno.uid() !== 0 || site.agent.capabilities === "all") return {};
  if (runsAsRoot(site)) return { capabilities: "all, since programs of this site run as root" };
  return { capabilities: [...boundingCapabilities()].sort().join(" ") };
}

/**
 * Why this process cannot run a site that it may be told to, in words; null: nothing is in its way.
 *
 * @param has what it can have; undefined: it is asked, where it is root
 */
export function givenUp(
  site: SiteConfig,
  has?: ReadonlySet<string>,
): string | null {
  if (site.agent.capabilities === "all" || (has === undefined && Deno.uid() !== 0)) return null;
  has ??= boundingCapabilities();
  const gone = needsOf(site).flatMap(({ feature }) => {
    const { what, refused, capabilities }: Feature = FEATURES[feature];
    const lacks = capabilities.filter((one) => refused && !has.has(one));
    return lacks.length === 0 ? [] : [`${what} takes ${lacks.join(", ").toUpperCase()}`];
  });
  if (runsAsRoot(site) && !has.has("cap_dac_override")) {
    gone.push("a program as root would have no more than the agent has kept");
  }
  if (gone.length === 0) return null;
  const reasons = [...new Set(gone)].join("; ");
  return `This process has given up what that takes (agent.capabilities): ${reasons}: restart it`;
}
