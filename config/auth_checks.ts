/**
 * What `auth` of a virtual router needs, has no use for, and contradicts the router in. All of it
 * fails closed: a router whose adverts cannot be signed as it says does not run.
 *
 * @module
 */

import type { AuthConfig } from "./auth_schema.ts";
import { OTHER, type Report } from "./finding.ts";
import { type CheckedRouter, clash, Register } from "./router_checks.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";

type Type = AuthConfig["type"];

/** Which types have a use for a key. */
const USERS: Readonly<Record<string, readonly Type[]>> = {
  password: ["pass", "ah"],
  keys: ["hmac"],
  active_key: ["hmac"],
  mode: ["hmac"],
  anti_replay: ["hmac"],
  time_window: ["hmac"],
};

/** Reports what is wrong with the authentication of a router. */
export function checkAuth({ config, node }: CheckedRouter, report: Report): void {
  const { auth } = config;
  if (auth === undefined) return;
  const table = descend(node, ["auth"]);
  checkUse(auth, table, report);
  if (auth.type === "none") return;
  if (auth.type === "hmac") return checkKeys(auth, table, report);
  const type = descend(table, ["type"]);
  if (auth.password === undefined) {
    report({
      place: keyPlace(table),
      message: `The key \`auth.password\` is missing: type ${shown(type)} needs it`,
      advice: 'add `password = { file = "/etc/halb/vrrp.password" }`',
    });
  }
  if (config.version === 2) return;
  const version = descend(node, ["version"]);
  const written = node.kind === "table" && node.entries.has("version");
  report({
    place: valuePlace(type),
    message: `Authentication of type ${shown(type)} is for VRRP version 2, and this router ` +
      `${written ? `(${OTHER}) ` : ""}speaks version ${config.version}`,
    advice: 'write `type = "hmac"` with `keys`, or `version = 2` for the router',
    ...(written ? { other: valuePlace(version) } : {}),
  });
}

/** Keys that were written for another type. A default is for the routers that it can serve. */
function checkUse(auth: AuthConfig, table: TreeNode, report: Report): void {
  if (table.kind !== "table") return;
  const type = descend(table, ["type"]);
  for (const [key, entry] of table.entries) {
    const users = USERS[key];
    if (users === undefined || users.includes(auth.type) || entry.path[0] === "defaults") continue;
    report({
      place: keyPlace(entry),
      message: `\`auth.${key}\` is for type ${users.map((user) => `"${user}"`).join(" and ")}, ` +
        `not for ${shown(type)} (${OTHER})`,
      advice: "leave the key out",
      other: valuePlace(type),
    });
  }
}

function checkKeys(auth: AuthConfig, table: TreeNode, report: Report): void {
  const keys = auth.keys ?? [];
  const window = descend(table, ["time_window"]);
  if (auth.anti_replay === "monotonic" && auth.time_window !== undefined) {
    report({
      place: keyPlace(window),
      message: '`auth.time_window` has no effect with `anti_replay = "monotonic"`',
      advice: "leave the key out",
      severity: "warning",
    });
  }
  if (keys.length === 0) {
    report({
      place: auth.keys === undefined ? keyPlace(table) : valuePlace(descend(table, ["keys"])),
      message: 'Authentication of type "hmac" needs at least one key in `auth.keys`',
      advice: 'add `keys = [{ id = 1, key = { file = "/etc/halb/vrrp.key" } }]`',
    });
    return;
  }
  const ids = new Register<TreeNode>();
  keys.forEach(({ id }, index) => {
    const own = descend(table, ["keys", index, "id"]);
    const what = `Two keys have the id ${shown(own)}`;
    clash(own, ids.claim([id], own), what, "give each key an id of its own, 1 to 255", report);
  });
  const known = keys.map(({ id }) => id);
  if (auth.active_key === undefined) {
    if (keys.length === 1) return;
    report({
      place: keyPlace(table),
      message: "The key `auth.active_key` is missing: there are several keys, and adverts are " +
        "signed with one",
      advice: `add \`active_key = ${known[0]}\``,
    });
  } else if (!known.includes(auth.active_key)) {
    const active = descend(table, ["active_key"]);
    report({
      place: valuePlace(active),
      message: `There is no key with the id ${shown(active)} to sign with, only ` +
        known.join(", "),
      advice: `write \`${known[0]}\`, or add that key to \`keys\``,
    });
  }
}
