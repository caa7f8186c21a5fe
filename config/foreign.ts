/**
 * Words of keepalived, for people who write them out of habit: a key that is none gets the advice
 * what to write in its place, or why it can be left out. `docs/keepalived.md` has all of them.
 *
 * @module
 */

import { own } from "../mod/values/mod.ts";

/** Keys of a router and of a sync group alike. */
const TRACKING_AND_NOTIFYING: Readonly<Record<string, string>> = {
  track_bfd: 'write `track = { bfd = ["to-peer"] }` instead',
  track_interface: 'write `track = { interfaces = ["eth1"] }` instead',
  track_script: 'write `track = { scripts = ["uplink"] }` instead',
  track_process: 'write `track = { processes = ["nginx"] }` instead',
  track_file: 'write `track = { files = ["maintenance"] }` instead',
  notify_master: 'write `notify = { master = ["/usr/local/bin/became-master"] }` instead',
  notify_backup: 'write `notify = { backup = ["/usr/local/bin/became-backup"] }` instead',
  notify_fault: 'write `notify = { fault = ["/usr/local/bin/is-in-fault"] }` instead',
  notify_stop: 'write `notify = { stop = ["/usr/local/bin/has-stopped"] }` instead',
  smtp_alert: "write `notify = { mail = true }` instead",
};

