/**
 * A site to a keepalived.conf, as one host sees it: for pairs of which one node still runs
 * keepalived.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";
import { writeAddresses, writeRoutes, writeRules } from "./addresses.ts";
import { isRoots } from "./lost.ts";
import { writeGroups, writeRouters, writeTrackers } from "./routers.ts";
import { trackedFiles, writeServers } from "./servers.ts";
import { commandText, givenWords, secondsText, wordText, Writer } from "./writer.ts";

export { judgeKey, type Lost } from "./lost.ts";

function writeGlobals(writer: Writer, site: SiteConfig): void {
  const { agent, notifications, ipvs } = site;
  writer.block("global_defs", () => {
    writer.line("router_id", wordText(agent.name));
    writer.line("script_user", agent.script_user.name.replace(":", " "));
    // As halb has it always.
    writer.line("enable_script_security");
    if (agent.startup_delay > 0) {
      writer.line("vrrp_startup_delay", secondsText(agent.startup_delay));
    }
    const { mail } = notifications;
    if (mail !== undefined) {
      writer.block("notification_email", () => mail.to.forEach((to) => writer.line(to)));
      if (mail.from !== undefined) writer.line("notification_email_from", mail.from);
      writer.line("smtp_server", mail.host, mail.port);
      writer.line("smtp_connect_timeout", Math.max(1, Math.round(mail.timeout / 1_000_000)));
      if (mail.helo_name !== undefined) writer.line("smtp_helo_name", wordText(mail.helo_name));
      writer.line("smtp_alert off");
    }
    const { fifo } = notifications.agent;
    if (fifo !== undefined) writer.line("notify_fifo", wordText(fifo));
    const timeouts = ipvs?.timeouts;
    if (timeouts !== undefined) {
      const text = (time: number | undefined) => time === undefined ? time : secondsText(time);
      const { tcp, tcp_fin: tcpfin, udp } = timeouts;
      const words = givenWords({ tcp: text(tcp), tcpfin: text(tcpfin), udp: text(udp) });
      if (words.length > 0) writer.line("lvs_timeouts", ...words);
    }
    for (const daemon of ipvs?.sync_daemon ?? []) {
      if (daemon.follow === undefined) continue;
      const { id, max_length: maxlen, port, ttl, group } = daemon;
      const words = givenWords({ id, maxlen, port, ttl, group });
      writer.line("lvs_sync_daemon", daemon.interface, wordText(daemon.follow), ...words);
    }
    writeCommon(writer, site);
    for (const key of ["startup_script", "shutdown_script"] as const) {
      const hook = notifications[key];
      if (hook === undefined || !isRoots(hook)) continue;
      writer.line(key, commandText(hook.command), "root");
      writer.line(`${key}_timeout`, Math.ceil(hook.timeout / 1_000_000));
    }
  });
}

/** What keepalived has for all routers alone, where all of ours say the same. */
function writeCommon(writer: Writer, { vrrp }: SiteConfig): void {
  const [first, ...more] = vrrp;
  const same = <T>(of: (router: typeof vrrp[number]) => T) =>
    first !== undefined && more.every((router) => of(router) === of(first)) ? of(first) : undefined;
  const gap = same(({ garp }) => garp.interval);
  if (gap !== undefined && gap > 0) writer.line("vrrp_garp_interval", secondsText(gap));
  const neighbours = same(({ garp }) => garp.neighbour_interval ?? garp.interval);
  if (neighbours !== undefined && neighbours > 0) {
    writer.line("vrrp_gna_interval", secondsText(neighbours));
  }
}

/** The text of a keepalived.conf that does what `site` does, as far as keepalived can. */
export function toKeepalived(site: SiteConfig): string {
  const writer = new Writer();
  writeGlobals(writer, site);
  writer.gap();
  for (const group of site.garp_group) {
    writer.block("garp_group", () => {
      if (group.interval !== undefined) writer.line("garp_interval", secondsText(group.interval));
      const gap = group.neighbour_interval;
      if (gap !== undefined) writer.line("gna_interval", secondsText(gap));
      writer.block("interfaces", () => group.interfaces.forEach((name) => writer.line(name)));
    });
  }
  writeAddresses(writer, "static_ipaddress", site.static.addresses);
  writeRoutes(writer, "static_routes", site.static.routes);
  writeRules(writer, "static_rules", site.static.rules);
  writeTrackers(writer, site);
  const tracked = new Set(site.track_file.map(({ path }) => path));
  for (const [path, name] of trackedFiles(site)) {
    if (tracked.has(path)) continue;
    writer.block(`track_file ${wordText(name)}`, () => writer.line("file", wordText(path)));
  }
  const instances = writeRouters(writer, site);
  writeGroups(writer, site, instances);
  writeServers(writer, site);
  return writer.text();
}
