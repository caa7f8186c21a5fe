/** What a site.toml may say, and how it is loaded. @module */

export {
  type AddressConfig,
  addressLeaseSeconds,
  type AgentConfig,
  type SiteConfig,
  type VrrpConfig,
} from "./schema.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export { type FormatOptions, formatProblem, type Problem } from "./problem.ts";
