/**
 * The way to the kernel's load balancer: a generic netlink socket of libnl in one network
 * namespace. Each namespace has a table of its own.
 *
 * @module
 */

import {
  BatchReceiver,
  EAGAIN,
  EMSGSIZE,
  ENOBUFS,
  GenericSocket,
  inNamespace,
  LibnlError,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SystemError,
} from "../../ffi/mod.ts";
import { IPVS_FAMILY } from "../ipvs/mod.ts";
import type { RequestIo } from "./io.ts";
import { DATAGRAM_LENGTH } from "./requester.ts";

/** Room for the answers of one buffer of requests, and more. */
const ANSWER_BUFFER = 1024 * 1024;
const REQUEST_BUFFER = 256 * 1024;
/** Datagrams that are fetched in one call: an acknowledgement is one, and they come by the dozen. */
const BATCH = 64;

/** What the load balancer's driver needs of the world. */
export interface IpvsIo extends RequestIo {
  /** Number of the family IPVS in this kernel. */
  readonly family: number;
  close(): void;
}

/** The kernel has no load balancer. */
export class MissingIpvs extends Error {
  override readonly name = "MissingIpvs";

  constructor(cause: unknown) {
    super(
      "This kernel has no IPVS, which virtual servers need: modprobe ip_vs, and see that it is " +
        "loaded at boot (/etc/modules-load.d)",
      { cause },
    );
  }
}

/**
 * Opens the way in a namespace; empty: the one the agent runs in.
 *
 * @throws {MissingLibrary} where the host has no libnl
 * @throws {MissingIpvs} where the kernel has no IPVS
 */
export function openIpvs(namespace: string): IpvsIo {
  return inNamespace(namespace, () => new LibnlIo());
}

class LibnlIo implements IpvsIo {
  readonly family: number;
  readonly #socket = new GenericSocket();
  readonly #batch = new BatchReceiver(BATCH, DATAGRAM_LENGTH, 0);
  /** Datagrams of the batch, and the next of them. */
  #fetched = 0;
  #next = 0;

  constructor() {
    try {
      this.family = this.#socket.resolve(IPVS_FAMILY);
      this.#socket.setBuffers(ANSWER_BUFFER, REQUEST_BUFFER);
    } catch (error) {
      this.#socket.close();
      if (error instanceof LibnlError && error.notFound) throw new MissingIpvs(error);
      throw error;
    }
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  receive(): Uint8Array | undefined {
    if (this.#next >= this.#fetched && !this.#fetch()) return undefined;
    const index = this.#next++;
    const length = this.#batch.length(index);
    const payload = this.#batch.payload(index);
    if (length > payload.length) throw new SystemError("recvmmsg", EMSGSIZE, "IPVS answers");
    return payload.slice(0, length);
  }

  /** Whether there is anything to be had. */
  #fetch(): boolean {
    this.#next = this.#fetched = 0;
    for (;;) {
      const count = this.#batch.receive(this.#socket.fd, MSG_DONTWAIT | MSG_TRUNC);
      if (count > 0) {
        this.#fetched = count;
        return true;
      }
      if (count === -EAGAIN) return false;
      // Some answers were lost, which is said once: those that are left come after it.
      if (count !== -ENOBUFS) throw new SystemError("recvmmsg", -count, "IPVS answers");
    }
  }

  close(): void {
    this.#socket.close();
  }
}
