/**
 * Draws docs/images/simulation.svg: what the example of docs/failover.md comes to.
 *
 *     deno run -A scripts/simulation_picture.ts
 *
 * @module
 */

import { simulateCommand } from "../mod/cli/simulate.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** The picture of the example on the page. */
export function examplePicture(): string {
  const page = Deno.readTextFileSync(`${ROOT}docs/failover.md`);
  const folder = Deno.makeTempDirSync();
  try {
    for (const [, name, text] of page.matchAll(/<!-- example: (\S+) -->\s+```toml\n([^]*?)```/g)) {
      Deno.writeTextFileSync(`${folder}/${name}`, text!);
    }
    const site = `${folder}/site.toml`;
    const { exitCode, output, picture } = simulateCommand([`a=${site}`, `b=${site}`], {
      script: `${folder}/failures.toml`,
      svg: `${folder}/picture.svg`,
      json: false,
      color: false,
    });
    if (exitCode !== 0) throw new Error(output);
    return picture!;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.writeTextFileSync(`${ROOT}docs/images/simulation.svg`, examplePicture());
