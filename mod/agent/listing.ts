/**
 * Real servers beside those of the configuration: out of files (`servers_file`), and by command
 * (`halb servers`). Both are lists as `readServerList` reads them. What a reload configures, or a
 * file lists, is no longer looked for in the lists behind it.
 *
 * @module
 */

import {
  readServerList,
  type SiteConfig,
  type VirtualServerConfig,
  withListed,
} from "../../config/mod.ts";
import { endpointText } from "../ip/mod.ts";
import { log } from "./logging.ts";
import { type FoundList, ServerFiles } from "./server_files.ts";

/** Lines that are named where several are wrong. */
const MOST_NAMED = 5;

/** What `halb servers` does to the list of a virtual server. */
export type ListAction = "add" | "remove" | "set";

/** Lines of lists by virtual server. */
export type Lists = ReadonlyMap<string, readonly string[]>;

export class Listing {
  readonly #files = new ServerFiles((...found) => this.#found(...found));
  /** What the files say. */
  readonly #texts = new Map<string, string>();
  readonly #command = new Map<string, readonly string[]>();
  /** Why a file cannot be read, by virtual server. */
  readonly #unreadable = new Map<string, string>();
  /** Lines that cannot be used, in words. */
  readonly #refused = new Map<string, string>();
  readonly #names = new Map<string, ReadonlySet<string>>();
  readonly #changed: () => void;
  #site: SiteConfig | undefined;
  /** Files are looked at for the first time: whoever does that takes what is found. */
  #configuring = false;

  /** @param changed the site is another one by what is listed now: see `of` */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** What is listed by command: to be kept. */
  get byCommand(): Lists {
    return this.#command;
  }

  /** Names of the servers that are listed, by virtual server. */
  get names(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#names;
  }

  /** What of a virtual server's lists cannot be used, in words; undefined: nothing. */
  problem(server: string): string | undefined {
    return this.#unreadable.get(server) ?? this.#refused.get(server);
  }

  /** What another agent has left of lists by command. */
  restore(lists: Lists): void {
    for (const [server, list] of lists) this.#command.set(server, list);
  }

  /** A site with all that is listed for it; its files are watched from now on. */
  async of(site: SiteConfig): Promise<SiteConfig> {
    this.#site = site;
    const names = new Set(site.virtual_server.map(({ name }) => name));
    const files = new Map(
      site.virtual_server.flatMap(({ name, servers_file: path }) =>
        path === undefined ? [] : [[name, path] as const]
      ),
    );
    forget(this.#texts, files);
    forget(this.#unreadable, files);
    forget(this.#command, names);
    forget(this.#refused, names);
    forget(this.#names, names);
    this.#configuring = true;
    await this.#files.configure(files);
    this.#configuring = false;
    return { ...site, virtual_server: site.virtual_server.map((server) => this.#with(server)) };
  }

  #with(server: VirtualServerConfig): VirtualServerConfig {
    const { name } = server;
    const [text, command] = [this.#texts.get(name) ?? "", this.#command.get(name) ?? []];
    const file = readServerList(text, server);
    const both = withListed(server, file.servers);
    const own = readServerList(command.join("\n"), both);
    const all = [...file.servers, ...own.servers];
    this.#names.set(name, new Set(all.map(({ address }) => endpointText(address))));
    const wrong = refusals(file.refused);
    const said = this.#refused.get(name) ?? "";
    if (wrong === "") this.#refused.delete(name);
    else this.#refused.set(name, wrong);
    if (wrong !== "" && wrong !== said) {
      const properties = { lines: file.refused.length, reason: wrong };
      log("error", ["ipvs", name], `Lines of ${server.servers_file} cannot be used`, properties);
    }
    return withListed(both, own.servers);
  }

  /**
   * Changes the list by command of a virtual server.
   *
   * @param lines of a list; to remove servers, their addresses suffice
   * @throws {Error} in words where that cannot be; nothing has changed
   */
  change(name: string, action: ListAction, lines: readonly string[]): void {
    const server = this.#site?.virtual_server.find((one) => one.name === name);
    if (server === undefined) throw new Error("The agent is starting: try again in a moment");
    const file = withListed(server, readServerList(this.#texts.get(name) ?? "", server).servers);
    const before = this.#command.get(name) ?? [];
    const list = changedList(before, action, lines, file);
    const wrong = refusals(readServerList(list.join("\n"), file).refused);
    if (wrong !== "") throw new Error(`Cannot change the servers of ${name}: ${wrong}`);
    if (list.length === 0) this.#command.delete(name);
    else this.#command.set(name, list);
  }

  stop(): void {
    this.#files.stop();
  }

  #found(server: string, list: FoundList): void {
    const path = this.#site?.virtual_server.find(({ name }) => name === server)?.servers_file ?? "";
    if ("wrong" in list) {
      this.#unreadable.set(server, `${path}: ${list.wrong}`);
      const what = `The list of real servers cannot be read, what it said last counts: ${path}`;
      log("error", ["ipvs", server], what, { reason: list.wrong });
      return;
    }
    this.#unreadable.delete(server);
    this.#texts.set(server, list.text);
    if (this.#configuring) return;
    log("info", ["ipvs", server], `The list of real servers has changed: ${path}`);
    this.#changed();
  }
}

function forget(map: Map<string, unknown>, left: { has(name: string): boolean }): void {
  for (const name of map.keys()) if (!left.has(name)) map.delete(name);
}

function refusals(refused: readonly { readonly line: number; readonly reason: string }[]): string {
  const named = refused.slice(0, MOST_NAMED).map(({ line, reason }) => `line ${line}: ${reason}`);
  const more = refused.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

/** @throws {Error} where one is to go that is not there */
function changedList(
  before: readonly string[],
  action: ListAction,
  lines: readonly string[],
  server: VirtualServerConfig,
): readonly string[] {
  const wanted = lines.map((line) => line.trim()).filter((line) => line !== "");
  if (action === "set") return wanted;
  const bare = { ...server, real_server: [] };
  const nameOf = (line: string): string => {
    const [found] = readServerList(line, bare).servers;
    return found === undefined ? line : endpointText(found.address);
  };
  const list = new Map(before.map((line) => [nameOf(line), line]));
  for (const line of wanted) {
    const name = nameOf(line);
    if (action === "add") list.set(name, line);
    else if (!list.delete(name)) {
      throw new Error(`${name} is not listed by command: nothing was changed`);
    }
  }
  return [...list.values()];
}
