/**
 * What a site.toml may say in a later version, and what users of other programs write. A key from
 * the contract that this version does not act upon is refused by name: silently accepting it
 * would be a promise, and calling it unknown would send the user looking for a typing error.
 * When a key starts to work, its line here goes.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };

/** The version of halb, such as `0.1.0`. */
export const RELEASE: string = manifest.version;

/** Says that `what` comes later. */
export function notYet(what: string): string {
  return `${what} is planned, but not in halb ${RELEASE}`;
}

/**
 * Keys to come, by the table they belong to: `""` is the top level, `vrrp` each `[[vrrp]]`. The
 * value is how the key is named to the user.
 */
const PLANNED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "": {
    check: "`[[check]]`",
    bfd: "`[[bfd]]`",
    ipvs: "`[ipvs]`",
    virtual_server: "`[[virtual_server]]`",
  },
  agent: {
    http: "`agent.http`",
  },
  defaults: {
    bfd: "`[defaults.bfd]`",
    virtual_server: "`[defaults.virtual_server]`",
    check: "`[defaults.check]`",
  },
  "vrrp.track": {
    bfd: "`track.bfd`",
    checks: "`track.checks`",
    virtual_servers: "`track.virtual_servers`",
  },
};

/** Words of other programs for `[[vrrp]]` keys, and what to write here. */
const FOREIGN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "": {
    vrrp_instance: "write `[[vrrp]]` with a `name` instead",
    global_defs: "write `[agent]` instead",
    vrrp_script: "write `[[track_script]]` instead",
    vrrp_track_process: "write `[[track_process]]` instead",
    vrrp_track_file: "write `[[track_file]]` instead",
    interface_up_down_delays: "write `[[track_interface]]` with `down_delay` instead",
    vrrp_sync_group: "write `[[sync_group]]` instead",
  },
  agent: {
    router_id: "write `name` instead",
    notification_email: 'write `to = ["noc@example.net"]` in `[mail]` instead',
    notification_email_from: "write `from` in `[mail]` instead",
    smtp_server: "write `server` in `[mail]` instead",
    notify_fifo: 'write `notify = { fifo = "/run/halb/notify" }` instead',
    vrrp_notify_fifo: 'write `notify = { fifo = "/run/halb/notify" }` instead',
    vrrp_version: "write `version` in `[defaults.vrrp]` instead",
  },
  track_script: {
    script: 'write `command = ["/usr/local/bin/check"]` instead',
    init_fail: "write `start_failed = true` instead",
  },
  track_process: {
    process: 'write `command = "nginx"` instead',
    delay: "write `up_delay` and `down_delay` instead",
    fork_delay: "write `up_delay` instead",
    terminate_delay: "write `down_delay` instead",
  },
  track_file: { file: "write `path` instead" },
  vrrp: {
    state: "leave it out: the priorities decide who starts as master",
    advert_int: 'write `advertisement_interval = "1s"` instead',
    virtual_ipaddress: 'write `addresses = ["192.0.2.10/24"]` instead',
    virtual_ipaddress_excluded: "write `excluded_addresses` instead",
    vrid: "write `virtual_router_id` instead",
    no_accept: "write `accept = false` instead",
    nopreempt: "write `preempt = false` instead",
    strict_mode: "write `strict = true` instead",
    lower_prio_no_advert: "write `answer_lower_priority = false` instead",
    higher_prio_send_advert: "leave it out: a master that yields sends one anyway",
    skip_check_adv_addr: "leave it out: another list of addresses is told, and the advert counts",
    timer_expired_backup: "leave it out: a master that stood still for too long yields anyway",
    mcast_src_ip: "write `source` instead",
    unicast_src_ip: "write `source` instead",
    unicast_peer: 'write `unicast = { peers = ["192.0.2.2"] }` instead',
    unicast_ttl: "write `unicast = { peers = […], ttl = 255 }` instead",
    mcast_dst_ip: "write `multicast_group` instead",
    track_src_ip: "leave it out: a router without its source address is in fault",
    track_interface: 'write `track = { interfaces = ["eth1"] }` instead',
    track_script: 'write `track = { scripts = ["uplink"] }` instead',
    track_process: 'write `track = { processes = ["nginx"] }` instead',
    track_file: 'write `track = { files = ["maintenance"] }` instead',
    native_ipv6: "leave it out: the addresses decide",
    notify_master: 'write `notify = { master = ["/usr/local/bin/became-master"] }` instead',
    notify_backup: 'write `notify = { backup = ["/usr/local/bin/became-backup"] }` instead',
    notify_fault: 'write `notify = { fault = ["/usr/local/bin/is-in-fault"] }` instead',
    notify_stop: 'write `notify = { stop = ["/usr/local/bin/has-stopped"] }` instead',
    smtp_alert: "write `notify = { mail = true }` instead",
    use_vmac: "write `virtual_mac = true` instead",
    authentication: 'write `auth = { type = "pass", password = … }` or `"ah"` instead',
    auth_hmac: 'write `auth = { type = "hmac", keys = […] }` instead',
    garp_master_repeat: "write `garp = { repeat = 5 }` instead",
    garp_master_delay: 'write `garp = { delay = "5s" }` instead',
    garp_master_refresh: 'write `garp = { refresh = "60s" }` instead',
  },
};

/** How a key to come is named to the user; undefined where `key` is not one. */
export function plannedKey(table: string, key: string): string | undefined {
  return own(PLANNED[table], key);
}

/** What to write instead of another program's word; undefined where `key` is not one. */
export function foreignKey(table: string, key: string): string | undefined {
  return own(FOREIGN[table], key);
}

/** Keys to come in a table, for suggestions. */
export function plannedKeys(table: string): readonly string[] {
  return Object.keys(PLANNED[table] ?? {});
}

/** Own property only: a key may be called `constructor`. */
function own(table: Readonly<Record<string, string>> | undefined, key: string) {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}
