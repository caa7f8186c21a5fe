/**
 * Whether a host's own firewall lets packets in, as far as `nft -j list ruleset` tells it: rules
 * are looked through, not run. Only what is certain is found: a chain that drops what no rule
 * before could accept, by its policy or by a rule whose conditions all packets of the kind fulfil.
 *
 * @module
 */

import { inPrefix, parseIp } from "../ip/mod.ts";

/** Packets that must come in. */
export interface Wanted {
  /** `vrrp`, `udp`. */
  readonly protocol: "vrrp" | "udp";
  /** UDP: the destination. */
  readonly port?: number;
  readonly family: "ipv4" | "ipv6";
  /** The multicast group that they go to; absent: this host's own address. */
  readonly group?: string;
}

interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}

interface Rule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly expr: readonly unknown[];
}

/** The name of a base chain that drops such packets, `inet filter input`; undefined: none is known. */
export function droppedBy(ruleset: unknown, wanted: Wanted): string | undefined {
  const { chains, rules } = parse(ruleset);
  const families = ["inet", wanted.family === "ipv4" ? "ip" : "ip6"];
  for (const chain of chains) {
    if (chain.hook !== "input" || !families.includes(chain.family)) continue;
    const fate = fateIn(chain, rules, wanted, new Set());
    if (fate === "dropped" || (fate === "none" && chain.policy === "drop")) {
      return `${chain.family} ${chain.table} ${chain.name}`;
    }
  }
  return undefined;
}

function parse(ruleset: unknown): { chains: Chain[]; rules: Rule[] } {
  const list = isRecord(ruleset) && Array.isArray(ruleset["nftables"]) ? ruleset["nftables"] : [];
  const chains: Chain[] = [];
  const rules: Rule[] = [];
  for (const item of list) {
    if (!isRecord(item)) continue;
    if (isRecord(item["chain"])) chains.push(item["chain"] as unknown as Chain);
    if (isRecord(item["rule"])) rules.push(item["rule"] as unknown as Rule);
  }
  return { chains, rules };
}

/** `dropped`: for certain; `accepted`: perhaps; `none`: no rule says anything of them. */
type Fate = "dropped" | "accepted" | "none";

/** A verdict map, and what decides elsewhere, may say anything. */
const ANYTHING = ["accept", "vmap", "xt", "queue"];

/** What becomes of such packets in a chain, and those that it leads to. */
function fateIn(
  { family, table, name }: Chain,
  rules: readonly Rule[],
  wanted: Wanted,
  seen: Set<string>,
): Fate {
  if (seen.has(name)) return "none";
  seen.add(name);
  // Some may have left the chain by then.
  let left = false;
  for (const rule of rules) {
    if (rule.family !== family || rule.table !== table || rule.chain !== name) continue;
    if (!Array.isArray(rule.expr) || !couldMatch(rule.expr, wanted)) continue;
    const certain = mustMatch(rule.expr, wanted);
    for (const expression of rule.expr) {
      if (!isRecord(expression)) continue;
      if (ANYTHING.some((verdict) => verdict in expression)) return "accepted";
      if ("drop" in expression || "reject" in expression) {
        if (certain) return left ? "none" : "dropped";
        continue;
      }
      if ("return" in expression) {
        if (certain) return "none";
        left = true;
      }
      const target = expression["jump"] ?? expression["goto"];
      if (isRecord(target) && typeof target["target"] === "string") {
        const next: Chain = { family, table, name: target["target"] };
        const fate = fateIn(next, rules, wanted, seen);
        if (fate === "accepted") return fate;
        if (fate === "dropped" && certain) return left ? "none" : fate;
        if ("goto" in expression) {
          if (certain) return "none";
          left = true;
        }
      }
    }
  }
  return "none";
}

/** What a rule may hold that no packet is told apart by. */
const INDIFFERENT = ["counter", "log", "drop", "reject", "jump", "goto", "return", "comment"];

/** True where all conditions of the rule hold for every such packet. */
function mustMatch(expressions: readonly unknown[], wanted: Wanted): boolean {
  return expressions.every((expression) => {
    if (!isRecord(expression)) return false;
    const [key = "", match] = Object.entries(expression)[0] ?? [];
    if (key !== "match") return INDIFFERENT.includes(key);
    if (!isRecord(match) || (match["op"] !== "==" && match["op"] !== "in")) return false;
    return holds(match["left"], match["right"], wanted);
  });
}

