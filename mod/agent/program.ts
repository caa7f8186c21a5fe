/**
 * The file this program was started from, as its user named it: what stands there later is the
 * next version. It is asked for at the start, for once the file has been replaced the kernel calls
 * ours "(deleted)"; and links are kept as they are, since a version is often changed by one.
 *
 * @module
 */

import { isAbsolute, join } from "node:path";
import { systemOptions, untrusted } from "../../config/mod.ts";
import { readText } from "../../ffi/mod.ts";

/** Absolute path of the program; undefined where a runtime runs it from its source. */
export function programPath(): string | undefined {
  if (!Deno.build.standalone) return undefined;
  const running = Deno.execPath();
  const [called = ""] = readText("/proc/self/cmdline").split("\0");
  const candidates = called.includes("/")
    ? [isAbsolute(called) ? called : join(Deno.cwd(), called)]
    : (Deno.env.get("PATH") ?? "").split(":").map((folder) => join(folder, called));
  return candidates.find((path) => leadsTo(path, running)) ?? running;
}

function leadsTo(path: string, file: string): boolean {
  try {
    return Deno.realPathSync(path) === Deno.realPathSync(file);
  } catch {
    return false;
  }
}

/** @throws {Error} where somebody else may write the program that we are to start */
export function requireTrusted(program: string): void {
  const { security } = systemOptions();
  const reason = security && untrusted(program, security);
  if (reason === undefined) return;
  throw new Error(`Does not start "${program}", which others may change: ${reason}`);
}

/** Our own arguments, for a process that takes over from this one, which listens at `control`. */
export function successorArguments(args: readonly string[], control: string): string[] {
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (argument === "--control") i++;
    else if (argument !== "--take-over" && !argument.startsWith("--control=")) kept.push(argument);
  }
  return [...kept, "--take-over", "--control", control];
}
