/**
 * From the table that the kernel has to the one that is wanted: the fewest commands that leave
 * every connection alone which need not end, in an order in which nothing is worse off on the way.
 *
 * - What exists is edited, never deleted and made again: a deleted destination's connections are
 *   cut, an edited one's go on, also when the forwarding method changes (they keep the old one).
 * - Within a service: first what adds capacity (new servers, servers that come back from weight
 *   0), then other changes, then what takes servers out of use, then removals. So at each step a
 *   service has at least as many usable servers as the smaller of before and after.
 * - Services: edited and made first, each followed by its destinations, then those that nobody
 *   wants any more: traffic that moves from an address to a mark finds the new one there.
 * - A service that is not wanted is removed only if it may be: one that we made, or any in a table
 *   that is ours alone. The destinations of a wanted service are ours whoever put them there.
 *
 * The plan of equal tables is empty, and so is the plan after a plan has been carried out.
 *
 * @module
 */

import type { Command } from "./encode.ts";
import {
  type Destination,
  destinationName,
  sameDestination,
  sameService,
  serviceName,
} from "./model.ts";
import type { Table, TableEntry } from "./table.ts";

/** A command of a plan: those that change the table. */
export type TableCommand = Extract<
  Command,
  {
    readonly kind:
      | "add-service"
      | "set-service"
      | "delete-service"
      | "add-destination"
      | "set-destination"
      | "delete-destination";
  }
>;

/** Which services that nobody wants are removed: those of these names, or all. */
export type Removable = ReadonlySet<string> | "all";

/** The commands that make `wanted` of `actual`, in order. */
export function planTable(wanted: Table, actual: Table, removable: Removable): TableCommand[] {
  const commands: TableCommand[] = [];
  for (const [name, entry] of wanted) planService(commands, entry, actual.get(name));
  for (const [name, { service }] of actual) {
    if (!wanted.has(name) && (removable === "all" || removable.has(name))) {
      commands.push({ kind: "delete-service", service: service.key });
    }
  }
  return commands;
}

const NOTHING: ReadonlyMap<string, Destination> = new Map();

function planService(
  commands: TableCommand[],
  wanted: TableEntry,
  actual: TableEntry | undefined,
): void {
  const { service } = wanted;
  if (actual === undefined) commands.push({ kind: "add-service", service });
  else if (!sameService(service, actual.service)) commands.push({ kind: "set-service", service });
  const others: TableCommand[] = [];
  const reducing: TableCommand[] = [];
  const before = actual?.destinations ?? NOTHING;
  for (const [name, destination] of wanted.destinations) {
    const old = before.get(name);
    if (old === undefined) {
      const kind = "add-destination";
      // A server of weight 0 takes nothing: those that do come first.
      const list = destination.weight > 0 ? commands : others;
      list.push({ kind, service: service.key, destination });
    } else if (destination !== old && !sameDestination(destination, old)) {
      const list = destination.weight === 0 && old.weight > 0
        ? reducing
        : destination.weight > 0 && old.weight === 0
        ? commands
        : others;
      list.push({ kind: "set-destination", service: service.key, destination });
    }
  }
  const removals: TableCommand[] = [];
  for (const [name, { key }] of before) {
    if (!wanted.destinations.has(name)) {
      removals.push({ kind: "delete-destination", service: service.key, destination: key });
    }
  }
  for (const list of [others, reducing, removals]) {
    for (const command of list) commands.push(command);
  }
}

/** A table that commands can be carried out on: the kernel's as far as it is known. */
export class TableModel {
  readonly #entries = new Map<
    string,
    { service: TableEntry["service"]; readonly destinations: Map<string, Destination> }
  >();

  /** @param table what it holds to begin with; copied */
  constructor(table: Table = new Map()) {
    for (const [name, { service, destinations }] of table) {
      this.#entries.set(name, { service, destinations: new Map(destinations) });
    }
  }

  /** What it holds now: a view that changes with it. */
  get table(): Table {
    return this.#entries;
  }

  /**
   * Carries out a command as the kernel does.
   *
   * @returns whether the kernel would have: not when what it makes exists, or what it changes not
   */
  apply(command: TableCommand): boolean {
    const entries = this.#entries;
    switch (command.kind) {
      case "add-service":
      case "set-service": {
        const { service } = command;
        const name = serviceName(service.key);
        const entry = entries.get(name);
        if ((entry === undefined) !== (command.kind === "add-service")) return false;
        if (entry !== undefined) entry.service = service;
        else entries.set(name, { service, destinations: new Map() });
        return true;
      }
      case "delete-service":
        return entries.delete(serviceName(command.service));
      case "add-destination":
      case "set-destination": {
        const destinations = entries.get(serviceName(command.service))?.destinations;
        const name = destinationName(command.destination.key);
        const adding = command.kind === "add-destination";
        if (destinations === undefined || destinations.has(name) === adding) return false;
        destinations.set(name, command.destination);
        return true;
      }
      case "delete-destination": {
        const destinations = entries.get(serviceName(command.service))?.destinations;
        return destinations?.delete(destinationName(command.destination)) ?? false;
      }
    }
  }
}

/** A command in words: `set 198.51.100.11:8080 of tcp 192.0.2.10:80: nat, weight 5`. */
export function describeCommand(command: TableCommand): string {
  switch (command.kind) {
    case "add-service":
    case "set-service": {
      const { service } = command;
      const verb = command.kind === "add-service" ? "add" : "set";
      const persistent = service.persistence === null
        ? ""
        : `, persistent for ${service.persistence.timeout} s`;
      return `${verb} ${serviceName(service.key)}: ${service.scheduler}${persistent}`;
    }
    case "delete-service":
      return `delete ${serviceName(command.service)}`;
    case "delete-destination":
      return `delete ${destinationName(command.destination)} of ${serviceName(command.service)}`;
    case "add-destination":
    case "set-destination": {
      const { key, forward, tunnel, weight } = command.destination;
      const verb = command.kind === "add-destination" ? "add" : "set";
      const how = tunnel === null ? forward : `${forward} (${tunnel.type})`;
      const where = `${destinationName(key)} of ${serviceName(command.service)}`;
      return `${verb} ${where}: ${how}, weight ${weight}`;
    }
  }
}
