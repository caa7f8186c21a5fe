/**
 * Notifications as a site resolves them: users looked up, programs and FIFOs looked at, and what one
 * key says against another.
 *
 * @module
 */

import type * as v from "valibot";
import { checkCommand } from "./commands.ts";
import { OTHER, type Report } from "./finding.ts";
import type { MailConfig } from "./mail_schema.ts";
import type {
  AGENT_NOTIFY_TABLE,
  BFD_NOTIFY_TABLE,
  NOTIFY_TABLE,
  VIRTUAL_SERVER_NOTIFY_TABLE,
} from "./notify_schema.ts";
import { type FileSecurity, untrusted } from "./security.ts";
import { descend, keyPlace, type Place, shown, type TreeNode, valuePlace } from "./tree.ts";
import { resolveUser, type ScriptUser, type UserDirectory } from "./users.ts";

type RouterKeys = v.InferOutput<typeof NOTIFY_TABLE>;
type SessionKeys = v.InferOutput<typeof BFD_NOTIFY_TABLE>;
type ServerKeys = v.InferOutput<typeof VIRTUAL_SERVER_NOTIFY_TABLE>;

/**
 * `notify` of one router, group, BFD session, virtual or real server. A virtual server's programs
 * for its quorum are `up` and `down`. Times in microseconds.
 */
export type NotifyConfig =
  & Omit<RouterKeys, "user">
  & Pick<SessionKeys, "up" | "down" | "admin_down">
  & {
    /** As keepalived names it; it has no word for BFD. */
    readonly type: "INSTANCE" | "GROUP" | "BFD" | "VS" | "RS";
    /** Of a real server, that of its virtual server before its own: see {@link realServerTarget}. */
    readonly name: string;
    readonly user: ScriptUser;
  };

/** The name by which a real server's notifications are known. */
export function realServerTarget(virtualServer: string, realServer: string): string {
  return `${virtualServer} ${realServer}`;
}

/** A program that runs once. */
export interface HookConfig {
  readonly command: readonly string[];
  readonly user: ScriptUser;
  /** Microseconds. */
  readonly timeout: number;
}

/** All that a site says about notifications. */
export interface NotificationsConfig {
  /** Names of all sync groups. */
  readonly groups: readonly string[];
  /** Names of all BFD sessions. */
  readonly sessions: readonly string[];
  /** Routers, groups, sessions, virtual and real servers that have a `notify`. */
  readonly targets: readonly NotifyConfig[];
  readonly agent: Omit<v.InferOutput<typeof AGENT_NOTIFY_TABLE>, "fifo_user">;
  /** Whom FIFOs belong to that are made. */
  readonly fifo_user: ScriptUser;
  readonly script_user: ScriptUser;
  readonly startup_script?: HookConfig;
  readonly shutdown_script?: HookConfig;
  readonly mail?: MailConfig;
}

/** A router, group, session or server with the tree it came from. */
export interface NotifyingTable {
  readonly type: NotifyConfig["type"];
  readonly config: {
    readonly name: string;
    /** Others than routers have fewer keys. */
    readonly notify?:
      & Omit<RouterKeys, "priority_changes">
      & Pick<SessionKeys, "up" | "down" | "admin_down">
      & Pick<ServerKeys, "quorum_up" | "quorum_down">
      & { priority_changes?: boolean };
  };
  readonly node: TreeNode;
}

type WrittenHook = { command: readonly string[]; user?: string | undefined; timeout: number };

/** The keys of `[agent]` that are about this. */
export interface NotifyingAgent {
  readonly notify?: v.InferOutput<typeof AGENT_NOTIFY_TABLE>;
  readonly startup_script?: WrittenHook;
  readonly shutdown_script?: WrittenHook;
}

/** What the checks have to know of the host and the rest of the site. */
export interface NotifySurroundings {
  readonly security?: FileSecurity;
  readonly users: UserDirectory;
  /** `agent.script_user`. */
  readonly user: ScriptUser;
  readonly mail?: { readonly config: MailConfig; readonly node: TreeNode };
}

/** Keys of `notify` that are programs. */
const PROGRAMS = [
  "master",
  "backup",
  "fault",
  "stop",
  "deleted",
  "any",
  "master_rx_lower_priority",
  "up",
  "down",
  "admin_down",
  "quorum_up",
  "quorum_down",
] as const;

class Reader {
  readonly #surroundings: NotifySurroundings;
  readonly #report: Report;
  /** Paths of FIFOs, what is written to each, and where that was said first. */
  readonly #fifos = new Map<string, { format: string; place: Place }>();

  constructor(surroundings: NotifySurroundings, report: Report) {
    this.#surroundings = surroundings;
    this.#report = report;
  }

