/**
 * What is wrong between a site's virtual routers and what was heard on their networks: somebody
 * else with the same virtual router id, other addresses or versions, clocks that signatures do not
 * survive, and holders of an address whose adverts do not arrive. Pure.
 *
 * @module
 */

import { familyOf, type SiteConfig } from "../../config/mod.ts";
import { defaultWindow } from "../vrrp/mod.ts";
import { type HostFinding, listed } from "./finding.ts";
import type { HeardAdvert } from "./heard.ts";

type Router = SiteConfig["vrrp"][number];

/** An advert, and where it came in. */
export interface HeardOn extends HeardAdvert {
  /** As the site has it; empty: the agent's. */
  readonly namespace: string;
  readonly interface: string;
}

/** What was heard; nothing of this host's own. */
export interface NetworkReading {
  /** Why nothing could be heard; null: one could listen. */
  readonly problem: string | null;
  readonly heard: readonly HeardOn[];
  /** Who says that it has a virtual address. */
  readonly claims: readonly {
    readonly namespace: string;
    readonly interface: string;
    readonly address: string;
    readonly mac: string;
  }[];
}

const OWNER = 255;

/** Findings about all virtual routers. */
export function wireFindings(
  { vrrp }: Pick<SiteConfig, "vrrp">,
  network: NetworkReading,
): HostFinding[] {
  if (network.problem !== null) {
    return [{
      code: "not-listened",
      gravity: "advice",
      subject: "",
      message: `What other virtual routers say could not be heard: ${network.problem}`,
      advice: "run it as root, or with CAP_NET_RAW",
    }];
  }
  return vrrp.flatMap((router) => {
    const families = new Set(router.addresses.map(({ address }) => familyOf(address)));
    const near = network.heard.filter((one) => isNear(one, router) && families.has(one.family));
    const same = near.filter((one) => one.virtualRouterId === router.virtual_router_id);
    return [
      ...same.flatMap((one) => advertFindings(router, one, near)),
      ...silenceFindings(router, near, network),
    ];
  });
}

function isNear(one: { namespace: string; interface: string }, router: Router): boolean {
  return one.namespace === (router.namespace ?? "") && one.interface === router.interface;
}

/** One that has our virtual router id. */
function advertFindings(
  router: Router,
  heard: HeardOn,
  near: readonly HeardOn[],
): HostFinding[] {
  const subject = `virtual router ${router.name}`;
  const { source, version, virtualRouterId: id, priority, interval } = heard;
  const own = router.addresses.map(({ address }) => address)
    .filter((address) => familyOf(address) === heard.family);
  const shared = own.filter((address) => heard.addresses.includes(address));
  const who = `${source} on ${router.interface}`;
  if (shared.length === 0) {
    return [{
      code: "virtual-router-id-taken",
      gravity: "error",
      subject,
      message: `${who} has the virtual router id ${id} as well, for ${listed(heard.addresses)}: ` +
        "another pair's; both would take each other for their own",
      advice:
        `write another \`virtual_router_id\`, such as ${freeId(router, near)}, on all nodes ` +
        "of this router",
    }];
  }
  const findings: HostFinding[] = [];
  if (shared.length < own.length || heard.addresses.length > own.length) {
    findings.push({
      code: "addresses-differ",
      gravity: "warning",
      subject,
      message: `${who} advertises ${listed(heard.addresses)}, and this site has ${listed(own)}`,
      advice: "give all nodes the same `addresses`",
    });
  }
  // A master in a time of change sends both.
  const understood = router.version === version || (version === 2 && router.v2_compatibility) ||
    near.some((one) =>
      one.source === source && one.virtualRouterId === id && one.version === router.version
    );
  if (!understood) {
    findings.push({
      code: "version-differs",
      gravity: "error",
      subject,
      message: `${who} speaks version ${version}, and this site version ${router.version}: they ` +
        "do not hear each other, and both become master",
      advice: `write \`version = ${version}\`` +
        (version === 2 ? ", or `v2_compatibility = true` for a time of change" : ""),
    });
  } else if (version === 2 && interval !== router.advertisement_interval && router.version === 2) {
    findings.push({
      code: "interval-differs",
      gravity: "error",
      subject,
      message: `${who} sends every ${interval / 1_000_000} s, and this site every ` +
        `${router.advertisement_interval / 1_000_000} s: version 2 refuses that`,
      advice: `write \`advertisement_interval = "${interval / 1_000_000}s"\` on all nodes`,
    });
  }
  if (priority === OWNER && router.priority === OWNER) {
    findings.push({
      code: "two-owners",
      gravity: "error",
      subject,
      message: `${who} says that it owns the addresses (priority 255), as this site does`,
      advice: "let one of them have another `priority`",
    });
  } else if (priority === router.priority) {
    findings.push({
      code: "same-priority",
      gravity: "advice",
      subject,
      message: `${who} has the priority ${priority}, as this site has: whoever starts first is ` +
        "master, and of two masters the one with the higher address stays",
      advice: "give the node that shall be master a higher `priority`, unless that is meant",
    });
  }
  return [...findings, ...clockFindings(router, heard, who)];
}

