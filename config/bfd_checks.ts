/**
 * What BFD sessions contradict themselves and each other in: ends of two families, two sessions
 * between the same ends, keys of one kind of session on another, authentication without what its
 * type needs.
 *
 * @module
 */

import { type BfdAuthConfig, longestKey } from "./bfd_auth_schema.ts";
import { checkEcho } from "./bfd_echo_checks.ts";
import { type BfdConfig, MOST_SESSIONS } from "./bfd_schema.ts";
import { OTHER, type Report } from "./finding.ts";
import { familyOf, isLinkLocal } from "./ip.ts";
import { clash, Register } from "./router_checks.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";

/** A session that passed the schema, with the tree it came from. */
export type CheckedSession = CheckedTable<BfdConfig>;

/** How the protocol thread is scheduled, and where that was written. */
export interface Scheduling {
  readonly policy: string;
  readonly node: TreeNode;
}

/** Below this an ordinary thread is late too often for a session to stay up. */
const NEEDS_REALTIME = 50_000;

/** Reports what is wrong with the sessions of a site. */
export function checkSessions(
  sessions: readonly CheckedSession[],
  scheduling: Scheduling,
  report: Report,
): void {
  checkNames(sessions, report);
  checkEnds(sessions, report);
  for (const session of sessions) {
    checkAddresses(session, report);
    checkHops(session, report);
    checkSeamless(session, report);
    checkPadding(session, report);
    checkEcho(session, isOwn, report);
    checkIntervals(session, scheduling, report);
    checkDamping(session, report);
    checkAuth(session, report);
    checkUnauthenticated(session, report);
  }
}

function checkNames(sessions: readonly CheckedSession[], report: Report): void {
  const names = new Register<TreeNode>();
  for (const { config, node } of sessions) {
    const own = descend(node, ["name"]);
    const what = `Two \`[[bfd]]\` have the name ${shown(own)}`;
    clash(own, names.claim([config.name], own), what, "give each a name of its own", report);
  }
  const last = sessions[MOST_SESSIONS];
  if (last === undefined) return;
  report({
    place: valuePlace(descend(last.node, ["name"])),
    message: `${sessions.length} BFD sessions are more than the ${MOST_SESSIONS} halb can run`,
  });
}

/**
 * A first packet names no session: over one hop it is known by its sender and the interface (RFC
 * 5881 section 3), over several by both addresses (RFC 5883 section 4).
 */
function checkEnds(sessions: readonly CheckedSession[], report: Report): void {
  const known = new Map<string, CheckedSession[]>();
  for (const session of sessions) {
    const { config: { peer, multihop, namespace, vrf, interface: own, seamless }, node } = session;
    // What comes for it comes to a port of its own, and names the session.
    if (seamless !== undefined || session.config.echo?.unaffiliated === true) continue;
    const place = multihop ? vrf ?? "" : own ?? "";
    const key = JSON.stringify([namespace ?? "", peer, multihop, place]);
    const alike = known.get(key) ?? [];
    known.set(key, [...alike, session]);
    const first = alike.find((other) => !multihop || sameSource(other.config, session.config));
    if (first === undefined) continue;
    const where = descend(node, ["peer"]);
    clash(
      where,
      descend(first.node, ["peer"]),
      `Two sessions with ${shown(where)} run between the same ends: a first packet could not ` +
        "tell which one it is for",
      multihop
        ? "give each a `source` of its own, or leave one out: everything that tracks it shares one"
        : "leave one out: everything that tracks it shares one",
      report,
    );
  }
}

/** Which own address is taken where none is given is not known yet. */
function sameSource(one: BfdConfig, other: BfdConfig): boolean {
  return one.source === undefined || other.source === undefined || one.source === other.source;
}

