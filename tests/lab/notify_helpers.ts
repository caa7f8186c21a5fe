/** What the labs of notifications share: a site, scripts and what they write down. */

import assert from "node:assert/strict";
import type { Lab } from "../lib/mod.ts";

/** A site with one router on eth0. A machine that stalls for a second moves nothing. */
export function site(notify: string, more = "", agent = ""): string {
  return `[agent]
${agent}
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "500ms"
addresses = ["192.0.2.10/24"]
notify = { ${notify} }
${more}
`;
}

/** A directory for scripts and what they write, open to everybody's user. */
export function workshop(lab: Lab): string {
  // Programs of another user must be able to pass.
  Deno.chmodSync(lab.directory, 0o711);
  const path = `${lab.directory}/work`;
  Deno.mkdirSync(path);
  return path;
}

/** A script that root owns. */
export function script(path: string, text: string): string {
  Deno.writeTextFileSync(path, `#!/bin/sh\n${text}\n`);
  Deno.chmodSync(path, 0o755);
  return path;
}

/** A file that every user may append to. */
export function notebook(path: string): string {
  Deno.writeTextFileSync(path, "");
  Deno.chmodSync(path, 0o666);
  return path;
}

export function linesOf(path: string): string[] {
  return Deno.readTextFileSync(path).split("\n").filter(Boolean);
}

/** Waits for lines of a file. */
export async function untilLines(lab: Lab, path: string, wanted: readonly string[]): Promise<void> {
  await lab.until(`${path} has its lines`, () => {
    const lines = linesOf(path);
    if (lines.join("\n") === wanted.join("\n")) return true;
    throw new Error(lines.join(" | "));
  }, 10_000).catch(() => assert.deepEqual(linesOf(path), wanted));
}
