/**
 * What checks need, have no use for, and contradict themselves in: nobody to ask, keys of another
 * type, a request that is none, what cannot be done over the connection that they need.
 *
 * @module
 */

import { isRequestPath } from "./check_fields.ts";
import { CHECK_SCHEMA, MOST_CHECKS, type WrittenCheck, type WrittenUse } from "./check_schema.ts";
import {
  addressOf,
  type CheckConfig,
  type CheckedServer,
  type CheckUseConfig,
  type NamedCheckConfig,
  portOf,
  talks,
  usersOf,
  withCheckDefaults,
} from "./check_uses.ts";
import { inlineId, question } from "./check_identity.ts";
import { checkCommand } from "./commands.ts";
import { OTHER, type Report } from "./finding.ts";
import { checkForwarding } from "./forwarding_checks.ts";
import { familyOf, isLinkLocal } from "./ip.ts";
import { validate } from "./issues.ts";
import { clash, Register } from "./router_checks.ts";
import type { FileSecurity } from "./security.ts";
import { type CheckedTable, reportUnknown } from "./table_lists.ts";
import { descend, keyPlace, shown, type TableNode, type TreeNode, valuePlace } from "./tree.ts";
import { resolveUser, type ScriptUser, type UserDirectory } from "./users.ts";

/** What checks are checked against. */
export interface CheckSurroundings {
  readonly users: UserDirectory;
  /** Whom scripts run as that say nothing else. */
  readonly user: ScriptUser;
  /** How to look at files; absent: nobody can. */
  readonly security?: FileSecurity;
  /** Names of all `[[bfd]]`, those that did not pass the schema too. */
  readonly sessions: readonly string[];
  /** Names of all `[[check]]`, likewise. */
  readonly checks: readonly string[];
}

/** The `[[check]]` of a site; what is wrong with them is reported. */
export function readChecks(
  items: readonly TreeNode[],
  common: TreeNode | undefined,
  surroundings: CheckSurroundings,
  report: Report,
): CheckedTable<NamedCheckConfig>[] {
  const names = new Register<TreeNode>();
  const last = items[MOST_CHECKS];
  if (last !== undefined) {
    report({
      place: valuePlace(last),
      message: `${items.length} checks are more than the ${MOST_CHECKS} halb can run`,
    });
  }
  return items.flatMap((item) => {
    const node = withCheckDefaults(common, item);
    const written = validate(node, CHECK_SCHEMA, report);
    if (written === undefined) return [];
    const own = descend(node, ["name"]);
    const what = `Two \`[[check]]\` have the name ${shown(own)}`;
    clash(own, names.claim([written.name], own), what, "give each a name of its own", report);
    const { name, ...check } = written;
    return [{ config: { ...settle(check, node, undefined, surroundings, report), name }, node }];
  });
}

/**
 * `check` of a server, which passed the schema `CHECK_USES`.
 *
 * @param node of `check`, with the defaults below each check (`withCheckDefaults`)
 */
export function readUses(
  written: readonly WrittenUse[],
  node: TreeNode,
  server: CheckedServer,
  surroundings: CheckSurroundings,
  report: Report,
): CheckUseConfig[] {
  const names = new Register<TreeNode>();
  const questions = new Register<TreeNode>();
  return written.map((use, index): CheckUseConfig => {
    const item = node.kind === "list" ? descend(node, [index]) : node;
    if (!("name" in use)) {
      const check = settle(use, item, server, surroundings, report);
      // A digest for each server costs what is seen where there are thousands.
      if (written.filter((one) => "type" in one && one.type === check.type).length === 1) {
        return check;
      }
      // They would be one, and `require` would count it twice.
      const what = "Two checks of one server ask the same, at the same times";
      const id = inlineId(check, server, question(check, server));
      const same = questions.claim([id], item);
      clash(item, same, what, "leave out one of the two", report);
      return check;
    }
    const what = `The check ${shown(item)} is used twice`;
    clash(item, names.claim([use.name], item), what, "leave out one of the two", report);
    if (!surroundings.checks.includes(use.name)) {
      reportUnknown("check", use.name, item, surroundings.checks, report);
    }
    return use;
  });
}