function checkAddresses({ config, node }: CheckedSession, report: Report): void {
  const { peer, source, multihop } = config;
  const place = descend(node, ["peer"]);
  if (multihop && isLinkLocal(peer)) {
    report({
      place: valuePlace(place),
      message: `${shown(place)} is link-local: no router leads to it, and \`multihop\` is for ` +
        "peers behind routers",
      advice: "leave `multihop` out, and name the `interface`",
    });
  }
  if (source === undefined) return;
  const own = descend(node, ["source"]);
  if (familyOf(source) !== familyOf(peer)) {
    const word = familyOf(peer) === "ipv4" ? "IPv4" : "IPv6";
    report({
      place: valuePlace(own),
      message: `\`source\` and \`peer\` (${OTHER}) are of two families`,
      advice: `write an ${word} address of this host, or leave the key out`,
      other: valuePlace(place),
    });
  } else if (source === peer) {
    report({
      place: valuePlace(own),
      message: `\`source\` and \`peer\` (${OTHER}) are the same address: a session has two ends`,
      advice: "give each host the other one's address, for example by `by_host`",
      other: valuePlace(place),
    });
  } else if (isLinkLocal(source) !== isLinkLocal(peer) && familyOf(peer) === "ipv6" && !multihop) {
    report({
      place: valuePlace(own),
      message: `Of \`source\` and \`peer\` (${OTHER}) one is link-local and the other is not: ` +
        "answers may come from another address than packets go to",
      advice: "write two addresses of one kind",
      severity: "warning",
      other: valuePlace(place),
    });
  }
}

/** Whether somebody wrote the key for this session, not for all. */
function isOwn(node: TreeNode, key: string): boolean {
  return node.kind === "table" && node.entries.get(key)?.path[0] === "bfd";
}

function checkHops({ config, node }: CheckedSession, report: Report): void {
  const { multihop, interface: own, min_ttl } = config;
  if (!multihop && own === undefined) {
    report({
      place: keyPlace(descend(node, ["peer"])),
      message: "The key `interface` is missing: a session over one hop belongs to an interface " +
        "(RFC 5881 section 3)",
      advice: 'add `interface = "eth0"`, or `multihop = true` for a peer behind a router',
    });
  }
  // A default is for the sessions that it can serve.
  if (!multihop && min_ttl !== undefined && isOwn(node, "min_ttl")) {
    report({
      place: keyPlace(descend(node, ["min_ttl"])),
      message: "`min_ttl` is for `multihop`: over one hop packets must arrive with 255 (RFC 5881 " +
        "section 5)",
      advice: "leave the key out, or add `multihop = true`",
    });
  }
}

/** Keys that mean nothing where nothing is negotiated. */
const NOT_SEAMLESS = ["passive", "demand", "receive_interval", "echo"] as const;

/** A default is for the sessions that it can serve; what was written for this one is a mistake. */
function checkSeamless({ config: { seamless }, node }: CheckedSession, report: Report): void {
  if (seamless === undefined) return;
  for (const key of NOT_SEAMLESS) {
    if (!isOwn(node, key)) continue;
    report({
      place: keyPlace(descend(node, [key])),
      message: `\`${key}\` means nothing with \`seamless\` (${OTHER}): a reflector agrees to ` +
        "nothing, it answers",
      advice: "leave the key out",
      other: keyPlace(descend(node, ["seamless"])),
    });
  }
}

/** RFC 9764 is about sessions with a session at the other end. */
function checkPadding({ config, node }: CheckedSession, report: Report): void {
  const alone = config.seamless !== undefined
    ? ["seamless"]
    : config.echo?.unaffiliated === true
    ? ["echo", "unaffiliated"]
    : null;
  if (alone === null || !isOwn(node, "padded_pdu_size")) return;
  report({
    place: keyPlace(descend(node, ["padded_pdu_size"])),
    message: `\`padded_pdu_size\` means nothing with \`${alone.join(".")}\` (${OTHER}): only the ` +
      "packets of a session with two ends are padded",
    advice: "leave the key out",
    other: keyPlace(descend(node, alone)),
  });
}

