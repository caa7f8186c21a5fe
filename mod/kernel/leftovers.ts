/**
 * What a killed agent has left in the kernel: found by the marks by which a new agent would know it,
 * and taken away as a new agent would that wants nothing of it.
 *
 * @module
 */

import type { SyncDaemon } from "../ipvs/mod.ts";
import {
  describeRoute,
  readRule,
  requestMarks,
  type Route,
  RTM_F_CLONED,
  RTM_NEWRULE,
} from "../netlink/mod.ts";
import type { BalanceNote } from "../plane/balance.ts";
import type { ConfigureKernel } from "../plane/messages.ts";
import { textOf } from "../text/mod.ts";
import { Balancer } from "./balancer.ts";
import type { BalancerWorld } from "./balancer_io.ts";
import { finish } from "./departures.ts";
import type { KernelIo } from "./io.ts";
import { IpvsDirector } from "./ipvs_director.ts";
import { MissingIpvs } from "./ipvs_io.ts";
import { MARK_TABLE, MarkTable } from "./mark_table.ts";
import { NamespaceDriver } from "./namespace.ts";
import { Requester } from "./requester.ts";
import { shownOf } from "./routing_entry.ts";
import { type Say, Tables } from "./tables.ts";
import { NamespaceView } from "./view.ts";
import { ownNoteOf } from "./virtual_settings.ts";
import { ownProtocol } from "./mark.ts";

/** One thing of ours in the kernel. */
export interface Leftover {
  readonly kind:
    | "address"
    | "interface"
    | "route"
    | "rule"
    | "setting"
    | "virtual_server"
    | "sync_daemon"
    | "firewall_marks";
  /** The network namespace; empty: this process's. */
  readonly namespace: string;
  /** In words, such as `192.0.2.10/32 on eth0`. */
  readonly what: string;
}

/** How long the kernel's table of virtual servers is worked on at most, microseconds. */
const PATIENCE = 30_000_000;

/**
 * What carries our marks in a namespace: protocol number 112, notes at interfaces, a setting's value.
 *
 * @throws where the namespace does not exist or may not be entered, or the kernel refuses
 */
export function findLeftovers(io: KernelIo, namespace: string, say: Say): Leftover[] {
  const sockets = io.open(namespace);
  try {
    const view = new NamespaceView();
    const listener = { removed: () => {}, routing: () => {}, lost: () => {} };
    const now = () => io.now();
    const tables = new Tables(sockets, new Requester(sockets), view, now, say, listener);
    tables.read();
    const found: Leftover[] = [];
    const add = (kind: Leftover["kind"], what: string) => found.push({ kind, namespace, what });
    for (const index of view.indexes()) {
      for (const { address, prefixLength, protocol } of view.addresses(index)) {
        if (protocol !== ownProtocol()) continue;
        add("address", `${address}/${prefixLength} on ${view.link(index)?.name ?? index}`);
      }
    }
    for (const route of tables.ownRoutes()) {
      if ((route.flags & RTM_F_CLONED) === 0) add("route", routeText(route, view));
    }
    for (const message of tables.routing()) {
      if (message.type !== RTM_NEWRULE || !readRule(message).ok) continue;
      const rule = shownOf(message);
      if (rule !== undefined) add("rule", rule.text);
    }
    for (const link of view.links()) {
      if (ownNoteOf(link) !== undefined) add("interface", link.name);
      const setting = `ipv4/conf/${link.name}/promote_secondaries`;
      if (sockets.setting(setting) === String(ownProtocol())) add("setting", setting);
    }
    return found;
  } finally {
    sockets.close();
  }
}

function routeText(route: Route, view: NamespaceView): string {
  const { destination, prefixLength, table, priority, index } = route;
  const to = `${destination}/${prefixLength}`;
  const metric = priority === 0 ? {} : { metric: priority };
  const text = describeRoute({ to, table, ...metric, type: "unicast", hops: [] });
  const link = view.link(index);
  return link === undefined ? text : `${text} dev ${link.name}`;
}

/**
 * Takes away what `findLeftovers` finds.
 *
 * @throws where the namespace does not exist or may not be entered
 */
export function removeLeftovers(io: KernelIo, namespace: string, say: Say): void {
  const pulse = { protocolHeartbeat: 0, protocolSilence: () => Infinity, mastership: () => 0 };
  const driver = new NamespaceDriver(namespace, io, pulse, say);
  try {
    driver.configure([], [], io.now());
    finish(driver, io);
  } finally {
    driver.close();
  }
}

/** Of what a note says is ours, what the kernel has. @throws where it cannot be read */
export function findServers(world: BalancerWorld, note: BalanceNote): Leftover[] {
  const { namespace } = note;
  const found: Leftover[] = [];
  if (hasMarks(note) && marksPresent(world, namespace)) {
    const { family, name } = world.markTable ?? MARK_TABLE;
    found.push({ kind: "firewall_marks", namespace, what: `table ${family} ${name}` });
  }
  if (note.own.length + note.daemons.length === 0) return found;
  let director: IpvsDirector;
  try {
    director = new IpvsDirector(world.openIpvs(namespace));
  } catch (error) {
    // The module was unloaded, and all that it had went with it.
    if (error instanceof MissingIpvs) return found;
    throw error;
  }
  try {
    director.read();
    for (const what of note.own) {
      if (director.table.has(what)) found.push({ kind: "virtual_server", namespace, what });
    }
    const text = ({ role, interface: name, id }: SyncDaemon) => `${role} on ${name}, id ${id}`;
    const running = director.daemons().map(text);
    for (const what of note.daemons.map(text)) {
      if (running.includes(what)) found.push({ kind: "sync_daemon", namespace, what });
    }
    return found;
  } finally {
    director.close();
  }
}

function hasMarks({ own }: BalanceNote): boolean {
  return own.some((name) => name.startsWith("mark "));
}

function marksPresent(world: BalancerWorld, namespace: string): boolean {
  const socket = world.openFirewall(namespace);
  try {
    new Requester(socket).ask(requestMarks(world.markTable ?? MARK_TABLE, [])[0]!);
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

/**
 * Takes away what a note says is ours of the load balancer, and puts back what it has changed.
 *
 * @param noted hears what is left, whenever that changes
 */
export function removeServers(
  world: BalancerWorld,
  note: BalanceNote,
  say: Say,
  noted: (note: BalanceNote) => void,
): void {
  const ports = {
    control: (message: Parameters<ConstructorParameters<typeof Balancer>[1]["control"]>[0]) => {
      if (message.type !== "balance_note") return;
      const { type: _, id, ...left } = message;
      noted(left);
      balancer.noted(id);
    },
    finding: () => {},
    hold: () => {},
    drop: () => {},
  };
  const balancer = new Balancer(world, ports, say);
  const configure: ConfigureKernel = {
    type: "configure",
    id: "c:1",
    routers: [],
    interfaces: [],
    balanceNote: note,
  };
  try {
    balancer.configure(configure);
    const end = world.now() + PATIENCE;
    while (balancer.deadline <= world.now() && world.now() < end) balancer.turn();
    balancer.stop(false);
    // Where the load balancer is gone, nobody has looked at them.
    if (hasMarks(note)) {
      const firewall = () => world.openFirewall(note.namespace);
      const marks = new MarkTable({ firewall }, say, world.markTable);
      marks.distrust();
      marks.settle(world.now());
      marks.close(false);
    }
  } catch (error) {
    say("error", ["ipvs"], "Cannot take away virtual servers", { reason: textOf(error) });
  } finally {
    balancer.close();
  }
}
