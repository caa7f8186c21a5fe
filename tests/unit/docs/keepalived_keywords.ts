/**
 * Every keyword of keepalived (2.4.3 and what came after) that has to do with VRRP, BFD, virtual
 * servers or with the agent as a whole, by the part of its configuration that it belongs to. The parts are the headings
 * of docs/keepalived.md.
 *
 * @module
 */

const WORDS: Readonly<Record<string, string>> = {
  "Top level":
    "net_namespace net_namespace_ipvs namespace_with_ipsets instance use_pid_dir linkbeat_use_polling linkbeat_interfaces child_wait_time interface_up_down_delays static_ipaddress static_routes static_rules track_group garp_group",
  "Addresses":
    "brd scope peer home -nodad mngtmpaddr noprefixroute autojoin preferred_lft track_group no_track dev label use_vmac",
  "Routes":
    "blackhole unreachable prohibit throw src to via gw or dev table tos dsfield protocol scope metric priority preference mtu advmss window rtt rttvar reordering cwnd ssthresh hoplimit rto_min initcwnd initrwnd quickack congctl lock features fastopen_no_cookie realms expires pref ttl-propagate encap vrf as nexthop weight onlink append prepend inet inet6 no_track track_group",
  "Rules":
    "not from to iif oif tos fwmark table lookup preference priority realms goto nop uidrange l3mdev protocol ipproto sport dport suppress_prefixlength suppress_ifgroup tunnel-id blackhole prohibit unreachable no_track track_group",
  "global_defs: identity, processes, files":
    "router_id process_names process_name vrrp_process_name checker_process_name bfd_process_name lvs_process_name tmp_config_directory config_save_dir use_symlink_paths set_supplementary_groups startup_script startup_script_timeout shutdown_script shutdown_script_timeout script_user enable_script_security umask random_seed data_use_instance state_dump_file stats_dump_file json_dump_file json_version iproute_usr_dir iproute_etc_dir",
  "global_defs: reload": "reload_check_config reload_time_file reload_repeat reload_file",
  "global_defs: mail":
    "notification_email notification_email_from smtp_server smtp_helo_name smtp_connect_timeout smtp_alert smtp_alert_vrrp no_email_faults smtp_alert_checker",
  "global_defs: VRRP":
    "vrrp_mcast_group4 vrrp_mcast_group6 default_interface vrrp_version vrrp_garp_master_repeat vrrp_garp_master_delay vrrp_garp_lower_prio_repeat vrrp_garp_lower_prio_delay vrrp_garp_master_refresh vrrp_garp_master_refresh_repeat vrrp_garp_interval vrrp_gna_interval vrrp_min_garp vrrp_garp_extra_if vrrp_vmac_garp_intvl vrrp_down_timer_adverts vrrp_lower_prio_no_advert vrrp_higher_prio_send_advert v3_checksum_as_v2 vrrp_check_unicast_src vrrp_skip_check_adv_addr vrrp_strict vrrp_owner_ignore_adverts vrrp_notify_priority_changes vrrp_startup_delay vrrp_delay_after_boot log_unknown_vrids dynamic_interfaces vmac_prefix vmac_addr_prefix disable_local_igmp vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs process_monitor_rcv_bufs_force",
  "global_defs: firewall":
    "nftables nftables_priority nftables_counters nftables_ifindex vrrp_iptables vrrp_ipsets",
  "global_defs: scheduling":
    "vrrp_priority vrrp_rt_priority vrrp_rlimit_rttime vrrp_rlimit_rtime vrrp_no_swap vrrp_cpu_affinity max_auto_priority min_auto_priority_delay",
  "global_defs: SNMP and DBus":
    "snmp_socket enable_snmp_vrrp enable_snmp_checker enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_traps enable_dbus dbus_service_name dbus_no_interface_name",
  "global_defs: FIFOs":
    "notify_fifo notify_fifo_script vrrp_notify_fifo vrrp_notify_fifo_script fifo_write_vrrp_states_on_reload",
  "global_defs: LVS":
    "lvs_timeouts lvs_flush lvs_flush_on_stop lvs_flush_onstop lvs_sync_daemon lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force snmp_vs_stats_update_interval snmp_rs_stats_update_interval nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark lvs_notify_fifo lvs_notify_fifo_script no_checker_emails rs_init_notifies",
  "vrrp_script": "vrrp_script script interval timeout weight rise fall user init_fail",
  "vrrp_track_process":
    "vrrp_track_process process param_match full_command quorum quorum_max delay fork_delay terminate_delay weight",
  "track_file": "track_file vrrp_track_file file weight init_file",
  "vrrp_sync_group":
    "vrrp_sync_group group track_interface track_script track_file track_process track_bfd notify_master notify_backup notify_fault notify_stop notify notify_deleted notify_priority_changes smtp_alert sync_group_tracking_weight global_tracking",
  "vrrp_instance: addressing and transport":
    "vrrp_instance state interface vrf virtual_router_id priority advert_int version virtual_ipaddress virtual_ipaddress_excluded no_virtual_ipaddress virtual_routes virtual_rules promote_secondaries mcast_src_ip unicast_src_ip mcast_dst_ip track_src_ip unicast_peer min_ttl max_ttl unicast_fault_no_peer unicast_ttl check_unicast_src old_unicast_checksum v3_checksum_as_v2 skip_check_adv_addr strict_mode owner_ignore_adverts native_ipv6 dont_track_primary linkbeat_use_polling lvs_sync_daemon_interface kernel_rx_buf_size debug",
  "vrrp_instance: virtual MAC":
    "use_vmac use_vmac_addr vmac_xmit_base use_ipvlan netlink_notify_msg group",
  "vrrp_instance: election and timers":
    "nopreempt preempt preempt_delay accept no_accept down_timer_adverts timer_expired_backup thread_timer_expired lower_prio_no_advert higher_prio_send_advert garp_master_delay garp_master_repeat garp_master_refresh garp_master_refresh_repeat garp_lower_prio_delay garp_lower_prio_repeat garp_extra_if vmac_garp_intvl",
  "garp_group": "garp_interval gna_interval interface interfaces",
  "vrrp_instance: trackers":
    "track_interface weight reverse noreverse track_script track_process track_file track_bfd",
  "vrrp_instance: notifications":
    "notify_master notify_backup notify_fault notify_stop notify_deleted notify notify_master_rx_lower_pri notify_priority_changes smtp_alert",
  "vrrp_instance: authentication":
    "authentication auth_type auth_pass auth_hmac key active_key anti_replay time_window mode",
  "bfd_instance":
    "bfd_instance neighbor_ip neighbour_ip source_ip min_rx min_tx idle_tx multiplier passive ttl hoplimit max_hops multihop weight reverse vrrp checker",
  "virtual_server_group": "virtual_server_group fwmark",
  "virtual_server":
    "virtual_server lvs_sched lb_algo lvs_method lb_kind type port nocsum csum remcsum flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback hashed ops persistence_timeout persistence_engine persistence_granularity protocol ip_family ha_suspend quorum hysteresis quorum_up quorum_down alpha omega smtp_alert virtualhost snmp_name weight sorry_server sorry_server_inhibit sorry_server_lvs_method inhibit_on_failure connect_timeout retry delay_before_retry warmup delay_loop",
  "real_server":
    "real_server weight lvs_method notify_up notify_down uthreshold lthreshold inhibit_on_failure alpha smtp_alert virtualhost snmp_name connect_timeout retry delay_before_retry warmup delay_loop",
  "Checkers":
    "HTTP_GET SSL_GET SSL TCP_CHECK SMTP_CHECK DNS_CHECK MISC_CHECK BFD_CHECK UDP_CHECK PING_CHECK FILE_CHECK",
  "Checkers: common options":
    "connect_ip connect_port bindto bind_if bind_port fwmark alpha connect_timeout retry delay_before_retry warmup delay_loop log_all_failures",
  "HTTP_GET and SSL_GET":
    "http_protocol fast_recovery nb_get_retry virtualhost url path digest status_code regex regex_no_match regex_options regex_stack regex_min_offset regex_max_offset enable_sni sni_name tls_compliant",
  "SSL": "password ca certificate key",
  "SMTP_CHECK": "helo_name host",
  "DNS_CHECK": "type name",
  "MISC_CHECK": "misc_path misc_timeout misc_dynamic user",
  "BFD_CHECK": "name alpha",
  "UDP_CHECK": "payload require_reply min_reply_length max_reply_length",
  "FILE_CHECK": "track_file weight reverse dynamic",
};

/** Keywords by part. */
export const KEEPALIVED_KEYWORDS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(WORDS).map(([part, words]) => [part, words.trim().split(/\s+/)]),
);
