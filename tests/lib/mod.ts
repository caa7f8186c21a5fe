/**
 * The lab library: machines, cables, captures, daemons and a client that measures, for tests.
 *
 * @module
 */

export { Capture, type CapturedPacket } from "./capture.ts";
export {
  HalbAgent,
  type HalbOptions,
  halbPath,
  type HalbRouterStatus,
  type HalbStatus,
  IN_GUEST,
  Keepalived,
  runHalb,
  startHalb,
  startKeepalived,
  withAgentKeys,
} from "./daemons.ts";
export { fifoReader } from "./fifo_reader.ts";
export { Lab, lab, labsAtOnce, type LabTestOptions } from "./lab.ts";
export { Host, type HostAddress, type HostRoute, Lan, type LanOptions, Link } from "./network.ts";
export { type Outage, Probe, type ProbeRecord, ProbeResult, startProbe } from "./probe.ts";
export {
  CommandError,
  delay,
  execute,
  type Executed,
  Hopeless,
  LabProcess,
  processTree,
  tryExecute,
  until,
} from "./process.ts";
