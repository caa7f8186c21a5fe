/**
 * `halb doctor`: what breaks such a setup on this host, and what to do about each thing. Nothing is
 * changed, and no agent need run.
 *
 * @module
 */

import { formatProblem, loadSite, type SiteConfig, systemOptions } from "../../config/mod.ts";
import { nameOfAgent } from "../agent/claimants.ts";
import { conflictsWith, othersThan } from "../agent/neighbours.ts";
import { diagnose, diagnoseBare } from "../host/diagnose.ts";
import { type Gravity, type HostFinding, inOrder } from "../host/finding.ts";
import { listen, listeningTime } from "../host/listen.ts";
import { BARE_QUESTIONS, questionsOf } from "../host/questions.ts";
import { readHost } from "../host/read.ts";
import type { HostReading } from "../host/readings.ts";
import { wireFindings } from "../host/wire_findings.ts";
import { escapeText } from "../text/mod.ts";

/** How to look. */
export interface DoctorOptions {
  /** JSON instead of text. */
  readonly json: boolean;
  /** ANSI colours in the text. */
  readonly color: boolean;
  /** Look as the agent of this name. */
  readonly name?: string;
  /** In place of `agent.instance`. */
  readonly instance?: string;
  /** Listen to other virtual routers, too, which takes a few seconds. */
  readonly listen: boolean;
  /** Says what takes so long; absent: nobody wants to know. */
  readonly progress?: (text: string) => void;
}

/** Exit code and what to print, without a newline at the end. */
export interface DoctorResult {
  /** 0: nothing found but advice; 1: something; 2: the site is not valid. */
  readonly exitCode: 0 | 1 | 2;
  readonly output: string;
}

/** Looks for what breaks the site of `path` here; undefined: any site. */
export async function doctorCommand(
  path: string | undefined,
  options: DoctorOptions,
): Promise<DoctorResult> {
  if (path === undefined) {
    const host = readHost(BARE_QUESTIONS);
    return resultOf(undefined, host, diagnoseBare(host), options);
  }
  const loaded = loadSite(path, systemOptions(options));
  if (!loaded.ok) {
    const lines = loaded.problems.map((one) => formatProblem(one, { color: options.color }));
    const output = options.json
      ? JSON.stringify({ site: path, valid: false, findings: [] }, null, 2)
      : [...lines, `${path}: not valid: see halb check`].join("\n");
    return { exitCode: 2, output };
  }
  const { site } = loaded;
  const { host, findings } = lookAt(site);
  const beside = await neighbourFindings(site);
  const network = options.listen && site.vrrp.length > 0 ? await hear(site, host, options) : [];
  return resultOf(path, host, inOrder([...findings, ...beside, ...network]), options);
}

/** What is wrong with what others say on the site's networks. */
async function hear(
  site: SiteConfig,
  host: HostReading,
  { progress }: DoctorOptions,
): Promise<HostFinding[]> {
  const seconds = (listeningTime(site) / 1000).toFixed(1);
  progress?.(`Listening to other virtual routers for ${seconds} s (--no-listen: not at all) ...`);
  const { namespace = "" } = site.agent;
  return wireFindings(site, await listen(site, host, (name) => name === "" ? namespace : name));
}

/** What other agents of this host are in the way of. */
async function neighbourFindings(site: SiteConfig): Promise<HostFinding[]> {
  const { namespace = "" } = site.agent;
  const actual = (name: string): string => name === "" ? namespace : name;
  const others = othersThan(site, actual);
  const conflicts = await conflictsWith(site, others, actual);
  const { protocol_number: number, instance } = site.agent;
  const same = others.filter(({ protocol }) => protocol === number).map((one): HostFinding => ({
    code: "two-agents",
    gravity: "error",
    subject: instance === undefined ? "agent" : `agent of instance "${instance}"`,
    message: `${nameOfAgent(one)} marks what it holds with the same number, ${number}: ` +
      "this one does not start beside it",
    advice: "give one of the two another name (agent.instance), or a number of its own " +
      "(agent.protocol_number): some names make the same number",
  }));
  const shared = conflicts.map(({ subject, message }): HostFinding => ({
    code: "two-agents",
    gravity: "error",
    subject,
    message,
    advice: "take it out of one of the two: on one host an id of an interface, an address and a " +
      "virtual server have one agent",
  }));
  return [...same, ...shared];
}

/** Reads this host, and what is wrong with it for the site. */
export function lookAt(site: SiteConfig): { host: HostReading; findings: HostFinding[] } {
  const host = readHost(questionsOf(site));
  return { host, findings: diagnose(site, host) };
}

function resultOf(
  path: string | undefined,
  { kernel, libnl }: HostReading,
  findings: readonly HostFinding[],
  { json, color }: DoctorOptions,
): DoctorResult {
  const exitCode = findings.some(({ gravity }) => gravity !== "advice") ? 1 : 0;
  if (json) {
    const origin = "origin" in libnl ? libnl.origin : null;
    const head = { site: path ?? null, valid: true, kernel, libnl: origin };
    return { exitCode, output: JSON.stringify({ ...head, findings }, null, 2) };
  }
  const lines = findings.map((finding) => findingText(finding, color));
  return { exitCode, output: [...lines, summary(path ?? "this host", findings)].join("\n") };
}

const COLORS: Readonly<Record<Gravity, string>> = { error: "31", warning: "33", advice: "36" };

/** What it is about, and what was found. */
export function said({ subject, message }: HostFinding): string {
  return subject === "" ? message : `${subject}: ${message}`;
}

/** A finding in two lines. */
export function findingText(finding: HostFinding, color: boolean): string {
  const { gravity, advice } = finding;
  const head = color ? `\x1b[${COLORS[gravity]}m${gravity}\x1b[0m` : gravity;
  return `${head}: ${escapeText(said(finding))}\n  ${escapeText(advice)}`;
}

function summary(what: string, findings: readonly HostFinding[]): string {
  const counted = (["error", "warning", "advice"] as const).flatMap((gravity) => {
    const count = findings.filter((one) => one.gravity === gravity).length;
    if (count === 0) return [];
    if (gravity === "advice") return [`${count} ${count === 1 ? "piece" : "pieces"} of advice`];
    return [`${count} ${gravity}${count === 1 ? "" : "s"}`];
  });
  return `${what}: ${counted.length === 0 ? "nothing found" : counted.join(", ")}`;
}