  user(written: string | undefined, node: TreeNode): ScriptUser {
    const { user, users } = this.#surroundings;
    if (written === undefined) return user;
    return resolveUser(written, descend(node, ["user"]), users, this.#report) ?? user;
  }

  command(words: readonly string[] | undefined, node: TreeNode, user: ScriptUser): void {
    const { security } = this.#surroundings;
    if (words === undefined || words.length === 0) return;
    const how = { user, ...(security === undefined ? {} : { security }) };
    checkCommand(words, node, how, this.#report);
  }

  hook(written: WrittenHook | undefined, node: TreeNode): HookConfig | undefined {
    if (written === undefined) return undefined;
    const { command, timeout } = written;
    const user = node.kind === "table" ? this.user(written.user, node) : this.#surroundings.user;
    this.command(command, node.kind === "table" ? descend(node, ["command"]) : node, user);
    return { command, user, timeout };
  }

  /** A FIFO takes one kind of lines, and nobody else may put something in its place. */
  fifo(path: string | undefined, format: "text" | "JSON", node: TreeNode): void {
    if (path === undefined) return;
    const place = valuePlace(node);
    const first = this.#fifos.get(path);
    if (first === undefined) this.#fifos.set(path, { format, place });
    else if (first.format !== format) {
      this.#report({
        place,
        message: `The FIFO ${shown(node)} gets lines of ${first.format} already: ${OTHER}`,
        advice: "give each of the two a path of its own",
        other: first.place,
      });
    }
    const { security } = this.#surroundings;
    const directory = path.slice(0, path.lastIndexOf("/")) || "/";
    const reason = security === undefined ? undefined : untrusted(directory, security);
    if (reason === undefined) return;
    this.#report({
      place,
      message: `Refusing the FIFO ${shown(node)}: ${reason}`,
      advice: "only root and the agent's own user may be able to put something there",
    });
  }

  target({ type, config, node }: NotifyingTable): NotifyConfig | undefined {
    const { notify, name } = config;
    if (notify === undefined) return undefined;
    const place = descend(node, ["notify"]);
    const user = this.user(notify.user, place);
    for (const key of PROGRAMS) this.command(notify[key], descend(place, [key]), user);
    this.fifo(notify.fifo, "text", descend(place, ["fifo"]));
    this.fifo(notify.json_fifo, "JSON", descend(place, ["json_fifo"]));
    if (notify.mail && this.#surroundings.mail === undefined) {
      this.#report({
        place: keyPlace(descend(place, ["mail"])),
        message: "`notify.mail` without a table `[mail]`: nobody knows whom to write to",
        advice: "add `[mail]` with `to` and `server`, or leave the key out",
      });
    }
    const { quorum_up: up, quorum_down: down, ...others } = notify;
    return {
      priority_changes: false,
      ...others,
      ...(up === undefined ? {} : { up }),
      ...(down === undefined ? {} : { down }),
      type,
      name,
      user,
    };
  }

  agent(notify: NotifyingAgent["notify"], node: TreeNode): void {
    if (notify === undefined) return;
    const { user } = this.#surroundings;
    for (const [key, format] of [["fifo", "text"], ["json_fifo", "JSON"]] as const) {
      this.fifo(notify[key], format, descend(node, [key]));
      const script = `${key}_script` as const;
      this.command(notify[script], descend(node, [script]), user);
      if (notify[script] === undefined || notify[key] !== undefined) continue;
      this.#report({
        place: keyPlace(descend(node, [script])),
        message: `\`${script}\` without \`${key}\`: there is nothing to read`,
        advice: `add \`${key}\`, or leave the key out`,
      });
    }
  }

  mail(): void {
    const { mail } = this.#surroundings;
    if (mail === undefined) return;
    const { config: { login, tls, host }, node } = mail;
    const local = host === "localhost" || host === "::1" || /^127\./.test(host);
    if (login === undefined || tls !== "none" || local) return;
    this.#report({
      place: keyPlace(descend(node, ["login"])),
      message: `A login with \`tls = "none"\` (${OTHER}) sends the password in the clear`,
      advice: 'write `tls = "starttls"` or `tls = "tls"`, or leave the login out',
      other: valuePlace(descend(node, ["tls"])),
    });
  }
}

function namesOf(tables: readonly NotifyingTable[], wanted: NotifyConfig["type"]): string[] {
  return tables.filter(({ type }) => type === wanted).map(({ config }) => config.name);
}

/** The notifications of a site; reports what is wrong with them. */
export function readNotifications(
  tables: readonly NotifyingTable[],
  agent: NotifyingAgent,
  agentNode: TreeNode,
  surroundings: NotifySurroundings,
  report: Report,
): NotificationsConfig {
  const reader = new Reader(surroundings, report);
  const targets = tables.map((table) => reader.target(table)).filter((one) => one !== undefined);
  const node = descend(agentNode, ["notify"]);
  reader.agent(agent.notify, node);
  reader.mail();
  const startup = reader.hook(agent.startup_script, descend(agentNode, ["startup_script"]));
  const shutdown = reader.hook(agent.shutdown_script, descend(agentNode, ["shutdown_script"]));
  const { fifo_user: written, ...rest } = agent.notify ?? { states_on_reload: false };
  const { user, users, mail } = surroundings;
  const owner = written === undefined
    ? user
    : resolveUser(written, descend(node, ["fifo_user"]), users, report) ?? user;
  return {
    groups: namesOf(tables, "GROUP"),
    sessions: namesOf(tables, "BFD"),
    targets,
    agent: rest,
    fifo_user: owner,
    script_user: user,
    ...(startup === undefined ? {} : { startup_script: startup }),
    ...(shutdown === undefined ? {} : { shutdown_script: shutdown }),
    ...(mail === undefined ? {} : { mail: mail.config }),
  };
}
