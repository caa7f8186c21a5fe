/**
 * All that is wrong with a host for a site. Pure: what was read goes in, findings come out.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";
import { own } from "../values/mod.ts";
import { balanceFindings, libraryFindings } from "./balance_findings.ts";
import { type HostFinding, inOrder } from "./finding.ts";
import type { HostReading } from "./readings.ts";
import { portFindings, routerFindings, sessionFindings } from "./router_findings.ts";

/** Findings, the gravest first. */
export function diagnose(site: SiteConfig, host: HostReading): HostFinding[] {
  return inOrder([
    ...privilegeFindings(host, site.agent.realtime.policy !== "other"),
    ...daemonFindings(site, host),
    ...routerFindings(site, host),
    ...sessionFindings(site, host),
    ...balanceFindings(site, host),
  ]);
}

/** What any site of this kind would stumble over. */
export function diagnoseBare(host: HostReading): HostFinding[] {
  const findings = [...privilegeFindings(host, true)];
  for (const daemon of host.daemons.filter((name) => !/^halb /.test(name))) {
    findings.push({
      code: "other-daemon",
      gravity: "warning",
      subject: "",
      message: `${daemon} runs here as well`,
      advice: "see that it has no address, session or virtual server in common with halb",
    });
  }
  findings.push(...portFindings(host));
  findings.push(
    ...libraryFindings(host, "warning", "; VRRP and BFD need none"),
  );
  const state = host.modules.get("ip_vs");
  const loaded = host.namespaces.get("")?.ipvs === true;
  if (!loaded && (state === "absent" || state === "unknown")) {
    findings.push({
      code: state === "absent" ? "module-missing" : "module-unknown",
      gravity: "warning",
      subject: "",
      message: `This kernel (${host.kernel}) has no IPVS that could be seen: no virtual servers`,
      advice:
        "install this kernel's modules, or modprobe ip_vs on the machine whose kernel it is; " +
        "VRRP and BFD need none",
    });
  }
  return inOrder(findings);
}

const NEEDED: Readonly<Record<string, string>> = {
  cap_net_admin: "addresses, virtual servers and firewall rules",
  cap_net_raw: "adverts and announcements",
};

function privilegeFindings({ capabilities }: HostReading, realtime: boolean): HostFinding[] {
  const missing = Object.entries(NEEDED).filter(([name]) => !capabilities.has(name));
  const findings = missing.map(([name, what]): HostFinding => ({
    code: "privilege",
    gravity: "error",
    subject: "",
    message: `This process lacks ${name.toUpperCase()}: an agent that is started so has no ${what}`,
    advice: "run it as root, or with AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_NICE",
  }));
  if (realtime && !capabilities.has("cap_sys_nice")) {
    findings.push({
      code: "privilege",
      gravity: "warning",
      subject: "",
      message: "This process lacks CAP_SYS_NICE: adverts and BFD would share the processors with " +
        "ordinary programs",
      advice: "run it as root, or with AmbientCapabilities=… CAP_SYS_NICE",
    });
  }
  return findings;
}

/** What other daemons of this kind would do to this one. */
const RIVALS: Readonly<Record<string, (site: SiteConfig) => string | undefined>> = {
  keepalived: ({ vrrp, virtual_server: servers }) =>
    vrrp.length + servers.length === 0
      ? undefined
      : "it may hold the same addresses and virtual servers",
  vrrpd: ({ vrrp }) => vrrp.length === 0 ? undefined : "it may hold the same addresses",
  uvrrpd: ({ vrrp }) => vrrp.length === 0 ? undefined : "it may hold the same addresses",
  ucarp: ({ vrrp }) => vrrp.length === 0 ? undefined : "it may hold the same addresses",
  ldirectord: ({ virtual_server: servers }) =>
    servers.length === 0 ? undefined : "it may change the same virtual servers",
};

function daemonFindings(site: SiteConfig, { daemons }: HostReading): HostFinding[] {
  return daemons.flatMap((daemon): HostFinding[] => {
    const [name = ""] = daemon.split(" ");
    const why = own(RIVALS, name)?.(site);
    if (why === undefined) return [];
    return [{
      code: "other-daemon",
      gravity: "warning",
      subject: "",
      message: `${daemon} runs here as well: ${why}`,
      advice: `stop it, or see that the two have nothing in common`,
    }];
  });
}