function checkIntervals(
  { config, node }: CheckedSession,
  { policy, node: written }: Scheduling,
  report: Report,
): void {
  const { transmit_interval, receive_interval, detect_multiplier, seamless } = config;
  const key = seamless !== undefined || transmit_interval <= receive_interval
    ? "transmit_interval"
    : "receive_interval";
  const shortest = descend(node, [key]);
  if (policy === "other" && config[key] < NEEDS_REALTIME) {
    report({
      place: valuePlace(shortest),
      message: `An interval of ${shown(shortest)} needs a real-time thread, and ` +
        `\`agent.realtime.policy\` (${OTHER}) is "other": a busy host would take sessions down`,
      advice: "leave that key out, or write `50ms` or more here",
      severity: "warning",
      other: valuePlace(written),
    });
  }
  if (detect_multiplier > 1) return;
  report({
    place: valuePlace(descend(node, ["detect_multiplier"])),
    message: "With a `detect_multiplier` of 1 a single lost packet takes the session down on the " +
      "other side",
    advice: "write `3` instead",
    severity: "warning",
  });
}

/** RFC 5883 section 6: over several hops a TTL keeps nobody out. */
function checkUnauthenticated({ config, node }: CheckedSession, report: Report): void {
  const { auth, multihop, seamless } = config;
  if (!multihop || auth !== undefined || seamless !== undefined) return;
  report({
    place: valuePlace(descend(node, ["multihop"])),
    message: "A session over several hops without `auth`: whoever can forge the peer's address " +
      "can take it down",
    advice: "add `auth`, on both sides",
    severity: "warning",
  });
}

function checkDamping({ config: { damping }, node }: CheckedSession, report: Report): void {
  if (damping === undefined || damping.hold <= damping.longest) return;
  const hold = descend(node, ["damping", "hold"]);
  report({
    place: valuePlace(hold),
    message: `\`damping.hold\` of ${shown(hold)} is longer than \`longest\` (${OTHER})`,
    advice: "give a shorter one, or a longer `longest`",
    other: valuePlace(descend(node, ["damping", "longest"])),
  });
}

// ===== authentication ============================================================================

/** All of it fails closed: a session that cannot authenticate as it says does not run. */
export function checkAuth(
  { config: { auth }, node }: CheckedTable<Pick<BfdConfig, "auth">>,
  report: Report,
): void {
  if (auth === undefined || auth.type === "none") return;
  const table = descend(node, ["auth"]);
  const keys = auth.keys ?? [];
  const type = descend(table, ["type"]);
  if (keys.length === 0) {
    report({
      place: auth.keys === undefined ? keyPlace(table) : valuePlace(descend(table, ["keys"])),
      message: `Authentication of type ${shown(type)} needs at least one key in \`auth.keys\``,
      advice: 'add `keys = [{ id = 1, key = { file = "/etc/halb/bfd.key" } }]`',
    });
  }
  const ids = new Register<TreeNode>();
  keys.forEach(({ id }, index) => {
    const own = descend(table, ["keys", index, "id"]);
    const what = `Two keys have the id ${shown(own)}`;
    clash(own, ids.claim([id], own), what, "give each key an id of its own, 0 to 255", report);
  });
  checkLengths(auth, table, report);
  const construction = descend(table, ["construction"]);
  if (auth.construction === "rfc5880" || auth.type.endsWith("keyed-sha1")) return;
  report({
    place: valuePlace(construction),
    message: `\`construction = ${shown(construction)}\` is for the types "keyed-sha1" and ` +
      `"meticulous-keyed-sha1", not for ${shown(type)} (${OTHER})`,
    advice: "leave the key out",
    other: valuePlace(type),
  });
}

function checkLengths(auth: BfdAuthConfig, table: TreeNode, report: Report): void {
  if (auth.type === "none") return;
  const longest = longestKey(auth.type);
  const type = descend(table, ["type"]);
  auth.keys?.forEach(({ key }, index) => {
    if (key.length <= longest) return;
    report({
      place: keyPlace(descend(table, ["keys", index, "key"])),
      message: `The key has ${key.length} bytes, and type ${shown(type)} (${OTHER}) has room for ` +
        `${longest}`,
      advice: "give both sides a shorter key, or another type",
      other: valuePlace(type),
    });
  });
}
