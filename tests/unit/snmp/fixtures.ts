/** What SNMP is told of one of everything. */

import { type Oid, oidText, type Value, type VarBind, View } from "../../../mod/agentx/mod.ts";
import { History, REGIONS, type SnmpFacts, viewOf } from "../../../mod/snmp/mod.ts";
import { NOW } from "../control/status_fixtures.ts";
import { facts as metricFacts } from "../metrics/fixtures.ts";

/** eth0 is 3. The master agent began 200 s ago, this process 100 s ago. */
export function facts(
  more: Parameters<typeof metricFacts>[0] = {},
  history = new History(),
): SnmpFacts {
  const started = new Date(NOW - 100_000).toISOString();
  return {
    status: { ...metricFacts({ started, ...more }).status },
    traps: true,
    now: 0,
    indexOf: (name) => name === "eth0" ? 3 : 0,
    elsewhere: new Set(),
    microsOf: (time) => (Date.parse(time) - NOW) * 1000,
    upTimeAt: (micros) => Math.max(0, 20_000 + micros / 10_000),
    routerPast: (session) => history.router(session),
    sessionPast: (name) => history.session(name),
  };
}

/** Text of a value: numbers, text where it can be read, else bytes. */
export function show(value: Value): string {
  if (!("value" in value)) return value.type;
  const { value: of } = value;
  if (!(of instanceof Uint8Array)) return Array.isArray(of) ? oidText(of) : String(of);
  const readable = of.length > 0 && of.every((byte) => byte >= 0x20 && byte < 0x7f);
  return readable ? new TextDecoder().decode(of) : of.join(" ");
}

/** Everything that a view holds below `start`, by what stands behind that. */
export function walk(view: View, start: Oid): Record<string, string> {
  const found: Record<string, string> = {};
  const end = [...start.slice(0, -1), start.at(-1)! + 1];
  for (let name: Oid = start;;) {
    const one: VarBind = view.next({ start: name, include: false, end });
    if (one.value.type === "end_of_mib_view") return found;
    found[oidText(one.name.slice(start.length))] = `${one.value.type} ${show(one.value)}`;
    name = one.name;
  }
}

export function everything(of: SnmpFacts): View {
  return viewOf(of, Object.keys(REGIONS) as (keyof typeof REGIONS)[], () => null);
}
