/**
 * SNMP in `global_defs`: what keepalived tells its master agent, and where that is.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import type { Handler, Scope } from "./scope.ts";
import type { Table } from "./value.ts";

/** By what enables each; keepalived's parts of its own MIB are one here. */
const MIBS: Readonly<Record<string, string>> = {
  enable_snmp_vrrp: "keepalived",
  enable_snmp_checker: "keepalived",
  enable_snmp_keepalived: "keepalived",
  enable_snmp_rfc: "vrrpv3",
  enable_snmp_rfcv3: "vrrpv3",
};

/** In halb's spelling: `unix:PATH`, `tcp:ADDRESS:PORT`; undefined: it is neither. */
function masterOf(text: string): string | undefined {
  if (text.startsWith("/")) return `unix:${text}`;
  if (/^unix:\/./.test(text)) return text;
  const match = /^(?:tcp:)?(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, ipv4 = "", digits] = match;
  const [bytes, port] = [parseIp(ipv6 ?? ipv4), Number(digits)];
  if (bytes?.length !== (ipv6 === undefined ? 4 : 16) || port < 1 || port > 65_535) {
    return undefined;
  }
  return `tcp:${ipv6 === undefined ? ipv4 : `[${ipv6}]`}:${port}`;
}

/** @param keywords what stands in `global_defs` */
export function snmpHandlers(
  scope: Scope,
  agent: () => Table,
  keywords: ReadonlySet<string>,
): Record<string, Handler> {
  const { notes } = scope;
  const enabled = Object.keys(MIBS).some((keyword) => keywords.has(keyword));
  const snmp = () => agent().table("snmp");
  const enable: Handler = (statement) => {
    const mib = MIBS[statement.keyword]!;
    const table = snmp();
    const list = table.list("mibs");
    if (!list.items.some(({ value }) => value === mib)) list.add(mib);
    table.set("mibs", list, statement);
    if (!keywords.has("enable_traps")) table.set("traps", false);
    if (statement.keyword === "enable_snmp_rfc") {
      notes.approximated(statement, "VRRP-MIB (RFC 2787), of version 2, is not there");
    }
  };
  const alone = "nothing of SNMP is enabled";
  return {
    ...Object.fromEntries(Object.keys(MIBS).map((keyword) => [keyword, enable])),
    enable_snmp_rfcv2: (statement) => {
      const reason = "VRRP-MIB (RFC 2787), of version 2, is not there";
      notes.dropped(statement, reason, "KEEPALIVED-MIB has routers of version 2, too");
    },
    enable_traps: (statement) => {
      if (!enabled) return notes.needless(statement, alone);
      snmp().set("traps", true, statement);
    },
    snmp_socket: (statement) => {
      if (!enabled) return notes.needless(statement, alone);
      const text = statement.args[0] ?? "";
      const master = masterOf(text);
      if (master !== undefined) return void snmp().set("master", master, statement);
      const instead = 'snmp = { master = "tcp:127.0.0.1:705" } in [agent]';
      notes.dropped(statement, `"${text}" is neither a Unix socket nor an address of TCP`, instead);
    },
  };
}
