/**
 * `agent.snmp`: the SNMP agent that halb is a subagent of, and what it tells it.
 *
 * @module
 */

import * as v from "valibot";
import { endpointText } from "../mod/ip/mod.ts";
import { choice, documented, flag, refusalIssue, VALUE } from "./fields.ts";
import { type HttpListen, parseListen } from "./http_schema.ts";

/** Where the master agent listens. */
export type SnmpMaster = HttpListen;

const KIND = "unix: and an absolute path, or tcp: and an address with a port";
const DEFAULT_MASTER = "unix:/var/agentx/master";
/** IANA's port of AgentX. */
const PORT = 705;

function parseMaster(value: string): SnmpMaster | undefined {
  if (value.startsWith("unix:")) return parseListen(value);
  return value.startsWith("tcp:") ? parseListen(value.slice("tcp:".length)) : undefined;
}

const master = v.pipe(
  documented(v.string(), KIND, {
    text: "Where the SNMP agent, such as net-snmp's `snmpd`, takes subagents (AgentX, RFC 2741): " +
      "its `agentXSocket`.",
    range: "unix:PATH, tcp:IPV4:PORT, tcp:[IPV6]:PORT",
    example: `tcp:127.0.0.1:${PORT}`,
  }),
  v.rawTransform(({ dataset, addIssue, NEVER }): SnmpMaster => {
    const { value } = dataset;
    const found = parseMaster(value);
    if (found !== undefined) return found;
    const advice = value.startsWith("/")
      ? `unix:${value}`
      : parseListen(value) === undefined
      ? undefined
      : `tcp:${value}`;
    addIssue(refusalIssue({
      message: `${VALUE} is not ${KIND}, such as ${DEFAULT_MASTER}`,
      ...(advice === undefined ? {} : { advice: `write \`"${advice}"\` instead` }),
    }));
    return NEVER;
  }),
);

const mib = choice(["vrrpv3", "keepalived", "bfd"], {
  text: "VRRPV3-MIB (RFC 6527), KEEPALIVED-MIB, BFD-STD-MIB (RFC 7331).",
  example: "vrrpv3",
});

/** `agent.snmp`. */
export const SNMP_TABLE = documented(
  v.strictObject({
    master: v.optional(master, DEFAULT_MASTER),
    mibs: v.optional(
      v.pipe(
        documented(v.array(mib), "a list of MIBs", {
          text: "What halb answers for. Where keepalived runs beside it, leave out what it has.",
          range: "1 to 3 of vrrpv3, keepalived, bfd",
          example: ["vrrpv3", "bfd"],
        }),
        v.check((list) => list.length > 0, "At least one MIB is wanted"),
        v.check((list) => new Set(list).size === list.length, "A MIB stands there twice"),
      ),
      ["vrrpv3", "keepalived", "bfd"],
    ),
    traps: v.optional(
      flag({
        text: "Send notifications of these MIBs; the master passes them on as it is configured.",
        example: false,
      }),
      true,
    ),
  }),
  "a table",
  {
    text: "Be a subagent of this host's SNMP agent, read-only; without the table, nothing is " +
      "connected to.",
    example: { master: DEFAULT_MASTER },
  },
);

/** `agent.snmp`, resolved. */
export type SnmpConfig = v.InferOutput<typeof SNMP_TABLE>;

/** As it is written: `unix:PATH`, `tcp:127.0.0.1:705`. */
export function masterText(master: SnmpMaster): string {
  return "path" in master ? `unix:${master.path}` : `tcp:${endpointText(master)}`;
}
