/**
 * The versions and families of the protocol that labs go through, and a router `web` in each, as a
 * site of ours and as a configuration of keepalived.
 *
 * @module
 */

import { type Host, until } from "../lib/mod.ts";

/** A version and family of the protocol. */
export interface Form {
  readonly name: string;
  readonly version: 2 | 3;
  /** Milliseconds between adverts. */
  readonly interval: number;
  readonly addresses: readonly string[];
  /** The address that clients use. */
  readonly vip: string;
}

export const IPV4: Form = {
  name: "v3 IPv4",
  version: 3,
  interval: 100,
  addresses: ["192.0.2.10/24"],
  vip: "192.0.2.10",
};

export const VERSION_2: Form = { ...IPV4, name: "v2 IPv4", version: 2, interval: 1000 };

export const IPV6: Form = {
  ...IPV4,
  name: "v3 IPv6",
  addresses: ["fe80::10/64", "2001:db8::10/64"],
  vip: "2001:db8::10",
};

export const FORMS: readonly Form[] = [IPV4, VERSION_2, IPV6];

/** What keepalived logs when it does not like an advert. */
export const COMPLAINTS =
  /bogus|invalid|mismatch|incorrect|error|wrong|dropped|Ooops|packet too short/i;

/** A site of one router on eth0. @param more lines of its table */
export function halbSite(form: Form, priority: number | string, more = "", name = "web"): string {
  return `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = 51
version = ${form.version}
priority = ${priority}
advertisement_interval = "${form.interval}ms"
addresses = ${JSON.stringify(form.addresses)}
${more}
`;
}

/** The same for keepalived. @param more lines of the instance @param globals of `global_defs` */
export function keepalivedSite(form: Form, priority: number, more = "", globals = ""): string {
  return `global_defs {
  vrrp_version ${form.version}
  ${globals}
}
vrrp_instance web {
  interface eth0
  virtual_router_id 51
  state BACKUP
  priority ${priority}
  advert_int ${form.interval / 1000}
  ${more}
  virtual_ipaddress {
    ${form.addresses.join("\n    ")}
  }
}
`;
}

/** The host's first IPv4 address, or its link-local one, which is there after a moment. */
export async function sourceOf(host: Host, form: Form): Promise<string> {
  if (!form.vip.includes(":")) return host.links[0]!.address;
  return await until("a link-local address", async () => {
    const all = await host.addresses("eth0");
    return all.find((one) => one.scope === "link" && !one.flags.includes("tentative"))?.address;
  }, 5000);
}
