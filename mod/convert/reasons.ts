/**
 * Keywords of keepalived that nothing is written for, and why: `needless`, where halb does so
 * anyway or has nothing that they are about; `dropped`, where the converted site does something
 * else than before.
 *
 * @module
 */

/** Why nothing is written, and what to do instead. */
export interface Reason {
  readonly verdict: "needless" | "dropped";
  readonly reason: string;
  readonly instead?: string;
}

export type Reasons = Readonly<Record<string, Reason>>;

function needless(reason: string, words: string): Reasons {
  return Object.fromEntries(
    words.split(" ").map((word) => [word, { verdict: "needless", reason }]),
  );
}

function dropped(reason: string, instead: string, words: string): Reasons {
  const entry: Reason = { verdict: "dropped", reason, instead };
  return Object.fromEntries(words.split(" ").map((word) => [word, entry]));
}

const BUFFERS = "buffers of the default size serve, and what gets lost is noticed and read again";
const POLLING = "interfaces are watched by netlink alone";
const STATUS = "`halb status --json` and the FIFOs say what it says";

export const TOP_REASONS: Reasons = {
  ...needless("halb does not use ipsets", "namespace_with_ipsets"),
  ...needless("halb writes no pid files", "use_pid_dir"),
  ...needless(POLLING, "linkbeat_use_polling linkbeat_interfaces"),
  ...needless("there are no child processes to wait for", "child_wait_time"),
  ...dropped(
    "static objects that somebody removes are put back",
    "a router that must not be master without something tracks that: track = { routes = […] }",
    "track_group",
  ),
};

export const GLOBAL_REASONS: Reasons = {
  ...TOP_REASONS,
  ...needless(
    "there is one process; a service manager names the unit",
    "process_names process_name vrrp_process_name checker_process_name bfd_process_name " +
      "lvs_process_name",
  ),
  ...needless("the configuration is read once, into memory", "tmp_config_directory"),
  ...needless("it is for debugging keepalived", "config_save_dir"),
  ...needless("a program is run by the path that is written", "use_symlink_paths"),
  ...needless("always so", "set_supplementary_groups enable_script_security dynamic_interfaces"),
  ...needless("files are written with mode 0600 whatever the umask", "umask"),
  ...needless("a site has no random numbers", "random_seed"),
  ...needless("dumps go into the agent's own state_directory", "data_use_instance"),
  ...dropped(
    "dumps go into agent.state_directory",
    "set state_directory in [agent] if it is to be another one than /var/lib/halb",
    "state_dump_file stats_dump_file json_dump_file",
  ),
  ...needless("names in the JSON never change", "json_version"),
  ...needless("names of tables are not read from files", "iproute_usr_dir iproute_etc_dir"),
  ...needless("always so: an invalid file changes nothing", "reload_check_config"),
  ...dropped(
    "halb has no clock for reloads",
    "let a timer of systemd, or cron, run `halb reload`",
    "reload_time_file reload_repeat",
  ),
  ...dropped(
    "no file says that a reload is going on",
    "`halb reload` ends when the new configuration is in force",
    "reload_file",
  ),
  ...needless("another list is told of, and the advert counts", "vrrp_skip_check_adv_addr"),
  ...needless("a virtual MAC is named after its id, or by its router", "vmac_prefix"),
  ...needless("addresses of other interfaces have no virtual MAC", "vmac_addr_prefix"),
  ...needless("a virtual MAC is in no multicast group", "disable_local_igmp"),
  ...needless(
    BUFFERS,
    "vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier vrrp_netlink_cmd_rcv_bufs " +
      "vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs " +
      "vrrp_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs " +
      "process_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force " +
      "lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force",
  ),
  ...needless(
    "the agent's nftables table has a name of its own, stands before filters, and counts",
    "nftables nftables_priority nftables_counters nftables_ifindex",
  ),
  ...needless("nftables alone is used", "vrrp_iptables vrrp_ipsets"),
  ...needless(
    "the protocol thread is a real-time one; a service manager sets the rest (Nice=)",
    "vrrp_priority checker_priority bfd_priority checker_rt_priority bfd_rt_priority " +
      "min_auto_priority_delay max_auto_priority",
  ),
  ...needless(
    "a plane that spins is noticed, and replaced",
    "vrrp_rlimit_rttime vrrp_rlimit_rtime checker_rlimit_rttime checker_rlimit_rtime " +
      "bfd_rlimit_rttime bfd_rlimit_rtime",
  ),
  ...needless(
    "there is one process: vrrp_no_swap and vrrp_cpu_affinity are about it",
    "checker_no_swap bfd_no_swap checker_cpu_affinity bfd_cpu_affinity",
  ),
  ...dropped(
    "DBus is not spoken",
    STATUS,
    "enable_dbus dbus_service_name dbus_no_interface_name",
  ),
  ...needless(
    "the kernel's counters are read when somebody asks",
    "snmp_vs_stats_update_interval snmp_rs_stats_update_interval",
  ),
  ...needless("packets are marked before IPVS looks at them", "nftables_ipvs_priority"),
  ...needless(
    'mark = "auto" makes the mark of the name, the same on every director',
    "nftables_ipvs_start_fwmark",
  ),
  ...needless("mails tell of servers and quorums, not of single checks", "no_checker_emails"),
  ...needless("status counts failures and shows the last one", "checker_log_all_failures"),
  ...needless(
    "a server that begins as it is expected to be tells nobody; status has all states",
    "rs_init_notifies",
  ),
};

