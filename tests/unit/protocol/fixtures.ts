/**
 * An interface and a router as the other planes describe them to the driver, and what waits in its
 * sockets.
 *
 * @module
 */

import type { InterfaceState, ProtocolRouter } from "../../../mod/plane/messages.ts";
import type { Packets } from "../../../mod/protocol/transport4.ts";
import { USUAL_ELECTION } from "../../../mod/vrrp/mod.ts";

export const SECOND = 1_000_000;

/** An interface that is up, with an address and both groups joined. */
export function eth(
  name: string,
  index: number,
  changes: Partial<InterfaceState> = {},
): InterfaceState {
  return {
    namespace: "",
    index,
    name,
    up: true,
    running: true,
    mac: "02:00:00:00:00:01",
    mtu: 1500,
    ipv4: ["192.0.2.1"],
    ipv6: [],
    ipv6Global: [],
    networks: ["192.0.2.0/24"],
    groups: ["ipv4", "ipv6"],
    ...changes,
  };
}

/** Version 3 on IPv4, priority 100, an advert a second, on eth0; the id is 51 and the slot. */
export function router(
  name: string,
  slot: number,
  { settings, ...changes }: Partial<Omit<ProtocolRouter, "settings">> & {
    settings?: Partial<ProtocolRouter["settings"]>;
  } = {},
): ProtocolRouter {
  return {
    slot,
    namespace: "",
    interface: "eth0",
    trackers: [],
    settings: {
      name,
      version: 3,
      family: "ipv4",
      version2: false,
      virtualRouterId: 51 + slot,
      priority: 100,
      advertisementInterval: SECOND,
      addresses: [`192.0.2.${10 + slot}`],
      preempt: true,
      ...USUAL_ELECTION,
      checksum: "auto",
      ...settings,
    },
    ...changes,
  };
}

/** Packets that wait in a socket. */
export class Queue implements Packets {
  #batch: Uint8Array[] = [];

  /** @param delay what happens before the packets are there to be read */
  constructor(readonly waiting: Uint8Array[], readonly delay = (): void => {}) {}

  receive(_: number, limit: number): number {
    this.delay();
    this.#batch = this.waiting.splice(0, limit);
    return this.#batch.length === 0 ? -11 : this.#batch.length;
  }

  payload(index: number): Uint8Array {
    return this.#batch[index]!;
  }

  length(index: number): number {
    return this.#batch[index]!.length;
  }
}