/** Reports what is wrong with one check, and finds its user. @param server absent: it has a name */
function settle(
  written: WrittenCheck,
  node: TreeNode,
  server: CheckedServer | undefined,
  surroundings: CheckSurroundings,
  report: Report,
): CheckConfig {
  const { user: name, ...rest } = written;
  const check: CheckConfig = rest;
  if (node.kind === "table") checkUse(check, node, report);
  checkPlace(check, node, server, report);
  checkJudgement(check, node, report);
  if (check.type === "http") checkHttp(check, node, report);
  checkTls(check, node, report);
  checkReply(check, node, report);
  checkPreset(check, node, report);
  checkLocal(check, node, surroundings, report);
  if (check.type !== "script") return check;
  const user = name === undefined
    ? surroundings.user
    : resolveUser(name, descend(node, ["user"]), surroundings.users, report) ?? surroundings.user;
  const how = {
    user,
    ...(surroundings.security === undefined ? {} : { security: surroundings.security }),
  };
  if (check.command !== undefined) {
    checkCommand(check.command, descend(node, ["command"]), how, report);
  }
  return { ...check, user };
}

/** Keys that were written for another type. */
function checkUse({ type }: CheckConfig, node: TableNode, report: Report): void {
  for (const [key, entry] of node.entries) {
    const users = usersOf(key);
    if (users === undefined || users.includes(type)) continue;
    report({
      place: keyPlace(entry),
      message: `\`${key}\` has no meaning for a check of type "${type}" (${OTHER})`,
      advice: `leave it out: it is for ${users.join(", ")}`,
      other: valuePlace(descend(node, ["type"])),
    });
  }
}

function missing(node: TreeNode, key: string, why: string, advice: string, report: Report): void {
  report({ place: valuePlace(node), message: `The key \`${key}\` is missing: ${why}`, advice });
}

function checkPlace(
  check: CheckConfig,
  node: TreeNode,
  server: CheckedServer | undefined,
  report: Report,
): void {
  if (!talks(check.type)) return;
  if (!checkForwarding(check, node, server, report)) return;
  const address = addressOf(check, server);
  const { bind_address, bind_interface } = check;
  if (address === undefined) {
    const why = "a check with a name stands at no server";
    return missing(node, "address", why, 'add `address = "192.0.2.1"`', report);
  }
  if (portOf(check, server) === undefined) {
    const why = check.type === "agent"
      ? "an agent has a port of its own, beside the service"
      : "nothing else says which one";
    missing(node, "port", why, "add `port = 8080`", report);
  }
  if (bind_address !== undefined && familyOf(bind_address) !== familyOf(address)) {
    const own = descend(node, ["bind_address"]);
    const word = familyOf(address) === "ipv4" ? "IPv4" : "IPv6";
    report({
      place: valuePlace(own),
      message: `Invalid \`bind_address\`: ${address} is not of the same family`,
      advice: `write an ${word} address of this host`,
    });
  }
  if (isLinkLocal(address) && bind_interface === undefined) {
    const why = `${address} is link-local, and there may be one on each interface`;
    missing(node, "bind_interface", why, 'add `bind_interface = "eth0"`', report);
  }
}

function checkJudgement({ damping }: CheckConfig, node: TreeNode, report: Report): void {
  if (damping === undefined || damping.reuse < damping.suppress) return;
  const place = descend(node, ["damping", "reuse"]);
  report({
    place: valuePlace(place),
    message: `Invalid \`damping.reuse\`: ${damping.reuse} is not below \`suppress\`, ` +
      `${damping.suppress}: nothing would ever be flapping`,
    advice: "write a smaller number",
  });
}

function checkHttp(check: CheckConfig, node: TreeNode, report: Report): void {
  const { path, urls, auth, token, headers = {}, tls } = check;
  if (path !== undefined && !isRequestPath(path)) {
    const own = descend(node, ["path"]);
    report({
      place: valuePlace(own),
      message: `Invalid \`path\`: ${shown(own)} is not the path of a request: no blanks, and ASCII`,
      advice: `write \`"${encodeURI(path)}"\` instead`,
    });
  }
  if (urls !== undefined && node.kind === "table") {
    const single = "path status expect_headers contains matches not_matches json digest".split(" ");
    for (const key of single) {
      const entry = node.entries.get(key);
      if (entry === undefined || entry.path[0] === "defaults") continue;
      report({
        place: keyPlace(entry),
        message: `\`${key}\` beside \`urls\` (${OTHER}) is for nobody`,
        advice: "give it in each of them",
        other: keyPlace(descend(node, ["urls"])),
      });
    }
  }
  if (auth !== undefined && token !== undefined) {
    report({
      place: keyPlace(descend(node, ["token"])),
      message: `\`token\` and \`auth\` (${OTHER}) are two answers to one question`,
      advice: "leave out one of the two",
      other: keyPlace(descend(node, ["auth"])),
    });
  }
  const name = Object.keys(headers).find((one) => one.toLowerCase() === "authorization");
  if (name !== undefined) {
    report({
      place: keyPlace(descend(node, ["headers", name])),
      message: "Credentials do not belong into `headers`, where everybody sees them",
      advice: "write `auth` or `token` instead",
    });
  }
  if ((auth === undefined && token === undefined) || tls !== undefined) return;
  report({
    place: keyPlace(descend(node, [auth === undefined ? "token" : "auth"])),
    message: "Without `tls` these credentials cross the network in the clear",
    advice: "add `tls = {}` where the server speaks it",
    severity: "warning",
  });
}

