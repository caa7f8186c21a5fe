/**
 * Whether a host's own firewall lets packets in, as far as `nft -j list ruleset` tells it: rules
 * are looked through, not run. Only what is certain is found: a chain that drops what no rule
 * accepts, in which no rule names the packets in any way that could let them pass.
 *
 * @module
 */

/** Packets that must come in. */
export interface Wanted {
  /** `vrrp`, `udp`. */
  readonly protocol: "vrrp" | "udp";
  /** UDP: the destination. */
  readonly port?: number;
  readonly family: "ipv4" | "ipv6";
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
    if (chain.hook !== "input" || chain.policy !== "drop" || !families.includes(chain.family)) {
      continue;
    }
    if (!mayAccept(chain, rules, wanted, new Set())) {
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

/** Whether some rule of the chain, or of one that it leads to, could accept such packets. */
function mayAccept(
  { family, table, name }: Chain,
  rules: readonly Rule[],
  wanted: Wanted,
  seen: Set<string>,
): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  for (const rule of rules) {
    if (rule.family !== family || rule.table !== table || rule.chain !== name) continue;
    if (!Array.isArray(rule.expr) || !couldMatch(rule.expr, wanted)) continue;
    for (const expression of rule.expr) {
      if (!isRecord(expression)) continue;
      // A verdict map may say anything.
      if ("accept" in expression || "vmap" in expression || "xt" in expression) return true;
      const target = expression["jump"] ?? expression["goto"];
      if (isRecord(target) && typeof target["target"] === "string") {
        const next: Chain = { family, table, name: target["target"] };
        if (mayAccept(next, rules, wanted, seen)) return true;
      }
    }
  }
  return false;
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
