/**
 * Addresses that halb holds: those of virtual routers, in the adverts or not, and static ones. What
 * depends on the family is in `moves_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { documented, flag } from "./fields.ts";
import { ipPrefix } from "./address_fields.ts";
import { addressLabel, interfaceName } from "./names.ts";
import { plainAddress, scope } from "./network_fields.ts";

/** One held address, resolved. */
export interface AddressConfig {
  /** Canonical text; of the addresses of a router, all are of one family but the excluded ones. */
  readonly address: string;
  /** 1 to 32, over IPv6 to 128. */
  readonly prefix_length: number;
  /** The interface that carries it. */
  readonly interface: string;
  /** IPv4 only. */
  readonly label?: string;
  /** RT_SCOPE_…, IPv4 only. */
  readonly scope?: number;
  /** Of the same family. */
  readonly peer?: string;
  /** IPv4 only. */
  readonly broadcast?: string;
  /** IPv6 only. */
  readonly preferred?: boolean;
}

const address = ipPrefix({ text: "The address.", example: "203.0.113.10/32" });

/** What an address may say besides itself and its interface. */
const attributes = {
  label: v.exactOptional(addressLabel({
    text: "Label that `ip address` shows with it; IPv4 only.",
    example: "eth1:web",
  })),
  scope: v.exactOptional(scope({
    text: "How far the address is valid; IPv4 only, for the kernel knows the scope of an IPv6 " +
      "address. Without the key: global.",
    example: "link",
  })),
  peer: v.exactOptional(plainAddress({
    text: "The other end of a point-to-point link. The kernel makes a route to it.",
    example: "198.51.100.1",
  })),
  broadcast: v.exactOptional(plainAddress({
    text: "Broadcast address; IPv4 only. Without the key: none.",
    example: "203.0.113.255",
  })),
  preferred: v.exactOptional(flag({
    text: "Let the host's new connections choose this IPv6 address as their source. Without it " +
      "they keep the host's own, and do not change their source at a failover; what is in " +
      "`[static]` may be chosen unless it says `false`.",
    example: true,
  })),
};

const heldTable = v.strictObject({
  address,
  interface: v.exactOptional(interfaceName({
    text: "The interface that carries it; without the key, the router's.",
    example: "eth1",
  })),
  ...attributes,
});

/** An address of a virtual router, as it is written. */
export const addressItem = documented(
  v.union([
    v.pipe(
      ipPrefix({
        text: "The virtual address, on the router's interface.",
        example: "192.0.2.10/24",
      }),
      v.transform((address): v.InferOutput<typeof heldTable> => ({ address })),
    ),
    heldTable,
  ]),
  "an address, or a table with `address`",
  {
    text: "A virtual address.",
    example: "192.0.2.10/24",
  },
);

/** An address of `[static]`. */
export const staticAddress = v.pipe(
  documented(
    v.strictObject({
      address,
      interface: interfaceName(
        { text: "The interface that carries it.", example: "eth1" },
        { loopback: true },
      ),
      ...attributes,
    }),
    "a table",
    {
      text: "An address that is held as long as the agent runs.",
      example: { address: "192.0.2.100/24", interface: "eth0" },
    },
  ),
  v.transform((item): AddressConfig => resolveAddress(item, item.interface)),
);

/** @param router the interface of its router */
export function resolveAddress(
  { address: { address, prefix_length }, interface: carrier, ...more }: v.InferOutput<
    typeof heldTable
  >,
  router: string,
): AddressConfig {
  return { address, prefix_length, interface: carrier ?? router, ...more };
}