/** Words by the table that they would stand in, and what to write there. */
const FOREIGN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "": {
    vrrp_instance: "write `[[vrrp]]` with a `name` instead",
    global_defs: "write `[agent]` instead",
    vrrp_script: "write `[[track_script]]` instead",
    vrrp_track_process: "write `[[track_process]]` instead",
    vrrp_track_file: "write `[[track_file]]` instead",
    interface_up_down_delays: "write `[[track_interface]]` with `down_delay` instead",
    vrrp_sync_group: "write `[[sync_group]]` instead",
    bfd_instance: "write `[[bfd]]` with a `name` instead",
    net_namespace: "write `namespace` in `[agent]` instead",
    net_namespace_ipvs: "write `namespace` in `[ipvs]` instead",
    static_ipaddress: "write `addresses` in `[static]` instead",
    static_routes: "write `routes` in `[static]` instead",
    static_rules: "write `rules` in `[static]` instead",
    track_group:
      "leave it out: what is removed of `[static]` is put back; track what a router needs",
    virtual_server_group: "write a list of addresses in `listen` of a `[[virtual_server]]`",
    lvs: "write `[ipvs]` and `[[virtual_server]]` instead",
    real_server: "write `[[virtual_server.real_server]]` below its `[[virtual_server]]`",
    instance: "give each agent its own `control` and `state_directory` in `[agent]`",
  },
  agent: {
    router_id: "write `name` instead",
    notification_email: 'write `to = ["noc@example.net"]` in `[mail]` instead',
    notification_email_from: "write `from` in `[mail]` instead",
    smtp_server: "write `server` in `[mail]` instead",
    notify_fifo: 'write `notify = { fifo = "/run/halb/notify" }` instead',
    vrrp_notify_fifo: 'write `notify = { fifo = "/run/halb/notify" }` instead',
    vrrp_version: "write `version` in `[defaults.vrrp]` instead",
    vrrp_mcast_group4: "write `multicast_group` in `[defaults.vrrp]` instead",
    vrrp_mcast_group6: "write `multicast_group` in `[defaults.vrrp]` instead",
    default_interface: "write `interface` in `[defaults.vrrp]` instead",
    vrrp_down_timer_adverts: "write `down_timer_adverts` in `[defaults.vrrp]` instead",
    vrrp_strict: "write `strict` in `[defaults.vrrp]` instead",
    vrrp_owner_ignore_adverts: "write `owner_ignore_adverts` in `[defaults.vrrp]` instead",
    vrrp_garp_master_repeat: "write `repeat` in `[defaults.vrrp.garp]` instead",
    vrrp_garp_master_delay: "write `delay` in `[defaults.vrrp.garp]` instead",
    vrrp_garp_lower_prio_repeat: "write `lower_priority_repeat` in `[defaults.vrrp.garp]` instead",
    vrrp_garp_lower_prio_delay: "write `lower_priority_delay` in `[defaults.vrrp.garp]` instead",
    vrrp_garp_master_refresh: "write `refresh` in `[defaults.vrrp.garp]` instead",
    vrrp_garp_master_refresh_repeat: "write `refresh_repeat` in `[defaults.vrrp.garp]` instead",
    vrrp_garp_interval: "write `interval` in `[defaults.vrrp.garp]` instead",
    vrrp_gna_interval: "write `neighbour_interval` in `[defaults.vrrp.garp]` instead",
    vrrp_garp_extra_if: "write `other_interfaces_refresh` in `[defaults.vrrp.garp]` instead",
    vrrp_vmac_garp_intvl: "write `other_interfaces_refresh` in `[defaults.vrrp.garp]` instead",
    vrrp_min_garp: 'write `repeat = 1` and `delay = "0s"` in `[defaults.vrrp.garp]` instead',
    vrrp_lower_prio_no_advert: "write `answer_lower_priority = false` in `[defaults.vrrp]` instead",
    vrrp_higher_prio_send_advert: "leave it out: a master that yields sends one anyway",
    v3_checksum_as_v2:
      "leave it out: both checksums are understood; or write `checksum` in `[defaults.vrrp]`",
    vrrp_check_unicast_src: "leave it out: senders that are no peers are refused anyway",
    vrrp_skip_check_adv_addr:
      "leave it out: another list of addresses is told, and the advert counts",
    vrrp_notify_priority_changes: "write `priority_changes` in `[defaults.vrrp.notify]` instead",
    vrrp_startup_delay: "write `startup_delay` instead",
    vrrp_delay_after_boot: "write `delay_after_boot` instead",
    log_unknown_vrids: 'write `log = { level = "debug" }` instead',
    dynamic_interfaces: "leave it out: interfaces may come and go",
    smtp_helo_name: "write `helo_name` in `[mail]` instead",
    smtp_connect_timeout: "write `timeout` in `[mail]` instead",
    smtp_alert: "write `mail = true` in `[defaults.vrrp.notify]` instead",
    smtp_alert_vrrp: "write `mail = true` in `[defaults.vrrp.notify]` instead",
    no_email_faults: 'write `states = ["master", "backup", "stop"]` in `[mail]` instead',
    notify_fifo_script:
      'write `notify = { fifo_script = ["/usr/local/bin/read-changes"] }` instead',
    vrrp_notify_fifo_script:
      'write `notify = { fifo_script = ["/usr/local/bin/read-changes"] }` instead',
    fifo_write_vrrp_states_on_reload: "write `notify = { states_on_reload = true }` instead",
    startup_script_timeout: 'write `startup_script = { command = […], timeout = "10s" }` instead',
    shutdown_script_timeout: 'write `shutdown_script = { command = […], timeout = "10s" }` instead',
    enable_script_security: "leave it out: programs that others could change are refused anyway",
    set_supplementary_groups: "leave it out: programs have the groups of their user",
    state_dump_file: "write `state_directory` instead",
    stats_dump_file: "write `state_directory` instead",
    json_dump_file: "write `state_directory` instead",
    reload_check_config: "leave it out: a file with errors changes nothing",
    vrrp_rt_priority: "write `realtime = { priority = 50 }` instead",
    vrrp_no_swap: "write `realtime = { lock_memory = true }` instead",
    vrrp_cpu_affinity: "write `realtime = { cpus = [1] }` instead",
    snmp_socket: 'write `snmp = { master = "unix:/var/agentx/master" }` instead',
    enable_snmp_vrrp: 'write `snmp = { mibs = ["keepalived"] }` instead',
    enable_snmp_checker: 'write `snmp = { mibs = ["keepalived"] }` instead',
    enable_snmp_keepalived: 'write `snmp = { mibs = ["keepalived"] }` instead',
    enable_snmp_rfc: 'write `snmp = { mibs = ["vrrpv3"] }` instead',
    enable_snmp_rfcv3: 'write `snmp = { mibs = ["vrrpv3"] }` instead',
    enable_traps: "write `snmp = { traps = true }` instead",
    lvs_timeouts: 'write `timeouts = { tcp = "15m" }` in `[ipvs]` instead',
    lvs_flush: "write `flush = true` in `[ipvs]` instead",
    lvs_flush_on_stop: 'write `on_stop = "remove"` in `[ipvs]` instead',
    lvs_flush_onstop: 'write `on_stop = "remove"` in `[ipvs]` instead',
    lvs_sync_daemon:
      'write `sync_daemon = { interface = "eth1", follow = "web" }` in `[ipvs]` instead',
    net_namespace_ipvs: "write `namespace` in `[ipvs]` instead",
    nftables_ipvs: 'write `mark = "auto"` in `[[virtual_server]]` instead',
    nftables_ipvs_start_fwmark: "write `mark = 1000` in `[[virtual_server]]` instead",
    lvs_notify_fifo: 'write `notify = { fifo = "/run/halb/notify" }` instead',
    lvs_notify_fifo_script:
      'write `notify = { fifo_script = ["/usr/local/bin/read-changes"] }` instead',
    max_auto_priority: "leave it out: adverts are sent by a real-time thread",
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
  bfd: {
    neighbor_ip: "write `peer` instead",
    neighbour_ip: "write `peer` instead",
    neighbor: "write `peer` instead",
    source_ip: "write `source` instead",
    local: "write `source` instead",
    min_tx: 'write `transmit_interval = "50ms"` instead',
    min_rx: 'write `receive_interval = "50ms"` instead',
    interval: "write `transmit_interval` and `receive_interval` instead",
    "min-tx-interval": "write `transmit_interval` instead",
    "min-rx-interval": "write `receive_interval` instead",
    "transmit-interval": "write `transmit_interval` instead",
    "receive-interval": "write `receive_interval` instead",
    multiplier: "write `detect_multiplier = 3` instead",
    "detect-multiplier": "write `detect_multiplier` instead",
    idle_tx: "leave it out: a session that is not up sends once a second (RFC 5880 section 6.8.3)",
    "idle-tx-interval":
      "leave it out: a session that is not up sends once a second (RFC 5880 section 6.8.3)",
    slow_interval:
      "leave it out: a session that is not up sends once a second (RFC 5880 section 6.8.3)",
    max_hops: "write `min_ttl = 254` instead, 255 less a hop for each router, with `multihop`",
    ttl: "leave it out: packets leave with 255 (RFC 5881 section 5)",
    hoplimit: "leave it out: packets leave with 255 (RFC 5881 section 5)",
    "minimum-ttl": "write `min_ttl` instead",
    "passive-mode": "write `passive = true` instead",
    "echo-mode": "write `echo` instead",
    "demand-mode": "write `demand = true` instead",
    "demand mode": "write `demand = true` instead",
    authentication: 'write `auth = { type = "meticulous-keyed-sha1", keys = […] }` instead',
    password: 'write `auth = { type = "simple", keys = […] }` instead',
    shutdown: "leave it out: `halb bfd down NAME` takes a session down",
    profile: "leave it out: `[defaults.bfd]` has values for all sessions",
    vrrp: "leave it out: a router tracks a session by its name in `track.bfd`",
    checker: "leave it out: who tracks a session names it",
  },
  vrrp: {
    ...TRACKING_AND_NOTIFYING,
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
    native_ipv6: "leave it out: the addresses decide",
    use_vmac: "write `virtual_mac = true` instead",
    authentication: 'write `auth = { type = "pass", password = … }` or `"ah"` instead',
    auth_hmac: 'write `auth = { type = "hmac", keys = […] }` instead',
    garp_master_repeat: "write `garp = { repeat = 5 }` instead",
    garp_master_delay: 'write `garp = { delay = "5s" }` instead',
    garp_master_refresh: 'write `garp = { refresh = "60s" }` instead',
    virtual_routes: 'write `routes = [{ to = "default", via = "192.0.2.1" }]` instead',
    virtual_rules:
      'write `rules = [{ from = "203.0.113.0/24", table = 100, priority = 1000 }]` instead',
    no_virtual_ipaddress:
      "give the router an address that nobody uses: an advert names one at least",
    unicast_fault_no_peer: "leave it out: without a peer the router is in fault",
    check_unicast_src: "leave it out: senders that are no peers are refused anyway",
    min_ttl: 'write `unicast = { peers = [{ address = "192.0.2.2", min_ttl = 254 }] }` instead',
    max_ttl: 'write `unicast = { peers = [{ address = "192.0.2.2", max_ttl = 254 }] }` instead',
    old_unicast_checksum: 'write `checksum = "ignore"` instead',
    v3_checksum_as_v2:
      'leave it out: both checksums are understood; or write `checksum = "rfc9568"`',
    dont_track_primary: "write `track = { own_interface = false }` instead",
    vmac_xmit_base: "write `virtual_mac = { transmit_on_base = true }` instead",
    use_ipvlan: 'write `virtual_mac = { type = "ipvlan" }` instead',
    use_vmac_addr: "leave it out: a virtual MAC belongs to the interface of its router",
    thread_timer_expired: "leave it out: a master that stood still for too long yields anyway",
    garp_master_refresh_repeat: "write `garp = { refresh_repeat = 1 }` instead",
    garp_lower_prio_delay: 'write `garp = { lower_priority_delay = "5s" }` instead',
    garp_lower_prio_repeat: "write `garp = { lower_priority_repeat = 5 }` instead",
    garp_extra_if: 'write `garp = { other_interfaces_refresh = "60s" }` instead',
    vmac_garp_intvl: 'write `garp = { other_interfaces_refresh = "60s" }` instead',
    notify_deleted: "write `notify = { deleted = true }` instead",
    notify_master_rx_lower_pri:
      'write `notify = { master_rx_lower_priority = ["/usr/local/bin/heard"] }` instead',
    notify_priority_changes: "write `notify = { priority_changes = true }` instead",
    auth_type: 'write `auth = { type = "pass", password = … }` instead',
    auth_pass: 'write `auth = { type = "pass", password = … }` instead',
  },
  virtual_server: {
    virtual_server: "write `listen` with the address and port, and a `name`",
    lvs_sched: 'write `scheduler = "wlc"` instead',
    lb_algo: 'write `scheduler = "wlc"` instead',
    lvs_method: 'write `forward = "nat"` instead',
    lb_kind: 'write `forward = "nat"` instead',
    type: 'write `tunnel = { type = "gue", port = 6080 }` instead',
    port: 'write `listen = "192.0.2.10:80"` instead, with the port',
    address: 'write `listen = "192.0.2.10:80"` instead',
    nocsum: 'write `tunnel = { type = "gue", port = 6080 }` instead',
    csum: 'write `tunnel = { type = "gre", checksum = "full" }` instead',
    remcsum: 'write `tunnel = { type = "gue", port = 6080, checksum = "remote" }` instead',
    "flag-1": 'write `flags = ["flag-1"]` instead',
    "flag-2": 'write `flags = ["flag-2"]` instead',
    "flag-3": 'write `flags = ["flag-3"]` instead',
    "sh-port": 'write `flags = ["sh-port"]` instead',
    "sh-fallback": 'write `flags = ["sh-fallback"]` instead',
    "mh-port": 'write `flags = ["mh-port"]` instead',
    "mh-fallback": 'write `flags = ["mh-fallback"]` instead',
    hashed: "leave it out: the kernel sets it by itself",
    ops: "write `one_packet = true` instead",
    persistence_timeout: 'write `persistence = { timeout = "6m" }` instead',
    persistence_engine: 'write `persistence = { engine = "sip" }` instead',
    persistence_granularity: "write `persistence = { prefix_length = 24 }` instead",
    ip_family: 'write `family = "ipv6"` instead',
    ha_suspend: "leave it out: checks always run; `follow` names the router that must be master",
    quorum_up: 'write `notify = { quorum_up = ["/usr/local/bin/quorum-is-met"] }` instead',
    quorum_down: 'write `notify = { quorum_down = ["/usr/local/bin/quorum-is-lost"] }` instead',
    alpha: "write `start_down = true` instead",
    omega: "write `run_down_on_stop = true` instead",
    smtp_alert: "write `notify = { mail = true }` instead",
    virtualhost: 'write `check = { type = "http", host = "www.example.net" }` instead',
    snmp_name: 'write `name = "web-http"` instead',
    weight: "write `default_weight = 1` instead",
    sorry_server_inhibit:
      'write `sorry_server = { address = "192.0.2.99:80", inhibit = true }` instead',
    sorry_server_lvs_method:
      'write `sorry_server = { address = "192.0.2.99:80", forward = "nat" }` instead',
    inhibit_on_failure: 'write `on_failure = "weight-zero"` instead',
    connect_timeout: 'write `check = { type = "tcp", timeout = "5s" }` instead',
    retry: 'write `check = { type = "tcp", fall = 2 }` instead: one more',
    delay_before_retry: 'write `check = { type = "tcp", retry_interval = "1s" }` instead',
    warmup: 'write `check = { type = "tcp", warmup = "10s" }` instead',
    delay_loop: 'write `check = { type = "tcp", interval = "10s" }` instead',
  },
  "virtual_server.real_server": {
    lvs_method: 'write `forward = "nat"` instead',
    port: 'write `address = "198.51.100.11:8080"` instead, with the port',
    notify_up: 'write `notify = { up = ["/usr/local/bin/server-is-up"] }` instead',
    notify_down: 'write `notify = { down = ["/usr/local/bin/server-is-down"] }` instead',
    uthreshold: "write `thresholds = { upper = 1000 }` instead",
    lthreshold: "write `thresholds = { upper = 1000, lower = 800 }` instead",
    inhibit_on_failure: 'write `on_failure = "weight-zero"` instead',
    alpha: "write `start_down = true` instead",
    smtp_alert: "write `notify = { mail = true }` instead",
    virtualhost: 'write `check = { type = "http", host = "www.example.net" }` instead',
    snmp_name: "leave it out: a real server is known by its address and port",
    connect_timeout: 'write `check = { type = "tcp", timeout = "5s" }` instead',
    retry: 'write `check = { type = "tcp", fall = 2 }` instead: one more',
    delay_before_retry: 'write `check = { type = "tcp", retry_interval = "1s" }` instead',
    warmup: 'write `check = { type = "tcp", warmup = "10s" }` instead',
    delay_loop: 'write `check = { type = "tcp", interval = "10s" }` instead',
    TCP_CHECK: 'write `check = { type = "tcp" }` instead',
    HTTP_GET: 'write `check = { type = "http", path = "/" }` instead',
    SSL_GET: 'write `check = { type = "http", path = "/", tls = {} }` instead',
    MISC_CHECK: 'write `check = { type = "script", command = [] }` instead, with the program',
    PING_CHECK: 'write `check = { type = "ping" }` instead',
    UDP_CHECK: 'write `check = { type = "udp" }` instead',
    DNS_CHECK: 'write `check = { type = "dns" }` instead',
    SMTP_CHECK: 'write `check = { type = "smtp" }` instead',
    BFD_CHECK: 'write `check = { type = "bfd", session = "to-peer" }` instead',
    FILE_CHECK: 'write `check = { type = "file", path = "/etc/halb/weight" }` instead',
  },
  sync_group: {
    ...TRACKING_AND_NOTIFYING,
    group: 'write `members = ["web", "lan"]` instead',
    sync_group_tracking_weight: "leave it out: weights count for a group anyway",
    global_tracking: "leave it out: what one member tracks moves all",
  },
};

