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
  type Need,
  needsOf,
  runsAsRoot,
  type SiteConfig,
} from "../../config/mod.ts";
import { boundingCapabilities, hasCapability, limitCapabilities } from "../../ffi/mod.ts";
import { MissingPrivilege } from "./missing_privilege.ts";
import { isInNamespace } from "./own_namespace.ts";

/** Beside what features take: files of other users are read as root does. */
const USUAL = ["cap_dac_read_search"];

/** What this process and those before it have given up, for those after it: names and spaces. */
const GAVE_UP = "HALB_GAVE_UP";

/** What a site asks for of an agent that is root and in its network namespace. */
function needsOfRoot(site: SiteConfig): Need[] {
  return needsOf(site).filter(({ path, user }) => user?.uid !== 0 && !isOwnNamespace(path));
}

function isOwnNamespace(path: Need["path"]): boolean {
  return path.length === 2 && path[0] === "agent" && path[1] === "namespace";
}

/** What an agent that is root keeps for a site; undefined: all. Pure. */
export function keptFor(site: SiteConfig): ReadonlySet<string> | undefined {
  const { capabilities } = site.agent;
  if (capabilities === "all" || runsAsRoot(site)) return undefined;
  const needed = capabilitiesOf(needsOfRoot(site));
  if (capabilities === "needed") return needed;
  const { namespaces: _, ...usual } = FEATURES;
  const lists: (readonly string[])[] = Object.values(usual).map((one) => one.capabilities);
  return needed.union(new Set([...lists.flat(), ...USUAL]));
}

/** What it keeps for all of these; undefined: all. Pure. */
export function keptForAll(sites: readonly SiteConfig[]): ReadonlySet<string> | undefined {
  const lists = sites.map(keptFor).filter((one) => one !== undefined);
  return lists.length < sites.length
    ? undefined
    : lists.reduce((all, one) => all.union(one), new Set<string>());
}

/**
 * Gives up what no site wants to keep, for all programs that this thread executes.
 *
 * @param site that runs now @param later those that may come without anybody's asking for them
 * @returns whether there was anything: the process is to execute itself anew
 * @throws {MissingPrivilege} without CAP_SETPCAP
 */
export function shedCapabilities(site: SiteConfig, later: readonly SiteConfig[]): boolean {
  const kept = Deno.uid() === 0 ? keptForAll([site, ...later]) : undefined;
  if (kept === undefined) return false;
  const excess = boundingCapabilities().difference(kept);
  if (excess.size === 0) return false;
  if (!hasCapability("cap_setpcap")) {
    throw new MissingPrivilege(
      `agent.capabilities = "${site.agent.capabilities}" takes CAP_SETPCAP to give up ` +
        [...excess].join(", ").toUpperCase(),
    );
  }
  Deno.env.set(GAVE_UP, [...givenUpNames(), ...limitCapabilities(kept)].join(" "));
  return true;
}

/** What this process has given up, or the one that it has taken over from. */
function givenUpNames(): Set<string> {
  const names = new Set((Deno.env.get(GAVE_UP) ?? "").split(" ").filter(Boolean));
  // Somebody may have handed the words to a process that has it all.
  return names.size === 0 ? names : names.difference(boundingCapabilities());
}

/** What an agent that may have given up something says of it at its start. */
export function keptFacts(site: SiteConfig): { readonly capabilities?: string } {
  if (Deno.uid() !== 0) return {};
  const dropped = givenUpNames().size > 0;
  if (site.agent.capabilities === "all" && !dropped) return {};
  if (runsAsRoot(site) && !dropped) {
    return { capabilities: "all, since programs of this site run as root" };
  }
  return { capabilities: [...boundingCapabilities()].sort().join(" ") };
}

/**
 * Why this process cannot run a site that it may be told to, in words; null: nothing is in its way.
 * What it never had is not its to tell: that works as badly as before.
 *
 * @param gone what was given up @param isIn whether this process is in that network namespace
 */
export function givenUp(
  site: SiteConfig,
  gone: ReadonlySet<string> = givenUpNames(),
  isIn: (namespace: string) => boolean = isInNamespace,
): string | null {
  if (gone.size === 0) return null;
  const needs = needsOfRoot(site);
  const { namespace } = site.agent;
  if (namespace !== undefined && !isIn(namespace)) {
    needs.push({ feature: "namespaces", path: ["agent", "namespace"] });
  }
  const lacking = needs.flatMap(({ feature }) => {
    const { what, capabilities }: Feature = FEATURES[feature];
    const lacks = capabilities.filter((one) => gone.has(one));
    return lacks.length === 0 ? [] : [`${what} takes ${lacks.join(", ").toUpperCase()}`];
  });
  if (runsAsRoot(site)) {
    lacking.push("a program as root would have no more than the agent has kept");
  }
  if (lacking.length === 0) return null;
  const reasons = [...new Set(lacking)].join("; ");
  return `This process has given up what that takes (agent.capabilities): ${reasons}: restart it`;
}
