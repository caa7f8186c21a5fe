/**
 * Virtual routers, sync groups, what they track and BFD sessions in the words of keepalived.
 *
 * @module
 */

import {
  type AddressConfig,
  type Family,
  familyOf,
  routerFamily,
  type SiteConfig,
  type VrrpConfig,
} from "../../config/mod.ts";
import { writeAddresses, writeRoutes, writeRules } from "./addresses.ts";
import { isWeighted, writeTrack, writeWeight } from "./tracking.ts";
import {
  commandText,
  freeNames,
  givenWords,
  isWritable,
  secondsText,
  wholeSeconds,
  wordText,
  type Writer,
} from "./writer.ts";

/** Seconds. */
const LONGEST_PREEMPT_DELAY = 1_000;

type Notify = NonNullable<VrrpConfig["notify"]>;

/** Whom a program runs as, as keepalived has it behind the program. */
function userWords(user: string | undefined): string {
  return user === undefined ? "" : ` ${user.replace(":", " ")}`;
}

const STATES = { master: "_master", backup: "_backup", fault: "_fault", stop: "_stop", any: "" };

function writeNotify(writer: Writer, notify: Partial<Notify> | undefined): void {
  if (notify === undefined) return;
  const user = userWords(notify.user);
  for (const [key, suffix] of Object.entries(STATES)) {
    const command = notify[key as keyof typeof STATES];
    if (command !== undefined) writer.line(`notify${suffix}`, `${commandText(command)}${user}`);
  }
  const { master_rx_lower_priority: lower } = notify;
  if (lower !== undefined) {
    writer.line("notify_master_rx_lower_pri", `${commandText(lower)}${user}`);
  }
  if (notify.mail === true) writer.line("smtp_alert");
  if (notify.priority_changes === true) writer.line("notify_priority_changes", "on");
}

/** `use_vmac …`. */
function writeVirtualMac(writer: Writer, router: VrrpConfig): void {
  const { virtual_mac: mac } = router;
  if (mac === false) return;
  const { interface: name, mac: own, type, transmit_on_base: base } = mac;
  if (type === "ipvlan") return writer.line("use_ipvlan", name);
  writer.line("use_vmac", name, own);
  if (base === true) writer.line("vmac_xmit_base");
}

function writeTransport(writer: Writer, router: VrrpConfig, family: Family): void {
  const { source, unicast, multicast_group: groups } = router;
  const own = source !== undefined && familyOf(source) === family ? source : undefined;
  if (unicast === undefined) {
    if (own !== undefined) writer.line("mcast_src_ip", own);
    const group = [groups ?? []].flat().find((address) => familyOf(address) === family);
    if (group !== undefined) writer.line("mcast_dst_ip", group);
    return;
  }
  if (own !== undefined) writer.line("unicast_src_ip", own);
  writer.block("unicast_peer", () => {
    for (const { address, min_ttl: least, max_ttl: most } of unicast.peers) {
      if (address === source || familyOf(address) !== family) continue;
      writer.line(address, ...givenWords({ min_ttl: least, max_ttl: most }));
    }
  });
  if (unicast.ttl !== 255) writer.line("unicast_ttl", unicast.ttl);
  if (unicast.check_source) writer.line("check_unicast_src");
}

function writeGarp(writer: Writer, { garp }: VrrpConfig): void {
  writer.line("garp_master_delay", wholeSeconds(garp.delay));
  writer.line("garp_master_repeat", Math.max(1, garp.repeat));
  writer.line("garp_master_refresh", wholeSeconds(garp.refresh));
  writer.line("garp_master_refresh_repeat", garp.refresh_repeat);
  const { lower_priority_delay: delay, lower_priority_repeat: repeat } = garp;
  if (delay !== undefined) writer.line("garp_lower_prio_delay", wholeSeconds(delay));
  if (repeat !== undefined) writer.line("garp_lower_prio_repeat", repeat);
}

