/**
 * The severities of log records, and the subsystems that they are about.
 *
 * Imports nothing: `halb --help` names them, too.
 *
 * @module
 */

/** From the least severe to the most. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** What has a level of its own: the first word of what stands before a line's message. */
export const SUBSYSTEMS = {
  bfd: "BFD sessions",
  checks: "health checks",
  control: "the agent itself: its start, reloads, orders, its planes",
  http: "the server of metrics and status",
  ipvs: "virtual and real servers",
  kernel: "addresses, routes and rules, as the kernel takes them",
  notify: "notifications: scripts, FIFOs, mail",
  protocol: "the real-time thread",
  trackers: "tracked scripts, processes and files",
  vrrp: "virtual routers and sync groups",
} as const;
export type Subsystem = keyof typeof SUBSYSTEMS;
