/**
 * `halb completions SHELL`: the script that makes a shell complete command lines of halb, and
 * `halb completions candidates -- WORDS`: what that script asks at each TAB. The names are those of
 * the running agent, else of its file.
 *
 * @module
 */

import { configOf, controlOf, loadSite, systemOptions } from "../../config/mod.ts";
import { ask } from "../control/client.ts";
import type { Status } from "../control/status.ts";
import { endpointText } from "../ip/mod.ts";
import { soon } from "../patience/mod.ts";
import { own } from "../values/mod.ts";
import { type Candidate, completionOf, type Wanted } from "./completion.ts";
import { SHELL_SCRIPTS } from "./completion_scripts.ts";

/** An agent that takes longer is no help to somebody who types, milliseconds. */
const PATIENCE = 700;
/** More cannot be looked through. */
const MOST = 500;

/** Where an agent is looked for that the line does not name. */
export interface Habitual {
  readonly control: string;
  /** Its configuration, where there is one. */
  readonly config: string;
}

/** Where the package's services have them. */
function usual(instance: string | undefined): Habitual {
  return { control: controlOf(instance), config: configOf(instance) };
}

/** The shells that there is a script for. */
export function shells(): string[] {
  return Object.keys(SHELL_SCRIPTS);
}

/** The script for a shell; undefined: there is none. */
export function completionScript(shell: string): string | undefined {
  return own(SHELL_SCRIPTS, shell);
}

/**
 * A candidate on each line, with its description after a tab; ":files" stands for paths.
 *
 * @param words after "halb"; the last one is being written, and may be empty
 * @param habitual by instance
 */
export async function candidatesText(
  words: readonly string[],
  habitual: (instance: string | undefined) => Habitual = usual,
): Promise<string> {
  const { candidates, names, files, where } = completionOf(words);
  const found: Candidate[] = [...candidates];
  if (names.length > 0) {
    const site = await namesOfSite(where, habitual(where.instance));
    const current = words.at(-1) ?? "";
    for (const word of new Set(names.flatMap((wanted) => chosen(site, wanted)))) {
      if (word.startsWith(current) && isPlain(word)) found.push({ word });
    }
  }
  const lines = found.slice(0, MOST).map(({ word, about }) =>
    about === undefined ? word : `${word}\t${about}`
  );
  return [...lines, ...(files ? [":files"] : [])].join("\n");
}

/** What status and a site have alike. */
interface Names {
  readonly vrrp: readonly { readonly name: string }[];
  readonly groups: readonly { readonly name: string }[];
  readonly bfd: readonly { readonly name: string }[];
  readonly virtual_servers: readonly {
    readonly name: string;
    readonly real_servers: readonly { readonly address: string }[];
  }[];
  readonly checks: readonly { readonly name: string | null }[];
}

const NOBODY: Names = { vrrp: [], groups: [], bfd: [], virtual_servers: [], checks: [] };

function chosen(site: Names, { kind, server }: Wanted): string[] {
  const namesOf = (list: readonly { readonly name: string | null }[]): string[] =>
    list.flatMap(({ name }) => name ?? []);
  const { vrrp, groups, bfd, virtual_servers, checks } = site;
  switch (kind) {
    case "movable":
      return namesOf([...vrrp, ...groups]);
    case "session":
      return namesOf(bfd);
    case "server":
      return namesOf(virtual_servers);
    case "real_server":
      return virtual_servers.filter(({ name }) => name === server)
        .flatMap(({ real_servers }) => real_servers.map(({ address }) => address));
    case "any":
      return namesOf([...vrrp, ...groups, ...bfd, ...virtual_servers, ...checks]);
  }
}

/** No shell may be given a second line or a command by a name. */
function isPlain(word: string): boolean {
  // deno-lint-ignore no-control-regex
  return word.length > 0 && !/[\x00-\x20\x7f-\x9f"'\\$`;&|<>(){}*?!#~]/.test(word);
}

async function namesOfSite(
  where: { readonly config?: string; readonly control?: string; readonly instance?: string },
  habitual: Habitual,
): Promise<Names> {
  const path = where.config ?? (where.control === undefined ? habitual.config : undefined);
  const site = path === undefined ? undefined : siteOf(path, where.instance);
  const control = where.control ?? site?.control ?? habitual.control;
  return await statusOf(control) ?? site?.names ?? NOBODY;
}

function siteOf(path: string, instance?: string): { control: string; names: Names } | undefined {
  try {
    const loaded = loadSite(path, systemOptions(instance === undefined ? {} : { instance }));
    if (!loaded.ok) return undefined;
    const { agent, vrrp, sync_group, bfd, virtual_server, check } = loaded.site;
    const names = { vrrp, groups: sync_group, bfd, checks: check };
    const servers = virtual_server.map(({ name, real_server }) => ({
      name,
      real_servers: real_server.map(({ address }) => ({ address: endpointText(address) })),
    }));
    return { control: agent.control, names: { ...names, virtual_servers: servers } };
  } catch {
    return undefined;
  }
}

async function statusOf(control: string): Promise<Names | undefined> {
  try {
    const status = await soon(ask(control, { command: "status" }), PATIENCE);
    if (status === undefined) return undefined;
    const { vrrp, sync_groups, bfd, virtual_servers, checks } = status as Status;
    return { vrrp, groups: sync_groups, bfd, virtual_servers, checks };
  } catch {
    return undefined;
  }
}