function holds(left: unknown, right: unknown, wanted: Wanted): boolean {
  if (!isRecord(left)) return false;
  const meta = isRecord(left["meta"]) ? left["meta"]["key"] : undefined;
  const payload = isRecord(left["payload"]) ? left["payload"] : undefined;
  const [protocol, field] = [payload?.["protocol"], payload?.["field"]];
  const numbers: readonly unknown[] = wanted.protocol === "vrrp" ? ["vrrp", 112] : ["udp", 17];
  const named = meta === "l4proto" || (protocol === "ip" && field === "protocol") ||
    (protocol === "ip6" && field === "nexthdr");
  if (named) return values(right).some((one) => numbers.includes(one));
  if (meta === "pkttype") return wanted.group !== undefined && values(right).includes("multicast");
  if ((protocol === "ip" || protocol === "ip6") && field === "daddr") {
    const { group } = wanted;
    return group !== undefined &&
      values(right).some((one) => one === group || isNetworkOf(one, group));
  }
  if ((protocol === "udp" || protocol === "th") && field === "dport") {
    return wanted.port !== undefined && values(right).some((one) => isPort(one, wanted.port!));
  }
  return false;
}

function isNetworkOf(value: unknown, address: string): boolean {
  const prefix = isRecord(value) ? value["prefix"] : undefined;
  if (!isRecord(prefix) || typeof prefix["addr"] !== "string") return false;
  const [network, bytes, length] = [parseIp(prefix["addr"]), parseIp(address), prefix["len"]];
  return network !== undefined && bytes?.length === network.length && typeof length === "number" &&
    inPrefix(bytes, network, length);
}

function isPort(value: unknown, port: number): boolean {
  return (typeof value === "number" || isRecord(value)) && covers(value, port) &&
    (!isRecord(value) || "range" in value);
}

/** False where a condition of the rule can never hold for such packets. */
function couldMatch(expressions: readonly unknown[], wanted: Wanted): boolean {
  return expressions.every((expression) => {
    const match = isRecord(expression) ? expression["match"] : undefined;
    if (!isRecord(match) || (match["op"] !== "==" && match["op"] !== "in")) return true;
    return possible(match["left"], match["right"], wanted);
  });
}

function possible(left: unknown, right: unknown, wanted: Wanted): boolean {
  if (!isRecord(left)) return true;
  const meta = isRecord(left["meta"]) ? left["meta"]["key"] : undefined;
  const payload = isRecord(left["payload"]) ? left["payload"] : undefined;
  const [protocol, field] = [payload?.["protocol"], payload?.["field"]];
  if (meta === "iif" || meta === "iifname") return right !== "lo";
  if (isRecord(left["ct"]) && left["ct"]["key"] === "state") {
    // A peer's packets are the first of their kind.
    return values(right).some((state) => state === "new" || state === "untracked");
  }
  if (
    meta === "l4proto" || (protocol === "ip" && field === "protocol") ||
    (protocol === "ip6" && field === "nexthdr")
  ) {
    const names: readonly unknown[] = wanted.protocol === "vrrp" ? ["vrrp", 112] : ["udp", 17];
    return values(right).some((one) => names.includes(one) || !isPlain(one));
  }
  if (protocol === "ip") return wanted.family === "ipv4";
  if (protocol === "ip6") return wanted.family === "ipv6";
  if (["tcp", "sctp", "dccp", "icmp", "icmpv6", "ah", "esp"].includes(String(protocol))) {
    return false;
  }
  if (protocol === "udp" || protocol === "th") {
    if (wanted.protocol !== "udp") return false;
    if (field !== "dport") return true;
    return values(right).some((one) => covers(one, wanted.port ?? 0));
  }
  return true;
}

/** The values that a condition allows. */
function values(right: unknown): readonly unknown[] {
  if (isRecord(right) && Array.isArray(right["set"])) return right["set"];
  return Array.isArray(right) ? right : [right];
}

function isPlain(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && !value.startsWith("@"));
}

function covers(value: unknown, port: number): boolean {
  if (typeof value === "number") return value === port;
  if (isRecord(value) && Array.isArray(value["range"])) {
    const [low, high] = value["range"];
    return Number(low) <= port && port <= Number(high);
  }
  return true;
}

/** Whether some rule rewrites sources of what passes through. */
export function rewritesSources(ruleset: unknown): boolean {
  return parse(ruleset).rules.some(({ expr }) =>
    Array.isArray(expr) &&
    expr.some((each) => isRecord(each) && ("masquerade" in each || "snat" in each))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
