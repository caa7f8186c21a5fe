/**
 * Where the ends of simulated BFD sessions are, and how they are set.
 *
 * @module
 */

import type { SessionSettings } from "../bfd/mod.ts";
import type { ProtocolBfd } from "../plane/bfd.ts";
import type { Host } from "./host.ts";
import type { SimInterface } from "./lan.ts";
import { ROUTED } from "./nodes.ts";

/** What an end needs of where it is. */
export interface Place {
  readonly name: string;
  /** Whose session it is; of one outside, that of the node it speaks to. */
  readonly node: string;
  readonly own: SimInterface;
  /** Own addresses: who speaks to one of them may mean this end. */
  readonly addresses: readonly string[];
  readonly peer: string;
  /** What crosses neither way while the path is cut; empty: it is nobody's in particular. */
  readonly path: string;
}

/** An ordinary session in place of one of a kind that is not simulated. */
export function ordinary(
  { seamless, unaffiliated, ...settings }: SessionSettings,
): SessionSettings {
  const special = seamless !== undefined || unaffiliated === true;
  return {
    ...settings,
    echoReceiveInterval: 0,
    ...(special ? { receiveInterval: settings.transmitInterval } : {}),
  };
}

export function placeOf({ path, settings }: ProtocolBfd, host: Host): Place {
  const { namespace, interface: name, source, family } = path;
  const own = host.interface(namespace, name === "" ? ROUTED : name);
  // What comes over several hops may be for any address of the host.
  const at = name === ""
    ? [own, ...host.interfaces.values()].filter(({ state }) => state.namespace === namespace)
    : [own];
  const usual = at.flatMap(({ state: { ipv4, ipv6, ipv6Global } }) =>
    family === "ipv4" ? ipv4 : [...ipv6Global, ...ipv6]
  );
  const addresses = source === "" ? usual : [source];
  return {
    name: settings.name,
    node: host.name,
    own,
    addresses,
    peer: path.peer,
    path: `${host.name} ${settings.name}`,
  };
}