/** Words of keepalived that nothing corresponds to, whatever table they stand in. */
const GONE: ReadonlySet<string> = new Set(
  ("namespace_with_ipsets use_pid_dir linkbeat_use_polling " +
    "linkbeat_interfaces child_wait_time process_names process_name vrrp_process_name " +
    "checker_process_name bfd_process_name lvs_process_name tmp_config_directory " +
    "config_save_dir use_symlink_paths umask random_seed data_use_instance json_version " +
    "iproute_usr_dir iproute_etc_dir reload_time_file reload_repeat reload_file " +
    "smtp_alert_checker vmac_prefix vmac_addr_prefix disable_local_igmp vrrp_rx_bufs_policy " +
    "vrrp_rx_bufs_multiplier vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force " +
    "vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force " +
    "process_monitor_rcv_bufs process_monitor_rcv_bufs_force nftables nftables_priority " +
    "nftables_counters nftables_ifindex vrrp_iptables vrrp_ipsets vrrp_priority " +
    "vrrp_rlimit_rttime vrrp_rlimit_rtime min_auto_priority_delay enable_snmp_rfcv2 " +
    "enable_dbus dbus_service_name " +
    "dbus_no_interface_name lvs_sync_daemon_interface kernel_rx_buf_size debug " +
    "netlink_notify_msg lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force " +
    "lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force " +
    "snmp_vs_stats_update_interval snmp_rs_stats_update_interval nftables_ipvs_priority " +
    "no_checker_emails rs_init_notifies").split(" "),
);

/** What to write instead of a word of keepalived; undefined where `key` is not one. */
export function foreignKey(table: string, key: string): string | undefined {
  return own(FOREIGN[table], key) ??
    (GONE.has(key) ? "leave it out: docs/keepalived.md says why" : undefined);
}
