/**
 * The links of echoes that there are, and who uses them.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  bindToDevice,
  closeDescriptor,
  connectSocket,
  getSocketName,
  inNamespace,
  openSocket,
  SOCK_DGRAM,
  sockaddrAddress,
  sockaddrIn,
  sockaddrIn6,
} from "../../ffi/mod.ts";
import type { EchoSettings } from "../bfd/mod.ts";
import { isLinkLocal } from "../ip/mod.ts";
import type { BfdSource } from "./bfd_sources.ts";
import type { BfdEndpoints } from "./bfd_transport.ts";
import { type EchoEnds, EchoEntry, type EchoSession, type EchoSurroundings } from "./echo_entry.ts";
import { ECHO_PORT } from "./echo_frame.ts";
import { EchoLink } from "./echo_link.ts";
import { UnaffiliatedEntry, type UnaffiliatedSession } from "./unaffiliated_entry.ts";

/** What is needed from around it. */
export interface EchoesSurroundings extends EchoSurroundings {
  /** The descriptor is to be watched, or no longer. */
  watch(source: BfdSource): void;
  unwatch(source: BfdSource): void;
}

export class Echoes {
  readonly #env: EchoesSurroundings;
  readonly #links = new Map<string, EchoLink>();
  #gone = 0;

  constructor(env: EchoesSurroundings) {
    this.#env = env;
  }

  /** Frames that no session could be charged with. */
  get dropped(): Readonly<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const { dropped } of this.#links.values()) {
      for (const [reason, count] of Object.entries(dropped)) {
        sum[`echo_${reason}`] = (sum[`echo_${reason}`] ?? 0) + count;
      }
    }
    return sum;
  }

  /**
   * The echo function of a session.
   *
   * @param settings null: it sends none, and reflects those of the peer
   * @throws {SystemError} when it cannot be had
   */
  echo(session: EchoSession, settings: EchoSettings | null, ends: BfdEndpoints): EchoEntry {
    const [of, link] = this.#prepare(ends);
    return new EchoEntry(session, settings, of, link, this.#env);
  }

  /**
   * What an unaffiliated session sends and hears by.
   *
   * @throws {SystemError} when it cannot be had
   */
  unaffiliated(session: UnaffiliatedSession, ends: BfdEndpoints): UnaffiliatedEntry {
    const [of, link] = this.#prepare(ends);
    return new UnaffiliatedEntry(session, of, link, this.#env.heap);
  }

  #prepare(ends: BfdEndpoints): [EchoEnds, EchoLink] {
    const { family, peer } = ends;
    const own = ends.source === "" ? ownAddress(ends) : ends.source;
    return [{ family, own, peer }, this.#link(ends)];
  }

  #link(ends: BfdEndpoints): EchoLink {
    const { namespace, family, interfaceIndex } = ends;
    const key = `${namespace}/${family}/${interfaceIndex}`;
    const present = this.#links.get(key);
    if (present !== undefined && !present.isDead) return present;
    // Somebody may still use it, until told that the interface is another.
    if (present !== undefined) this.#links.set(`${key} gone ${this.#gone++}`, present);
    this.#sweep();
    const link = new EchoLink(ends);
    this.#links.set(key, link);
    for (const source of link.sources) this.#env.watch(source);
    return link;
  }

  /** Closes the links whose interface is gone. */
  #sweep(): void {
    for (const [key, link] of [...this.#links]) {
      if (link.isUnused && link.isDead) this.#close(key, link);
    }
  }

  #close(key: string, link: EchoLink): void {
    for (const source of link.sources) this.#env.unwatch(source);
    link.close();
    this.#links.delete(key);
  }

  /** Nobody uses any link any more, nor will. */
  end(): void {
    for (const [key, link] of [...this.#links]) this.#close(key, link);
  }
}

/** The own address that the kernel would choose to send to the peer. */
function ownAddress({ namespace, family, peer, interface: name, interfaceIndex }: BfdEndpoints) {
  return inNamespace(namespace, () => {
    const fd = openSocket(family === "ipv4" ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    try {
      if (name !== "") bindToDevice(fd, name);
      const scope = isLinkLocal(peer) ? interfaceIndex : 0;
      // Nothing is sent.
      connectSocket(
        fd,
        family === "ipv4" ? sockaddrIn(peer, ECHO_PORT) : sockaddrIn6(peer, ECHO_PORT, scope),
      );
      return sockaddrAddress(getSocketName(fd));
    } finally {
      closeDescriptor(fd);
    }
  });
}