function clockFindings(router: Router, { ahead }: HeardOn, who: string): HostFinding[] {
  const { auth } = router;
  if (ahead === null || auth?.type !== "hmac" || auth.anti_replay !== "time") return [];
  const window = auth.time_window === undefined
    ? defaultWindow(router.advertisement_interval)
    : auth.time_window / 1_000_000;
  // A second of it is where the seconds of two clocks begin.
  if (Math.abs(ahead) <= Math.max(1, window / 2)) return [];
  const wide = Math.abs(ahead) > window;
  return [{
    code: "clock-offset",
    gravity: wide ? "error" : "warning",
    subject: `virtual router ${router.name}`,
    message: `The clock of ${who} is ${Math.abs(ahead)} s ${ahead > 0 ? "ahead of" : "behind"} ` +
      `ours: signed adverts are believed within ${window} s` +
      (wide ? ", so that neither believes the other" : ""),
    advice: "let both follow the same time servers (timedatectl set-ntp true, chronyc makestep), " +
      'or write `anti_replay = "monotonic"`',
  }];
}

/** Somebody holds an address, and nothing says so by VRRP. */
function silenceFindings(
  router: Router,
  near: readonly HeardOn[],
  { claims }: NetworkReading,
): HostFinding[] {
  const findings: HostFinding[] = [];
  for (const { address } of router.addresses) {
    const claim = claims.find((one) => isNear(one, router) && one.address === address);
    const heard = near.find((one) => one.addresses.includes(address));
    if (heard?.virtualRouterId === router.virtual_router_id) continue;
    if (heard !== undefined) {
      findings.push({
        code: "virtual-router-id-differs",
        gravity: "error",
        subject: `virtual router ${router.name}`,
        message: `${heard.source} on ${router.interface} advertises ${address} as virtual router ` +
          `${heard.virtualRouterId}, and this site as ${router.virtual_router_id}`,
        advice: `write \`virtual_router_id = ${heard.virtualRouterId}\`, or another address`,
      });
    } else if (claim !== undefined) {
      findings.push({
        code: "adverts-missing",
        gravity: "warning",
        subject: `virtual router ${router.name}`,
        message:
          `${claim.mac} on ${router.interface} answers for ${address}, and no advert for it ` +
          "arrives here: this host would become master beside it",
        advice: "if that is a node of this router, something on the way keeps its adverts " +
          `(protocol 112 to ${
            address.includes(":") ? "ff02::12" : "224.0.0.18"
          }) from us: a firewall there, ` +
          "a switch or hypervisor that filters multicast; see with tcpdump -ni " +
          `${router.interface} proto 112 on both, or write \`unicast = { peers = [...] }\`; if it ` +
          "is none, take the address from it",
      });
    }
  }
  return findings;
}

/** An id that nobody was heard with. */
function freeId(router: Router, near: readonly HeardOn[]): number {
  const taken = new Set(near.map((one) => one.virtualRouterId));
  let id = router.virtual_router_id;
  do id = id % 255 + 1; while (taken.has(id) && id !== router.virtual_router_id);
  return id;
}
