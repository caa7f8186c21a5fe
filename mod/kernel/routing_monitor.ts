/**
 * Notifications of routes and rules. On a host whose routing daemon fills a table there are
 * hundreds of thousands of them that are none of our business: a filter in the kernel keeps away
 * routes that do not carry our protocol number.
 *
 * @module
 */

import { assemble, attachFilter, bpf, NETLINK_ROUTE, NetlinkSocket } from "../../ffi/mod.ts";
import {
  HEADER_LENGTH,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
} from "../netlink/mod.ts";
import { ownProtocol } from "./mark.ts";

const EVENT_BUFFER = 1024 * 1024;
const GROUPS = [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE];
/** The low byte of the message's type, which is below 256 for the whole route family. */
const TYPE = 4;
/** rtm_protocol. */
const PROTOCOL = HEADER_LENGTH + 5;

/** A socket that hears of all rules, and of routes of ours. @throws where the kernel refuses */
export function openRoutingMonitor(): NetlinkSocket {
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  try {
    socket.setReceiveBuffer(EVENT_BUFFER);
    attachFilter(
      socket.fd,
      assemble([
        bpf.loadByte(TYPE),
        bpf.jumpEqual(RTM_NEWROUTE, "route", 0),
        bpf.jumpEqual(RTM_DELROUTE, "route", "accept"),
        bpf.label("route"),
        bpf.loadByte(PROTOCOL),
        bpf.jumpEqual(ownProtocol(), "accept", 0),
        bpf.drop(),
        bpf.label("accept"),
        bpf.accept(),
      ]),
    );
    for (const group of GROUPS) joinIfThere(socket, group);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** A kernel without policy routing or IPv6 has fewer groups, and nothing to tell of there. */
function joinIfThere(socket: NetlinkSocket, group: number): void {
  try {
    socket.joinGroup(group);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "SystemError") throw error;
  }
}
