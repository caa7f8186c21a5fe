/** Waiting for what `halb why` says. */

import { type HalbAgent, type Lab, runHalb } from "../lib/mod.ts";

/** Waits until `halb why NAME` says so. Returns all that it says. */
export function untilSaid(
  lab: Lab,
  agent: HalbAgent,
  name: string,
  cause: RegExp,
  timeoutMs = 20_000,
  intervalMs = 200,
): Promise<string> {
  return lab.until(
    `halb why ${name} at ${agent.name} names ${cause.source}`,
    async () => {
      const { stdout, stderr } = await runHalb(["why", name, "--control", agent.controlPath]);
      if (!cause.test(stdout)) throw new Error(stdout + stderr);
      return stdout;
    },
    timeoutMs,
    intervalMs,
  );
}

/** Which of the causes a text names, by the words that stand for them. */
export function namedIn(text: string, causes: Readonly<Record<string, RegExp>>): string[] {
  return Object.entries(causes).filter(([, words]) => words.test(text)).map(([key]) => key);
}
