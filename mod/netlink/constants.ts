/**
 * Numbers of the netlink wire that more than one file needs: message types and flags of
 * `linux/netlink.h`, the route family's of `linux/rtnetlink.h`, `linux/if_addr.h` and
 * `linux/if.h`. Attribute numbers stand in the file of the message that carries them.
 *
 * @module
 */

/**
 * The protocol number that marks what is halb's: IFA_PROTO of addresses, rtm_protocol of routes.
 * Agents that are instances have one from there up to the last, each its own.
 */
export const HALB_PROTOCOL = 112;
export const LAST_HALB_PROTOCOL = 176;

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;

// ---- nlmsghdr -----------------------------------------------------------------------------------

export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
/** The table changed while it was dumped: what was read may have gaps. */
export const NLM_F_DUMP_INTR = 0x10;
/** In a request for a dump: NLM_F_ROOT | NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300;
/** In a request that makes something. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** In an acknowledgement: the request was left out / attributes follow. */
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;

// ---- route family -------------------------------------------------------------------------------

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWQDISC = 36;
export const RTM_NEWTFILTER = 44;
export const RTM_NEWNETCONF = 80;
export const RTM_DELNETCONF = 81;
export const RTM_GETNETCONF = 82;

/** Multicast groups, as numbers for NETLINK_ADD_MEMBERSHIP. */
export const RTNLGRP_LINK = 1;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV4_ROUTE = 7;
export const RTNLGRP_IPV4_RULE = 8;
export const RTNLGRP_IPV6_IFADDR = 9;
export const RTNLGRP_IPV6_ROUTE = 11;
export const RTNLGRP_IPV6_RULE = 19;
export const RTNLGRP_IPV6_NETCONF = 25;

// ---- interface flags ----------------------------------------------------------------------------

export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;

// ---- address flags ------------------------------------------------------------------------------

export const IFA_F_SECONDARY = 0x1;
/** IPv6: used at once, without asking whether somebody else has it. */
export const IFA_F_NODAD = 0x2;
/** IPv6: somebody else has it; nothing is sent from it. */
export const IFA_F_DADFAILED = 0x8;
export const IFA_F_DEPRECATED = 0x20;
/** IPv6: not known yet whether somebody else has it; not to be used. */
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_PERMANENT = 0x80;
export const IFA_F_NOPREFIXROUTE = 0x200;

/** A lifetime without end. */
export const INFINITE_LIFETIME = 0xffffffff;

// ---- routes -------------------------------------------------------------------------------------

export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;
export const RTN_UNICAST = 1;
export const RTPROT_KERNEL = 2;
/** In rtm_flags: an entry of the route cache, never part of a table. */
export const RTM_F_CLONED = 0x200;
