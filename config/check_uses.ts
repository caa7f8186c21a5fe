/**
 * Which keys a type of check has a use for, and where a check goes: what the checks of a site are
 * judged and planned by.
 *
 * @module
 */

import { PRESET_PORTS } from "../mod/check/types/udp_preset.ts";
import { own } from "../mod/values/mod.ts";
import { CHECK_TYPES, type CheckType, type WrittenCheck } from "./check_schema.ts";
import { overlay, type TableNode, type TreeNode } from "./tree.ts";
import type { ScriptUser } from "./users.ts";

/** A check whose user is known. Durations in microseconds. */
export type CheckConfig = Omit<WrittenCheck, "user"> & {
  /** Whom a script runs as; absent for other types. */
  readonly user?: ScriptUser;
};

/** One `[[check]]`. */
export type NamedCheckConfig = CheckConfig & { readonly name: string };

/** An item of `check` of a server: a `[[check]]` by its name, or one that stands there. */
export type CheckUseConfig = { readonly name: string } | CheckConfig;

/** How packets for a virtual address reach one real server. */
export interface ForwardedWay {
  /** The virtual address, and the port there; 0: any. */
  readonly address: string;
  readonly port: number;
  /** The real server's address. */
  readonly server: string;
  /** The same for the same destination of the kernel's table. */
  readonly key: string;
}

/** The server that a check stands at. */
export interface CheckedServer {
  readonly address: string;
  /** 0: none, that of a service by mark. */
  readonly port: number;
  /** For `via_forwarding`; or why no probe can go that way, in words. */
  readonly via?: ForwardedWay | string;
}

/** Types that look at this host. */
const LOCAL: readonly CheckType[] = ["script", "file", "bfd"];
/** Types that talk to an address. */
const TALKING: readonly CheckType[] = CHECK_TYPES.filter((type) => !LOCAL.includes(type));
/** Of these, those that talk to a port. */
const TO_PORT: readonly CheckType[] = TALKING.filter((type) => type !== "ping");
/** Types that are asked again and again. */
const TIMED: readonly CheckType[] = [...TALKING, "script", "file"];

/** Types that have a use for a key; one that is not listed is for all. */
const USERS: Readonly<Record<string, readonly CheckType[]>> = {
  ...from(
    "interval timeout rise fall retry_interval warmup hold_down damping start_failed",
    TIMED,
  ),
  ...from("address bind_address bind_interface mark namespace", TALKING),
  ...from("port bind_port", TO_PORT),
  ...from("via_forwarding", ["tcp", "http", "grpc", "smtp", "dns", "udp"]),
  ...from("send", ["tcp", "agent"]),
  ...from("expect", ["tcp"]),
  ...from("path", ["http", "file"]),
  ...from(
    "urls method version headers body expect_headers contains matches not_matches json " +
      "digest redirects auth token",
    ["http"],
  ),
  ...from("status", ["http", "udp"]),
  ...from("host", ["http", "grpc"]),
  ...from("tls proxy_protocol", ["http", "grpc", "smtp"]),
  ...from("service", ["grpc"]),
  ...from("helo_name starttls", ["smtp"]),
  ...from("query record protocol codes answers", ["dns"]),
  ...from("payload reply require_reply min_reply_length max_reply_length preset secret", ["udp"]),
  ...from("size", ["ping"]),
  ...from("command user dynamic", ["script"]),
  ...from("weight reverse", ["file"]),
  ...from("session", ["bfd"]),
};

function from(keys: string, types: readonly CheckType[]): Record<string, readonly CheckType[]> {
  return Object.fromEntries(keys.split(" ").map((key) => [key, types]));
}

/** Types that have a use for `key`; undefined: all of them. */
export function usersOf(key: string): readonly CheckType[] | undefined {
  return own(USERS, key);
}

/** Whether a check may give its server more weight than it has of its own. */
export function liftsWeight({ type, dynamic, weight }: CheckConfig): boolean {
  return dynamic || (type === "file" && weight !== 0);
}

/** Whether checks of a type talk to an address. */
export function talks(type: CheckType): boolean {
  return TALKING.includes(type);
}

/** The usual port of a type; undefined: there is none. */
function usualPort(
  { type, tls, preset }: Pick<CheckConfig, "type" | "tls" | "preset">,
): number | undefined {
  if (type === "http") return tls === undefined ? 80 : 443;
  if (type === "smtp") return tls === undefined ? 25 : 465;
  if (preset !== undefined) return PRESET_PORTS[preset];
  return type === "dns" ? 53 : undefined;
}

/** Which way a check takes with `via_forwarding`; undefined: it asks directly. */
export function forwardedBy(
  { via_forwarding }: Pick<CheckConfig, "via_forwarding">,
  server: CheckedServer | undefined,
): ForwardedWay | undefined {
  if (via_forwarding === undefined || typeof server?.via === "string") return undefined;
  return server?.via;
}

/** Whom a check asks; undefined: nobody says. */
export function addressOf(
  check: Pick<CheckConfig, "address" | "via_forwarding">,
  server?: CheckedServer,
): string | undefined {
  return forwardedBy(check, server)?.address ?? check.address ?? server?.address;
}

/** The port that a check asks; 0 of one that needs none; undefined: nobody says. */
export function portOf(
  check: Pick<
    CheckConfig,
    "type" | "tls" | "address" | "port" | "starttls" | "via_forwarding" | "preset"
  >,
  server?: CheckedServer,
): number | undefined {
  const { type, address, port } = check;
  if (!TO_PORT.includes(type)) return 0;
  if (port !== undefined) return port;
  // An agent stands beside the service, never in its place.
  if (type === "agent") return undefined;
  const there = forwardedBy(check, server)?.port ?? server?.port ?? 0;
  const own = there === 0 ? undefined : there;
  if (own !== undefined && (address === undefined || usualPort(check) === undefined)) return own;
  const usual = check.starttls === true ? { ...check, tls: undefined } : check;
  return usualPort(usual as CheckConfig);
}

/**
 * Whether a check needs what only the runtime's library has, TLS, or what may take long; else it
 * runs over sockets of ours in a loop that others share.
 */
export function needsRuntime(check: CheckConfig): boolean {
  const { tls, starttls, proxy_protocol, redirects, urls = [] } = check;
  if (!talks(check.type)) return false;
  return tls !== undefined || starttls || proxy_protocol !== undefined || redirects > 0 ||
    [check, ...urls].some((one) => one.matches !== undefined || one.not_matches !== undefined);
}

function typeAt(table: TreeNode | undefined): unknown {
  const type = table?.kind === "table" ? table.entries.get("type") : undefined;
  return type?.kind === "scalar" ? type.value : undefined;
}

/** One check over `[defaults.check]`, without what its type has no use for. */
function layUnder(common: TableNode, item: TreeNode): TreeNode {
  if (item.kind !== "table") return item;
  const type = typeAt(item) ?? typeAt(common);
  const entries = new Map([...common.entries].filter(([key]) => {
    const users = usersOf(key);
    return users === undefined || (users as readonly unknown[]).includes(type);
  }));
  return overlay({ ...common, entries }, item);
}

/** `check`, in which each check has `[defaults.check]` below it; names stay as they are. */
export function withCheckDefaults(common: TreeNode | undefined, node: TreeNode): TreeNode {
  if (common?.kind !== "table") return node;
  if (node.kind !== "list") return layUnder(common, node);
  return { ...node, items: node.items.map((item) => layUnder(common, item)) };
}
