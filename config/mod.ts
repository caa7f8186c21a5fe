/**
 * What a site.toml may say, and how it is loaded.
 *
 * ```ts
 * const result = loadSite("site.toml", systemOptions());
 * if (!result.ok) {
 *   for (const problem of result.problems) console.error(formatProblem(problem, { color: false }));
 * }
 * ```
 *
 * @module
 */

export {
  type AddressConfig,
  type AgentConfig,
  hasBothFamilies,
  type RouteConfig,
  routerFamily,
  type RuleConfig,
  type SiteConfig,
  type StaticConfig,
  type SyncGroupConfig,
  type VrrpConfig,
} from "./schema.ts";
export { type BfdConfig, minimumTtl } from "./bfd_schema.ts";
export {
  addressOf,
  type CheckConfig,
  type CheckedServer,
  type CheckUseConfig,
  forwardedBy,
  type ForwardedWay,
  type NamedCheckConfig,
  needsRuntime,
  portOf,
} from "./check_uses.ts";
export { askedOf, inlineId, question } from "./check_identity.ts";
export { forwardingMarks, markRange, wayOf } from "./forwarding.ts";
export { bytesOf, expressionOf } from "./check_fields.ts";
export type { BfdReflectorConfig, BfdUnsolicitedConfig } from "./bfd_strangers_schema.ts";
export type { IpvsConfig, SyncDaemonConfig } from "./ipvs_schema.ts";
export type { RealServerConfig } from "./real_server_schema.ts";
export { readServerList, type ServerList, withListed } from "./server_list.ts";
export type { SorryServerConfig, VirtualServerConfig } from "./virtual_server_schema.ts";
export {
  listenOf,
  type MarkedPackets,
  marksOf,
  realServerOf,
  serviceFamilies,
  serviceOf,
  sorryServerOf,
} from "./virtual_server_table.ts";
export type { GarpGroupConfig } from "./announce_schema.ts";
export {
  type LoadedSite,
  type LoadOptions,
  loadSite,
  type RefusedSite,
  type ValidSite,
} from "./load.ts";
export { type Family, familyOf } from "./ip.ts";
export { virtualInterfaceName, virtualMacAddress } from "./virtual_mac_schema.ts";
export type {
  TrackAddressConfig,
  TrackersConfig,
  TrackFileConfig,
  TrackProcessConfig,
  TrackRouteConfig,
  TrackScriptConfig,
} from "./tracker_schema.ts";
export type { GroupTrackConfig, TrackConfig, TrackedConfig, TrackList } from "./track_table.ts";
export {
  capabilitiesOf,
  type Feature,
  FEATURES,
  type Need,
  needsOf,
  runsAsRoot,
} from "./capability_needs.ts";
export {
  configOf,
  controlOf,
  HALB_PROTOCOLS,
  INSTANCE,
  protocolOf,
  stateDirectoryOf,
} from "./instances.ts";
export { type ScriptUser, type UserDirectory, type UserEntry } from "./users.ts";
export {
  type HookConfig,
  type NotificationsConfig,
  type NotifyConfig,
  realServerTarget,
} from "./notify_checks.ts";
export type { MailConfig } from "./mail_schema.ts";
export { LOG_LEVELS, type LogLevel, type Subsystem, SUBSYSTEMS } from "./log_levels.ts";
export { masterText, type SnmpConfig, type SnmpMaster } from "./snmp_schema.ts";
export { type HttpConfig, type HttpListen, isLocal, listenText } from "./http_schema.ts";
export { nearest } from "./nearest.ts";
export {
  fingerprintOf,
  loadRecorded,
  type RecordedSite,
  replayRecording,
  type SiteRecording,
} from "./recording.ts";
export { systemOptions } from "./system.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export { isDurationAt } from "./duration_keys.ts";
export { type FormatOptions, formatProblem, type Problem } from "./problem.ts";
export { type FileFacts, type FileSecurity, untrusted } from "./security.ts";
export { RELEASE } from "./planned.ts";
