/**
 * Reading the script of a simulation: what it says of networks and nodes, what happens, and what must
 * be so; each name in it must be that of something.
 *
 * @module
 */

import { formatDuration } from "../../config/duration.ts";
import type { Finding, Report } from "../../config/finding.ts";
import type { FileAccess } from "../../config/include.ts";
import { nameAdvice } from "../../config/nearest.ts";
import { type LineOf, readTableFile, type TableFile } from "../../config/table_file.ts";
import {
  descend,
  keyPlace,
  type Path,
  shown,
  type TableNode,
  valuePlace,
} from "../../config/tree.ts";
import { formatIp, parseIp } from "../ip/mod.ts";
import type { Action, ScriptEvent } from "./action.ts";
import { type Expectation, expectationOf } from "./expectation.ts";
import type { Known, KnownNode } from "./known.ts";
import { type LanSettings, lanSettings, USUAL_LAN } from "./lan.ts";
import type { HostSpec } from "./nodes.ts";
import {
  ACTION_KEYS,
  type ActionKey,
  type EventConfig,
  type NetworkConfig,
  SCRIPT_SCHEMA,
  type ScriptConfig,
} from "./script_schema.ts";
import type { LanSpec } from "./world.ts";

/** A script that can be run. */
export interface Script {
  readonly duration?: number;
  readonly seed?: number;
  readonly lans: readonly LanSpec[];
  readonly hosts: ReadonlyMap<string, HostSpec>;
  /** By time. */
  readonly events: readonly ScriptEvent[];
  readonly expectations: readonly Expectation[];
}

/** Of a simulation without a script. */
export const NO_SCRIPT: Script = { lans: [], hosts: new Map(), events: [], expectations: [] };

/** Reads the script at `path` for nodes that are known. Never throws for what it contains. */
export function readScript(path: string, access: FileAccess, known: Known): TableFile<Script> {
  return readTableFile(path, SCRIPT_SCHEMA, access, (data, node, report, lines) => {
    return new ScriptReader(path, known, node, report, lines).read(data);
  });
}

class ScriptReader {
  readonly #file: string;
  readonly #known: Known;
  readonly #root: TableNode;
  readonly #report: Report;
  readonly #lines: LineOf;
  #networks: string[] = [];

  constructor(file: string, known: Known, root: TableNode, report: Report, lines: LineOf) {
    this.#file = file;
    this.#known = known;
    this.#root = root;
    this.#report = report;
    this.#lines = lines;
  }

