/**
 * Configurations of keepalived as they are found in the wild, written for the tests: the files under
 * `tests/lab/sites`. Lines at their head that begin with `! settled:`, `! alone:`, `! ids:`,
 * `! refused:` are for the tests.
 *
 * @module
 */

import { digestOf } from "./farm_pages.ts";

const FOLDER = new URL("../lab/sites", import.meta.url).pathname;

/** One of them. */
export interface WildSite {
  readonly name: string;
  readonly text: string;
  /** What it includes, by path relative to it. */
  readonly included: Readonly<Record<string, string>>;
  /** It cannot be one file with others. */
  readonly alone: boolean;
  /** Configuration ids (`@id`) of its hosts, the first of which is tried; empty: there are none. */
  readonly ids: readonly string[];
  /** Addresses that the kernel refuses to keepalived, and takes as halb asks for them. */
  readonly refused: readonly string[];
  /** What an IPVS table has when all checks have said what they say. */
  readonly settled: Settled | undefined;
}

/** A table in figures. */
export interface Settled {
  readonly services: number;
  /** Real servers with a weight above 0, sorry servers among them. */
  readonly alive: number;
  /** Real servers with the weight 0. */
  readonly quiet: number;
}

/** The sites of a kind, in name order. @param directory what DIRECTORY in them stands for */
export function wildSites(kind: "ipvs" | "vrrp", directory: string): WildSite[] {
  const names = [...Deno.readDirSync(`${FOLDER}/${kind}`)].map(({ name }) => name);
  return names.filter((name) => name.endsWith(".conf")).sort().map((name) => {
    const read = (path: string) => filled(Deno.readTextFileSync(path), directory);
    const text = read(`${FOLDER}/${kind}/${name}`);
    const bare = name.replace(/\.conf$/, "");
    const included = filesBelow(`${FOLDER}/${kind}`, `${bare}.d`);
    const mark = (key: string) => new RegExp(`^! ${key}: (.*)$`, "m").exec(text)?.[1];
    return {
      name: bare,
      text,
      included: Object.fromEntries(
        included.map((path) => [path, read(`${FOLDER}/${kind}/${path}`)]),
      ),
      alone: mark("alone") !== undefined,
      ids: mark("ids")?.split(" ") ?? [],
      refused: mark("refused")?.split(" ") ?? [],
      settled: settledOf(mark("settled")),
    };
  });
}

function filled(text: string, directory: string): string {
  return text.replaceAll("DIRECTORY", directory)
    .replace(/DIGEST\(([^)]*)\)/g, (_, path) => digestOf(path));
}

function settledOf(text: string | undefined): Settled | undefined {
  if (text === undefined) return undefined;
  const figure = (key: string) => Number(new RegExp(`${key} (\\d+)`).exec(text)?.[1] ?? 0);
  return { services: figure("services"), alive: figure("alive"), quiet: figure("quiet") };
}

/** Paths of the files below a folder of `root`, relative to `root`. */
function filesBelow(root: string, folder: string): string[] {
  try {
    return [...Deno.readDirSync(`${root}/${folder}`)].flatMap(({ name, isDirectory }) => {
      const path = `${folder}/${name}`;
      return isDirectory ? filesBelow(root, path) : [path];
    }).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Writes a site with all that it includes into a folder, and returns its path. */
export function writeSite(site: WildSite, folder: string): string {
  const path = `${folder}/${site.name}.conf`;
  for (const [name, text] of [[`${site.name}.conf`, site.text], ...Object.entries(site.included)]) {
    const to = `${folder}/${name}`;
    Deno.mkdirSync(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(to, text!);
  }
  return path;
}
