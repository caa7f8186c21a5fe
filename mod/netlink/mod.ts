/**
 * The netlink wire, bytes only: framing, attributes, acknowledgements, dumps, the messages of the
 * route family for links, addresses, routes and settings, and the header of generic families.
 * Nothing here opens a socket: what goes out is built by a `MessageWriter`, what comes in is taken
 * apart by readers that return a reason instead of throwing, whatever the bytes are. Only nonsense
 * from our own side (an address that is none) throws, as a RangeError that shows the value.
 *
 * @module
 */

export {
  type Acknowledgement,
  describeAcknowledgement,
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EEXIST,
  ENODEV,
  ENOENT,
  EOPNOTSUPP,
  EPERM,
  errnoName,
  ESRCH,
  readAcknowledgement,
} from "./acknowledge.ts";
export {
  addAddress,
  type AddressRequest,
  deleteAddress,
  type InterfaceAddress,
  readAddress,
  requestAddresses,
} from "./address.ts";
export { type BlockedAddress, encodeBlocklist } from "./nftables.ts";
export {
  encodeMarks,
  MARK_PRIORITY,
  type MarkFamily,
  type MarkRule,
  type MarkTableName,
  readGeneration,
  requestGeneration,
  requestMarks,
} from "./nftables_marks.ts";
export {
  type Attributes,
  readAttributes,
  readNested,
  readPort,
  readText,
  readU16,
  readU32,
  readU64,
  readU8,
} from "./attribute.ts";
export {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  HALB_PROTOCOL,
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
  IFF_LOOPBACK,
  IFF_NOARP,
  IFF_RUNNING,
  IFF_UP,
  INFINITE_LIFETIME,
  LAST_HALB_PROTOCOL,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_EXCL,
  NLM_F_MULTI,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNETCONF,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNETCONF,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNETCONF,
  RTM_NEWROUTE,
  RTN_UNICAST,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_NETCONF,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTPROT_KERNEL,
} from "./constants.ts";
export { type Encapsulation } from "./encapsulation.ts";
export { DumpReader, type DumpState } from "./dump.ts";
export {
  align,
  type Decoded,
  HEADER_LENGTH,
  MessageWriter,
  type NetlinkMessage,
  splitMessages,
  viewOf,
} from "./frame.ts";
export { beginGeneric, type GenericHeader, readGenericHeader } from "./generic.ts";
export {
  addLink,
  changeLink,
  deleteLink,
  deleteLinkGroup,
  type Link,
  type LinkChange,
  type LinkRequest,
  readLink,
  requestLink,
  requestLinks,
} from "./link.ts";
export { type InterfaceSettings, readSettings, requestIpv6Settings } from "./netconf.ts";
export {
  addRoute,
  deleteRoute,
  type NextHop,
  nextHopsOf,
  readRoute,
  removeRoute,
  requestRoutes,
  restoreRoute,
  type Route,
  type RouteRequest,
} from "./route.ts";
export {
  describeRoute,
  dropRoute,
  putRoute,
  ROUTE_METRICS,
  ROUTE_TYPES,
  type RouteForm,
  type RouteHop,
  routeKey,
  type RouteMetric,
  type RouteType,
  shownRouteKey,
} from "./route_form.ts";
export { addEgressFilter, addEgressHook, TC_ACT_SHOT, TC_ACT_UNSPEC } from "./traffic.ts";
export {
  addRule,
  deleteRule,
  describeRule,
  type Range,
  readRule,
  requestRules,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  RULE_ACTIONS,
  type RuleAction,
  type RuleForm,
  ruleKey,
  type ShownRule,
} from "./rule.ts";
