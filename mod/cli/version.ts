/**
 * `halb version`.
 *
 * @module
 */

import { VERSION } from "../version.ts";

export function versionCommand(json: boolean): string {
  const runtime = { deno: Deno.version.deno, v8: Deno.version.v8 };
  if (json) return JSON.stringify({ version: VERSION, arch: Deno.build.arch, ...runtime });
  return `halb ${VERSION} (deno ${runtime.deno}, ${Deno.build.arch})`;
}
