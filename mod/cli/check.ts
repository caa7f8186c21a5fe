/**
 * `halb check`: is a site.toml valid? All that is wrong with it, each with its place, the line and
 * what to write instead; nothing is changed, and no agent need run.
 *
 * @module
 */

import {
  formatProblem,
  type LoadOptions,
  loadSite,
  type Problem,
  systemOptions,
  type ValidSite,
} from "../../config/mod.ts";
import { capabilityNames } from "../../ffi/mod.ts";
import type { HostFinding } from "../host/finding.ts";
import { UsageError } from "./arguments.ts";
import { findingText, lookAt, said } from "./doctor.ts";

/** Exit code and what to print, without a newline at the end. */
export interface CheckResult {
  /**
   * 0: every file is valid, perhaps with warnings; 2: at least one is not; 4: all are, and one asks
   * for more than `capabilities`.
   */
  readonly exitCode: 0 | 2 | 4;
  readonly output: string;
}

/** How to check. */
export interface CheckOptions {
  /** A JSON list of problems instead of text. */
  readonly json: boolean;
  /** ANSI colours in the text. */
  readonly color: boolean;
  /** Warn of what this host lacks, too. */
  readonly host?: boolean;
  /** What the agent will be allowed, with commas between: `cap_net_raw,cap_net_admin`, or none. */
  readonly capabilities?: string;
  /** Check as the agent of this name. */
  readonly name?: string;
  /** In place of `agent.instance`. */
  readonly instance?: string;
}

/** `1 address`, `2 addresses`. */
function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** The same, where there are any. */
function some(number: number, one: string, many: string): string[] {
  return number === 0 ? [] : [count(number, one, many)];
}

/** The line for a valid file. */
function validLine(path: string, { site }: ValidSite): string {
  const addresses = site.vrrp.reduce((sum, router) => sum + router.addresses.length, 0);
  const servers = site.virtual_server.reduce((sum, { real_server: { length } }) => sum + length, 0);
  const parts = [
    count(site.vrrp.length, "virtual router", "virtual routers"),
    count(addresses, "address", "addresses"),
    ...some(site.bfd.length, "BFD session", "BFD sessions"),
    ...some(site.virtual_server.length, "virtual server", "virtual servers"),
    ...some(servers, "real server", "real servers"),
  ];
  return `${path}: valid: ${parts.join(", ")} (as ${site.agent.name})`;
}

/** What this host lacks for a site: warnings, since another host may have it. */
function lackedBy({ site }: ValidSite): HostFinding[] {
  return lookAt(site).findings.filter(({ gravity }) => gravity !== "advice").map((finding) => ({
    ...finding,
    gravity: "warning",
    subject: finding.subject === "" ? "On this host" : `On this host: ${finding.subject}`,
  }));
}

/** @throws {UsageError} for a name that is none */
function capabilitiesIn(text: string | undefined): { capabilities: Set<string> } | undefined {
  if (text === undefined) return undefined;
  const known = new Set(capabilityNames());
  const words = text.toLowerCase().split(/[,\s]+/).filter((word) => !["", "none"].includes(word));
  const names = words.map((word) => word.startsWith("cap_") ? word : `cap_${word}`);
  const wrong = names.find((name) => !known.has(name));
  if (wrong !== undefined) {
    throw new UsageError(`--capabilities takes names as cap_net_admin,cap_net_raw, not "${wrong}"`);
  }
  return { capabilities: new Set(names) };
}

/** What a valid file asks for beyond what its agent will be allowed. */
function missingFor(path: string, options: LoadOptions): readonly Problem[] {
  const before = loadSite(path, { ...options, capabilities: new Set(capabilityNames()) });
  const result = loadSite(path, options);
  const texts = new Set(
    (before.ok ? before.warnings : before.problems).map(({ message }) => message),
  );
  return (result.ok ? result.warnings : result.problems).filter(({ message }) =>
    !texts.has(message)
  );
}

/** A finding about the host: it is about the file as a whole. */
function problemOf(path: string, finding: HostFinding): Problem {
  return {
    file: path,
    line: 0,
    column: 0,
    source_line: "",
    severity: "warning",
    message: said(finding),
    suggestion: finding.advice,
  };
}

/** What programs get of a problem. */
function plain({ file, line, column, severity, message, suggestion }: Problem) {
  return { file, line, column, severity, message, suggestion: suggestion ?? null };
}

/** Checks each of `paths` on its own, as this host. */
export function checkCommand(paths: readonly string[], options: CheckOptions): CheckResult {
  const system = systemOptions(options);
  const allowed = capabilitiesIn(options.capabilities);
  const problems: Problem[] = [];
  const lines: string[] = [];
  let exitCode: CheckResult["exitCode"] = 0;
  for (const path of paths) {
    const result = loadSite(path, system);
    const found = result.ok ? result.warnings : result.problems;
    problems.push(...found);
    for (const problem of found) lines.push(formatProblem(problem, { color: options.color }));
    if (result.ok) {
      const lacks = options.host === true ? lackedBy(result) : [];
      problems.push(...lacks.map((finding) => problemOf(path, finding)));
      for (const finding of lacks) lines.push(findingText(finding, options.color));
      const missing = allowed === undefined ? [] : missingFor(path, { ...system, ...allowed });
      problems.push(...missing);
      for (const one of missing) lines.push(formatProblem(one, { color: options.color }));
      if (missing.some(({ severity }) => severity === "error")) {
        exitCode ||= 4;
        lines.push(`${path}: valid, and asks for more than it may`);
      } else lines.push(validLine(path, result));
    } else {
      exitCode = 2;
      const errors = found.filter(({ severity }) => severity === "error").length;
      lines.push(`${path}: not valid: ${count(errors, "error", "errors")}`);
    }
  }
  const output = options.json ? JSON.stringify(problems.map(plain), null, 2) : lines.join("\n");
  return { exitCode, output };
}