function writeAuthentication(writer: Writer, { auth }: VrrpConfig): void {
  if (auth?.password === undefined || (auth.type !== "pass" && auth.type !== "ah")) return;
  const password = new TextDecoder().decode(auth.password.reveal());
  if (!isWritable(password)) return;
  writer.block("authentication", () => {
    writer.line("auth_type", auth.type.toUpperCase());
    writer.line("auth_pass", wordText(password));
  });
}

/** One `vrrp_instance`; with `held`, what is not in its adverts, too. */
function writeInstance(
  writer: Writer,
  site: SiteConfig,
  router: VrrpConfig,
  name: string,
  family: Family,
  others: readonly AddressConfig[] | undefined,
): void {
  writer.gap();
  writer.block(`vrrp_instance ${wordText(name)}`, () => {
    writer.line("state", router.priority === 255 ? "MASTER" : "BACKUP");
    writer.line("interface", router.interface);
    writer.line("virtual_router_id", router.virtual_router_id);
    writer.line("version", router.version);
    writer.line("priority", router.priority);
    writer.line("advert_int", secondsText(router.advertisement_interval));
    if (router.down_timer_adverts !== 3) {
      writer.line("down_timer_adverts", router.down_timer_adverts);
    }
    if (router.strict) writer.line("strict_mode", "on");
    else {
      writer.line("lower_prio_no_advert", router.answer_lower_priority ? "off" : "on");
      writer.line("higher_prio_send_advert", router.advertise_before_yielding ? "on" : "off");
    }
    if (!router.preempt) writer.line("nopreempt");
    if (router.preempt_delay > 0) {
      writer.line(
        "preempt_delay",
        Math.min(LONGEST_PREEMPT_DELAY, wholeSeconds(router.preempt_delay)),
      );
    }
    if (!router.accept) writer.line("no_accept");
    writeVirtualMac(writer, router);
    writeTransport(writer, router, family);
    writeAuthentication(writer, router);
    writeGarp(writer, router);
    const own = router.addresses.filter(({ address }) => familyOf(address) === family);
    writeAddresses(writer, "virtual_ipaddress", own);
    if (!router.track.own_interface) writer.line("dont_track_primary");
    writeTrack(writer, site, router.track);
    if (others === undefined) return;
    writeAddresses(writer, "virtual_ipaddress_excluded", others);
    if (router.promote_secondaries) writer.line("promote_secondaries");
    writeRoutes(writer, "virtual_routes", router.routes);
    writeRules(writer, "virtual_rules", router.rules);
    writeNotify(writer, router.notify);
  });
}

/** All routers; of both families two instances each. Returns the instances of each router. */
export function writeRouters(writer: Writer, site: SiteConfig): Map<string, string[]> {
  const instances = new Map<string, string[]>();
  const free = freeNames(site.vrrp.map(({ name }) => name));
  for (const router of site.vrrp) {
    const first = routerFamily(router);
    const names = [router.name];
    writeInstance(writer, site, router, router.name, first, router.excluded_addresses);
    if (router.addresses.some(({ address }) => familyOf(address) !== first)) {
      const other = first === "ipv4" ? "ipv6" : "ipv4";
      const name = free(`${router.name}-${other}`);
      names.push(name);
      writeInstance(writer, site, router, name, other, undefined);
    }
    instances.set(router.name, names);
  }
  return instances;
}

