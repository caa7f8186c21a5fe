/**
 * The key `virtual_mac`: a hardware address of the virtual router's own (RFC 9568 section 7.3), and
 * what it comes to for a router: an interface's name, its kind, the address.
 *
 * @module
 */

import * as v from "valibot";
import { choice, documented, flag, text, VALUE } from "./fields.ts";
import type { Family } from "./ip.ts";
import { interfaceName } from "./names.ts";

const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

const macAddress = v.pipe(
  text(
    "a hardware address",
    {
      text: "Another address than the one that the RFC derives from the id; the same on all " +
        "nodes of the router. Not for one of both families, which has two.",
      range: "six bytes in hexadecimal; one of a single interface, not all zero",
      example: "02:00:00:00:00:51",
    },
    (value) => {
      if (!MAC.test(value)) {
        return {
          message: `${VALUE} is not a hardware address: six bytes such as 02:00:00:00:00:51`,
        };
      }
      const first = parseInt(value.slice(0, 2), 16);
      if ((first & 1) === 1) {
        const good = (first & 0xfe).toString(16).padStart(2, "0") + value.slice(2).toLowerCase();
        return {
          message: `${VALUE} is a multicast address: no interface can have it`,
          advice: `write \`"${good}"\` instead`,
        };
      }
      if (/^[0:-]+$/.test(value)) return { message: `${VALUE} is no interface's address` };
      return undefined;
    },
    "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$",
  ),
  v.transform((value) => value.toLowerCase().replaceAll("-", ":")),
);

const virtualMacTable = v.strictObject({
  interface: v.exactOptional(interfaceName({
    text: "Name of the interface that is made; without the key, `vrrp.` and the id, over IPv6 " +
      "`vrrp6.` and the id. Not for a router of both families, which has two.",
    example: "vrrp.51",
  })),
  mac: v.exactOptional(macAddress),
  transmit_on_base: v.optional(
    flag({
      text:
        "Send the adverts with the own address of the router's interface. Switches then learn " +
        "where the virtual MAC is from the announcements alone.",
      example: true,
    }),
    false,
  ),
  type: v.optional(
    choice(["macvlan", "ipvlan"], {
      text:
        "`macvlan`: with a hardware address of its own. `ipvlan`: an interface of its own with " +
        "the address of the one it lies upon, for networks that allow one hardware address for " +
        "each port.",
      example: "macvlan",
    }),
    "macvlan",
  ),
});

/** `virtual_mac` as it is configured; `false`: none. */
export const VIRTUAL_MAC_SCHEMA = documented(
  v.union([
    v.pipe(
      flag({ text: "Whether the router has a hardware address of its own.", example: true }),
      v.transform((wanted): false | v.InferOutput<typeof virtualMacTable> =>
        wanted && { transmit_on_base: false, type: "macvlan" }
      ),
    ),
    virtualMacTable,
  ]),
  "true, false or a table",
  {
    text: "Hold the addresses of the router's interface on an interface of the virtual router's " +
      "own, with the hardware address 00:00:5e:00:01:ID (IPv6: 00:00:5e:00:02:ID), which moves " +
      "with them: neighbours have nothing to learn at a failover. Adverts are sent from it, too.",
    example: true,
  },
);

/** A router's `virtual_mac`, resolved. */
export type VirtualMacConfig = Exclude<v.InferOutput<typeof VIRTUAL_MAC_SCHEMA>, false>;

/** Name of the virtual router's interface of one family. */
export function virtualInterfaceName(
  config: VirtualMacConfig,
  id: number,
  family: Family,
): string {
  return config.interface ?? `vrrp${family === "ipv6" ? "6" : ""}.${id}`;
}

/** Hardware address of the virtual router (RFC 9568 section 7.3); undefined: that of its base. */
export function virtualMacAddress(
  config: VirtualMacConfig,
  id: number,
  family: Family,
): string | undefined {
  if (config.type === "ipvlan") return undefined;
  const last = id.toString(16).padStart(2, "0");
  return config.mac ?? `00:00:5e:00:0${family === "ipv6" ? 2 : 1}:${last}`;
}