export const GROUP_REASONS: Reasons = {
  ...needless("keepalived tells groups of no deletion either", "notify_deleted"),
  ...needless("a group has no priority of its own", "notify_priority_changes"),
  ...needless("what one member tracks moves all", "global_tracking"),
};

export const INSTANCE_REASONS: Reasons = {
  ...needless("a router without its source address is in fault", "track_src_ip"),
  ...needless("always so, never multicast instead", "unicast_fault_no_peer"),
  ...needless("the addresses say of which family they are", "native_ipv6"),
  ...needless(POLLING, "linkbeat_use_polling"),
  ...needless(BUFFERS, "kernel_rx_buf_size"),
  ...needless("keepalived does nothing with it either", "debug"),
  ...needless("another list is told of, and the advert counts", "skip_check_adv_addr"),
  ...needless("always so", "timer_expired_backup thread_timer_expired"),
  ...dropped(
    "a virtual MAC belongs to one virtual router on one interface (RFC 9568 section 7.3)",
    "write a second router for the other interface",
    "use_vmac_addr",
  ),
  ...dropped(
    "it is for peers of keepalived 1.3.6 (2017) and before",
    'checksum = "ignore" takes their adverts',
    "old_unicast_checksum",
  ),
};

export const BFD_REASONS: Reasons = {
  ...needless("packets leave with 255, as RFC 5881 has it", "ttl hoplimit"),
  ...needless("whoever tracks a session names it", "vrrp checker"),
};

export const SERVER_REASONS: Reasons = {
  ...needless("the kernel sets it in every service by itself", "hashed"),
  ...dropped(
    "checks always run, so that a new master knows at once who is up",
    'follow = "ROUTER" keeps a virtual server out of the table of who is not master',
    "ha_suspend",
  ),
};

export const CHECKER_REASONS: Reasons = {
  ...needless("status counts failures and shows the last one", "log_all_failures"),
  ...needless("a response that is whole counts, however it is closed", "tls_compliant"),
};

export const URL_REASONS: Reasons = {
  ...needless("the engine has no stack to be sized", "regex_stack"),
  ...needless("a response that is whole counts, however it is closed", "tls_compliant"),
  ...dropped(
    "an expression says itself where it may match",
    "`^[^]{100}` in front begins behind the first 100 characters",
    "regex_min_offset regex_max_offset",
  ),
};
