/**
 * Checks that ask by way of the load balancer (`via_forwarding`): a service of the kernel's for each
 * real server that is asked so, by a mark of its own, and what its interface must let in. Pure.
 *
 * @module
 */

import {
  familyOf,
  type ForwardedWay,
  forwardingMarks,
  markRange,
  realServerOf,
  type SiteConfig,
  wayOf,
} from "../../config/mod.ts";
import type { VirtualServer } from "../ipvs/mod.ts";
import type { VsSettings } from "../plane/balance.ts";

/** What the kernel needs for such checks. */
export interface ForwardingPlan {
  readonly services: readonly VirtualServer[];
  /** By the key of its way. */
  readonly marks: ReadonlyMap<string, number>;
  /** Settings of interfaces, as paths below /proc/sys/net with a slash in front. */
  readonly settings: VsSettings;
}

const SERVICE: VirtualServer["settings"] = {
  scheduler: "rr",
  schedulerFlags: 0,
  // Of datagrams: the kernel would remember each probe for minutes.
  onePacket: true,
  persistence: null,
  engine: "",
};

/** All of it that a site needs. */
export function planForwarding(
  { virtual_server, ipvs }: Pick<SiteConfig, "virtual_server" | "ipvs">,
): ForwardingPlan {
  const asked: { readonly way: ForwardedWay; readonly service: Omit<VirtualServer, "listen"> }[] =
    [];
  const settings: Record<string, number> = {};
  for (const virtual of virtual_server) {
    for (const real of virtual.real_server) {
      const on = real.check.flatMap((use) => "type" in use ? use.via_forwarding ?? [] : []);
      const way = on.length === 0 ? "" : wayOf(virtual, { ...real, address: real.address.address });
      if (typeof way === "string") continue;
      const { port: _, ...server } = realServerOf(real);
      const alone = { ...server, weight: 1, upperThreshold: 0, lowerThreshold: 0 };
      asked.push({ way, service: { settings: SERVICE, servers: [alone] } });
      // What comes from an address of our own is no news over IPv6.
      if (familyOf(way.address) === "ipv6") continue;
      for (const name of on) settings[`/ipv4/conf/${name}/accept_local`] = 1;
    }
  }
  const marks = forwardingMarks(asked.map(({ way }) => way.key), markRange(ipvs));
  const services = new Map<string, VirtualServer>();
  for (const { way: { key, address }, service } of asked) {
    const mark = marks.get(key);
    if (mark === undefined) continue;
    const family = familyOf(address) === "ipv6" ? 6 : 4;
    services.set(key, { listen: [{ family, mark }], ...service });
  }
  return { services: [...services.values()], marks, settings };
}