  read(data: ScriptConfig): Script {
    const hosts = this.#hosts(data);
    const lans = this.#lans(data.network);
    this.#networks = [
      ...new Set([...lans.map(({ name }) => name), ...this.#ordinary(lans).keys()]),
    ];
    const events = data.event.flatMap((event, i) => this.#event(event, ["event", i]));
    this.#late(data);
    const expectations = data.expect.flatMap((config, i): Expectation[] => {
      const path = ["expect", i];
      const place = valuePlace(descend(this.#root, path));
      const { name } = place.source;
      const where = { line: this.#lines(place), ...(name === this.#file ? {} : { file: name }) };
      const found = expectationOf(config, where, this.#known);
      if ("wrong" in found) {
        const { key, message, advice } = found.wrong;
        this.#refuse(key === null ? path : [...path, key], message, advice);
        return [];
      }
      return [found];
    });
    return {
      ...(data.duration === undefined ? {} : { duration: data.duration }),
      ...(data.seed === undefined ? {} : { seed: data.seed }),
      lans,
      hosts,
      events: events.toSorted((a, b) => a.at - b.at),
      expectations,
    };
  }

  #refuse(path: Path, message: string, advice?: string): void {
    const node = descend(this.#root, path);
    const place: Finding["place"] = typeof path.at(-1) === "number" || node.kind !== "table"
      ? valuePlace(node)
      : keyPlace(node);
    this.#report({ place, message, ...(advice === undefined ? {} : { advice }) });
  }

  #unknown(what: string, name: string, path: Path, known: readonly string[]): undefined {
    const some = known.length === 0
      ? "there is none"
      : `there are ${known.slice(0, 12).join(", ")}`;
    const text = shown(descend(this.#root, path));
    this.#refuse(path, `There is no ${what} ${text}`, nameAdvice(name, known, some));
    return undefined;
  }

  // ===== networks and nodes ======================================================================

  #hosts({ node }: ScriptConfig): Map<string, HostSpec> {
    const hosts = new Map<string, HostSpec>();
    node.forEach(({ name, start_at, addresses }, i) => {
      const path = ["node", i];
      const own = this.#node(name, [...path, "name"]);
      if (own === undefined) return;
      if (hosts.has(name)) this.#refuse([...path, "name"], `Given twice: node "${name}"`);
      const lists = new Map<string, readonly string[]>();
      for (const [key, list] of Object.entries(addresses)) {
        const place = [...path, "addresses", key];
        if (!own.interfaces.includes(key)) {
          const some = own.interfaces.length === 0
            ? "there is none"
            : `there are ${own.interfaces.slice(0, 12).join(", ")}`;
          this.#report({
            place: keyPlace(descend(this.#root, place)),
            message: `There is no interface "${key}" on ${name}`,
            advice: nameAdvice(key, own.interfaces, some),
          });
          continue;
        }
        lists.set(key, list.flatMap((text, j) => this.#address(text, [...place, j])));
      }
      hosts.set(name, { addresses: lists, startAt: start_at });
    });
    return hosts;
  }

  #address(text: string, path: Path): string[] {
    const bytes = parseIp(text);
    const canonical = bytes && formatIp(bytes);
    if (canonical !== undefined) return [canonical];
    this.#refuse(path, `${shown(descend(this.#root, path))} is not an IP address`);
    return [];
  }

  #lans(networks: readonly NetworkConfig[]): LanSpec[] {
    const taken = new Map<string, string>();
    const names = new Set<string>();
    const lans = networks.map((config, i): LanSpec => {
      const path = ["network", i];
      const { name } = config;
      if (names.has(name)) this.#refuse([...path, "name"], `Given twice: network "${name}"`);
      names.add(name);
      const members = config.members.flatMap((text, j) => {
        const place = [...path, "members", j];
        const other = taken.get(text);
        if (other !== undefined) {
          this.#refuse(place, `"${text}" is in network "${other}" already`);
        }
        taken.set(text, name);
        return this.#interface(text, place) ?? [];
      });
      return { name, members, settings: lanSettings(present(config), USUAL_LAN) };
    });
    const ordinary = this.#ordinary(lans);
    lans.forEach(({ name }, i) => {
      const other = ordinary.get(name);
      if (other === undefined) return;
      const message = `"${name}" is the network of ${other} already, which this one does not list`;
      this.#refuse(["network", i, "name"], message, "list it, too, or choose another name");
    });
    return lans;
  }

  /** The networks that bear the name of an interface, each with one of those that are in it. */
  #ordinary(lans: readonly LanSpec[]): Map<string, string> {
    const listed = new Set(
      lans.flatMap(({ members }) => members.map((one) => `${one.node}:${one.interface}`)),
    );
    const found = new Map<string, string>();
    for (const { name, speaking } of this.#known.nodes) {
      for (const own of speaking) {
        if (!listed.has(`${name}:${own}`)) found.set(own, `${name}:${own}`);
      }
    }
    return found;
  }

  #node(name: string, path: Path): KnownNode | undefined {
    const found = this.#known.nodes.find((one) => one.name === name);
    return found ?? this.#unknown("node", name, path, this.#known.nodes.map((one) => one.name));
  }

  /** `a:eth0` → the node, and what stands behind the colon. */
  #part(text: string, path: Path): { node: KnownNode; name: string } | undefined {
    const node = this.#known.nodes.filter(({ name }) => text.startsWith(`${name}:`))
      .toSorted((a, b) => b.name.length - a.name.length)[0];
    if (node !== undefined) return { node, name: text.slice(node.name.length + 1) };
    this.#node(text.split(":")[0]!, path);
    return undefined;
  }

  #interface(text: string, path: Path): { node: string; interface: string } | undefined {
    const part = this.#part(text, path);
    if (part === undefined) return undefined;
    const { node, name } = part;
    if (node.interfaces.includes(name)) return { node: node.name, interface: name };
    const known = node.interfaces.map((one) => `${node.name}:${one}`);
    return this.#unknown("interface", text, path, known);
  }

  // ===== events ==================================================================================

  /** Nothing happens after the end. */
  #late({ duration, event }: ScriptConfig): void {
    if (duration === undefined) return;
    event.forEach(({ at }, i) => {
      if (at <= duration) return;
      const path = ["event", i, "at"];
      const end = formatDuration(duration);
      const message = `${
        shown(descend(this.#root, path))
      } is after the end: \`duration\` is ${end}`;
      this.#refuse(path, message);
    });
  }

  #event(config: EventConfig, path: Path): ScriptEvent[] {
    const keys = (Object.keys(ACTION_KEYS) as ActionKey[]).filter((key) =>
      config[key] !== undefined
    );
    const [key, second] = keys;
    if (key === undefined) {
      const message = "Nothing happens in this event: it has no action";
      this.#refuse(path, message, `add one of ${Object.keys(ACTION_KEYS).join(", ")}`);
      return [];
    }
    if (second !== undefined) {
      const message = `An event has one action: \`${key}\` and \`${second}\` are two`;
      this.#refuse([...path, second], message, "write two events of the same time");
      return [];
    }
    if (config.for !== undefined && key !== "release") {
      this.#refuse([...path, "for"], "`for` belongs to `release`: nothing else ends by itself");
      return [];
    }
    const action = this.#action(config, key, [...path, key]);
    return action === undefined ? [] : [{ at: config.at, action }];
  }