/** Sync groups, among them those of routers of both families. */
export function writeGroups(
  writer: Writer,
  site: SiteConfig,
  instances: ReadonlyMap<string, readonly string[]>,
): void {
  const grouped = new Set<string>();
  const free = freeNames(site.sync_group.map(({ name }) => name));
  const write = (name: string, members: readonly string[], body: () => void) => {
    writer.gap();
    writer.block(`vrrp_sync_group ${wordText(name)}`, () => {
      writer.block("group", () => members.forEach((member) => writer.line(wordText(member))));
      body();
    });
  };
  for (const group of site.sync_group) {
    const members = group.members.flatMap((member) => instances.get(member) ?? [member]);
    for (const member of group.members) grouped.add(member);
    write(group.name, members, () => {
      const track = group.track;
      const tracks = site.vrrp.filter(({ name }) => group.members.includes(name))
        .map((router) => router.track);
      const weighted = [track, ...tracks].some((one) => isWeighted(site, one));
      if (weighted) writer.line("sync_group_tracking_weight");
      if (track !== undefined) writeTrack(writer, site, track);
      writeNotify(writer, group.notify);
    });
  }
  for (const { name, track } of site.vrrp) {
    const members = instances.get(name) ?? [];
    if (members.length < 2 || grouped.has(name)) continue;
    write(free(`${name}-both`), members, () => {
      if (isWeighted(site, track)) writer.line("sync_group_tracking_weight");
    });
  }
}

function writeProcess(writer: Writer, tracked: SiteConfig["track_process"][number]): void {
  writer.gap();
  writer.block(`vrrp_track_process ${wordText(tracked.name)}`, () => {
    const command = [tracked.command].flat();
    writer.line("process", ...command.map(wordText));
    if (tracked.full_command) writer.line("full_command");
    const match = tracked.param_match;
    if (match === "initial" || match === "partial") writer.line("param_match", match);
    // With this word and no parameters, there must be none.
    else if (command.length === 1 && match === "exact") writer.line("param_match initial");
    writer.line("quorum", tracked.quorum);
    if (tracked.quorum_max !== undefined) writer.line("quorum_max", tracked.quorum_max);
    if (tracked.up_delay > 0) writer.line("fork_delay", secondsText(tracked.up_delay));
    if (tracked.down_delay > 0) writer.line("terminate_delay", secondsText(tracked.down_delay));
    writeWeight(writer, tracked.weight, tracked.reverse);
  });
}

/** `vrrp_script`, `vrrp_track_process`, `track_file`, `bfd_instance`, delays of interfaces. */
export function writeTrackers(writer: Writer, site: SiteConfig): void {
  writer.block("interface_up_down_delays", () => {
    for (const { name, down_delay: down, up_delay: up } of site.track_interface) {
      writer.line(name, secondsText(down), secondsText(up));
    }
  });
  for (const script of site.track_script) {
    writer.gap();
    writer.block(`vrrp_script ${wordText(script.name)}`, () => {
      writer.line("script", commandText(script.command));
      writer.line("interval", wholeSeconds(script.interval));
      if (script.timeout !== undefined) writer.line("timeout", wholeSeconds(script.timeout));
      writer.line("rise", script.rise);
      writer.line("fall", script.fall);
      writeWeight(writer, script.weight, script.reverse);
      if (script.start_failed) writer.line("init_fail");
      writer.line("user", script.user.name.replace(":", " "));
    });
  }
  for (const tracked of site.track_process) writeProcess(writer, tracked);
  for (const file of site.track_file) {
    writer.gap();
    writer.block(`track_file ${wordText(file.name)}`, () => {
      writer.line("file", wordText(file.path));
      writer.line("weight", file.weight, ...file.reverse ? ["reverse"] : []);
      const { init_file: init } = file;
      if (init !== undefined) {
        writer.line("init_file", init.value, ...init.overwrite ? ["overwrite"] : []);
      }
    });
  }
  for (const session of site.bfd) {
    writer.gap();
    writer.block(`bfd_instance ${wordText(session.name)}`, () => {
      writer.line("neighbor_ip", session.peer);
      if (session.source !== undefined) writer.line("source_ip", session.source);
      writer.line("min_rx", session.receive_interval / 1_000);
      writer.line("min_tx", session.transmit_interval / 1_000);
      writer.line("multiplier", session.detect_multiplier);
      if (session.passive) writer.line("passive");
      if (session.peer.includes(":")) writer.line("hoplimit", 255);
      writeWeight(writer, session.weight ?? 0, session.reverse === true);
    });
  }
}