function checkTls({ tls }: CheckConfig, node: TreeNode, report: Report): void {
  if (tls === undefined) return;
  const table = descend(node, ["tls"]);
  for (const [one, other] of [["certificate", "key"], ["key", "certificate"]] as const) {
    if (tls[one] === undefined || tls[other] !== undefined) continue;
    report({
      place: keyPlace(descend(table, [one])),
      message: `\`tls.${one}\` without \`tls.${other}\``,
      advice: `add \`${other}\`, or leave it out`,
    });
  }
}

const REPLY_LENGTHS = ["min_reply_length", "max_reply_length"] as const;

function checkReply(check: CheckConfig, node: TreeNode, report: Report): void {
  const { type, min_reply_length: min, max_reply_length: max, reply, require_reply } = check;
  if (type !== "udp") return;
  if (min > max) {
    report({
      place: valuePlace(descend(node, ["min_reply_length"])),
      message: `A reply of at least ${min} and at most ${max} bytes: no length is right`,
      advice: `write \`${max}\` or less`,
    });
  }
  if (reply !== undefined || require_reply || check.preset !== undefined) return;
  if (node.kind !== "table") return;
  for (const key of REPLY_LENGTHS) {
    const entry = node.entries.get(key);
    if (entry === undefined || entry.path[0] === "defaults") continue;
    report({
      place: keyPlace(entry),
      message: `\`${key}\` has no meaning where no reply is needed`,
      advice: "add `require_reply = true`, or leave it out",
    });
  }
}

/** What a ready question needs, and what contradicts it. */
function checkPreset(check: CheckConfig, node: TreeNode, report: Report): void {
  const { type, preset, secret } = check;
  if (type !== "udp" || node.kind !== "table") return;
  const written = (key: string) => {
    const entry = node.entries.get(key);
    return entry === undefined || entry.path[0] === "defaults" ? undefined : entry;
  };
  const refuse = (key: string, why: string, advice: string, other = {}) => {
    const entry = written(key);
    if (entry === undefined) return;
    report({ place: keyPlace(entry), message: `\`${key}\` ${why}`, advice, ...other });
  };
  if (preset !== undefined) {
    const why = `beside \`preset\` (${OTHER}), which knows what to say and what must come`;
    const other = { other: keyPlace(descend(node, ["preset"])) };
    for (const key of ["payload", "reply", "require_reply", ...REPLY_LENGTHS]) {
      refuse(key, why, "leave out one of the two", other);
    }
  }
  if (preset !== "sip") refuse("status", "is for HTTP and SIP alone", 'add `preset = "sip"`');
  if (preset !== "radius") refuse("secret", "is for RADIUS alone", 'add `preset = "radius"`');
  else if (secret === undefined) {
    const advice = 'add `secret = { file = "/etc/halb/radius.key" }`';
    missing(node, "secret", "RADIUS has one for each client", advice, report);
  }
}

/** What is asked of this host. */
function checkLocal(
  { type, command, path, session }: CheckConfig,
  node: TreeNode,
  { sessions }: CheckSurroundings,
  report: Report,
): void {
  if (type === "script" && command === undefined) {
    const advice = 'add `command = ["/usr/local/bin/check-backend"]`';
    missing(node, "command", "a script has one", advice, report);
  }
  if (type === "file" && path === undefined) {
    missing(node, "path", "a file has one", 'add `path = "/etc/halb/weight"`', report);
  }
  if (type !== "bfd") return;
  if (session === undefined) {
    return missing(node, "session", "a session has a name", 'add `session = "to-peer"`', report);
  }
  if (sessions.includes(session)) return;
  reportUnknown("bfd", session, descend(node, ["session"]), sessions, report);
}