  #action(config: EventConfig, type: ActionKey, path: Path): Action | undefined {
    switch (type) {
      case "kill":
      case "power_off":
      case "stop":
      case "start": {
        const node = this.#node(config[type]!, path);
        return node && { type, node: node.name };
      }
      case "stall": {
        const { node, for: length } = config.stall!;
        return this.#node(node, [...path, "node"]) && { type, node, length };
      }
      case "link_down":
      case "link_up": {
        const own = this.#interface(config[type]!, path);
        return own && { type, ...own };
      }
      case "cut":
      case "heal": {
        const members = config[type]!.flatMap((one, i) => this.#interface(one, [...path, i]) ?? []);
        return { type, members };
      }
      case "deaf":
      case "hearing": {
        const { node, to } = config[type]!;
        const both = this.#node(node, [...path, "node"]) && this.#node(to, [...path, "to"]);
        if (node === to) this.#refuse([...path, "to"], "No node hears itself: name another one");
        return both && { type, node, to };
      }
      case "fail":
      case "recover": {
        const found = this.#tracker(config[type]!, path);
        return found && { type, ...found };
      }
      case "number": {
        const { file, value } = config.number!;
        const found = this.#tracker(file, [...path, "file"], "file");
        return found && { type, node: found.node, name: found.name, value };
      }
      case "bfd_cut":
      case "bfd_heal":
        return this.#named(config[type]!, path, "BFD session", "sessions", type);
      case "release": {
        const found = this.#named(
          config.release!,
          path,
          "virtual router or group",
          "movable",
          type,
        );
        return found && { ...found, type, length: config.for ?? null };
      }
      case "claim":
        return this.#named(config.claim!, path, "virtual router or group", "movable", type);
      case "server_down":
      case "server_up": {
        const server = config[type]!;
        const known = [...new Set(this.#known.nodes.flatMap(({ servers }) => servers))];
        if (known.includes(server)) return { type, server };
        return this.#unknown("real server", server, path, known);
      }
      case "clock_step": {
        const { node, by } = config.clock_step!;
        return this.#node(node, [...path, "node"]) && { type, node, by };
      }
      case "network": {
        const { name, ...settings } = config.network!;
        if (Object.keys(present(settings)).length === 0) {
          const message = "Nothing of this network changes";
          this.#refuse(path, message, "add `delay`, `jitter`, `loss` or `duplicate`");
        }
        if (this.#networks.includes(name)) return { type, name, settings: present(settings) };
        return this.#unknown("network", name, [...path, "name"], this.#networks);
      }
    }
  }

  #named<T extends "bfd_cut" | "bfd_heal" | "release" | "claim">(
    text: string,
    path: Path,
    what: string,
    list: "sessions" | "movable",
    type: T,
  ): { type: T; node: string; name: string } | undefined {
    const part = this.#part(text, path);
    if (part === undefined) return undefined;
    const { node, name } = part;
    if (node[list].includes(name)) return { type, node: node.name, name };
    return this.#unknown(what, text, path, node[list].map((one) => `${node.name}:${one}`));
  }

  #tracker(text: string, path: Path, only?: "file") {
    const part = this.#part(text, path);
    if (part === undefined) return undefined;
    const { node, name } = part;
    const usable = node.trackers.filter(({ kind }) =>
      only === undefined ? kind !== "file" : kind === only
    );
    const found = usable.filter((one) => one.name === name || `${one.kind}/${one.name}` === name);
    const [first, second] = found;
    if (first === undefined) {
      const names = usable.map((one) => `${node.name}:${one.name}`);
      return this.#unknown(only === undefined ? "tracker" : "tracked file", text, path, names);
    }
    if (second !== undefined) {
      const forms = found.map((one) => `"${node.name}:${one.kind}/${one.name}"`).join(" or ");
      this.#refuse(path, `Several things that ${node.name} tracks are called "${name}"`, forms);
      return undefined;
    }
    const { kind } = first;
    const instead: Partial<Record<typeof kind, string>> = {
      interface: "link_down",
      bfd: "bfd_cut",
      virtual_server: "server_down",
    };
    if (instead[kind] === undefined) return { node: node.name, kind, name: first.name };
    this.#refuse(path, `A tracked ${kind} does not fail by itself`, `use \`${instead[kind]}\``);
    return undefined;
  }
}

/** Without what is undefined. */
function present(
  settings: {
    readonly [key in keyof LanSettings]?: number | undefined;
  },
): Partial<LanSettings> {
  const { delay, jitter, loss, duplicate } = settings;
  return Object.fromEntries(
    Object.entries({ delay, jitter, loss, duplicate }).filter(([, value]) => value !== undefined),
  );
}
