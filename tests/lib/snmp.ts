/**
 * net-snmp in a lab: an agent that takes subagents, a receiver of notifications, and questions.
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";
import type { LabProcess } from "./process.ts";

/** Where the agent of a host takes subagents. */
export const MASTER = "tcp:127.0.0.1:705";
const PEERS = ["-v2c", "-c", "public", "-t", "10", "-r", "1", "-m", "", "-OnUe", "127.0.0.1"];
/** It shall write and look for files nowhere else. */
const environment = (directory: string) => ({
  SNMP_PERSISTENT_DIR: directory,
  SNMPCONFPATH: directory,
  MIBS: "",
  MIBDIRS: directory,
});

function directoryOf(lab: Lab, host: Host, name: string): string {
  const path = `${lab.directory}/${name}-${host.name}`;
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Starts the agent. @param patience seconds that it gives subagents */
export function startSnmpd(lab: Lab, host: Host, patience = 10): LabProcess {
  const directory = directoryOf(lab, host, "snmpd");
  const path = `${directory}/snmpd.conf`;
  Deno.writeTextFileSync(
    path,
    `rocommunity public
rwcommunity private
dontLogTCPWrappersConnects yes
master agentx
agentXSocket ${MASTER}
agentXTimeout ${patience}
trap2sink 127.0.0.1:162 public
`,
  );
  const argv = ["/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", path, "-I", "-smux"];
  return host.spawn([...argv, "udp:127.0.0.1:161"], {
    name: "snmpd",
    env: environment(directory),
  });
}

/** Starts the receiver, which prints a line for each notification. */
export async function startTrapd(lab: Lab, host: Host): Promise<LabProcess> {
  const directory = directoryOf(lab, host, "snmptrapd");
  const path = `${directory}/snmptrapd.conf`;
  Deno.writeTextFileSync(path, "disableAuthorization yes\n");
  const argv = ["/usr/sbin/snmptrapd", "-f", "-Lo", "-n", "-OnUe", "-C", "-c", path];
  const format = ["-F", "TRAP %v\\n", "udp:127.0.0.1:162"];
  const process = host.spawn([...argv, ...format], {
    name: "snmptrapd",
    env: environment(directory),
  });
  await lab.until("snmptrapd listens", async () => {
    return (await host.exec(["ss", "-Hlun"])).includes(":162");
  }, 15_000);
  return process;
}

/** A variable as it was printed: `Gauge32`, `STRING` and so on, and the text behind it. */
export interface Variable {
  readonly type: string;
  readonly value: string;
}

/** By the number of the variable, without a dot before it. */
export type Variables = ReadonlyMap<string, Variable>;

/** Lines of `-On`, in their order. What a walk says of a place where nothing is, is no variable. */
function parseVariables(text: string): Map<string, Variable> {
  const found = new Map<string, Variable>();
  for (const line of text.split("\n")) {
    const match = /^\.([\d.]+) = (?:([A-Za-z][\w -]*): )?(.*)$/.exec(line);
    if (match === null || match[3]!.startsWith("No ")) continue;
    found.set(match[1]!, { type: match[2] ?? "", value: match[3]! });
  }
  return found;
}

/** Everything below a number, as `snmpwalk` or `snmpbulkwalk` finds it. */
export async function walk(
  host: Host,
  oid: string,
  tool: "snmpwalk" | "snmpbulkwalk" = "snmpwalk",
): Promise<Map<string, Variable>> {
  return parseVariables(await host.exec([tool, ...PEERS, oid]));
}

/** What a tool of net-snmp says, whether it succeeds or not. */
export async function snmp(host: Host, tool: string, ...words: string[]): Promise<string> {
  const peers = tool === "snmpset" ? PEERS.map((word) => word.replace("public", "private")) : PEERS;
  const { stdout, stderr } = await host.tryExec([tool, ...peers, ...words]);
  return stdout + stderr;
}
