/**
 * Announcements on their way out: sent, counted for each router, and told where one cannot be sent.
 *
 * @module
 */

import type { Announcement } from "./announce.ts";
import type { NamespaceIo } from "./io.ts";
import type { Say } from "./tables.ts";
import type { NamespaceView } from "./view.ts";

/** The announcements of one namespace. */
export class Transmissions {
  /** Frames sent for each router. */
  readonly counts = new Map<string, number>();
  readonly #io: NamespaceIo;
  readonly #view: NamespaceView;
  readonly #say: Say;
  /** Announced since the counts were last told. */
  readonly #announced = new Set<string>();

  constructor(io: NamespaceIo, view: NamespaceView, say: Say) {
    this.#io = io;
    this.#view = view;
    this.#say = say;
  }

  send(frames: readonly Announcement[]): void {
    for (const { router, index, frame } of frames) {
      const errno = this.#io.transmit(index, frame);
      if (errno === 0) {
        this.counts.set(router, (this.counts.get(router) ?? 0) + 1);
      } else {
        this.#say("warning", ["kernel", router], "Cannot send announcement", {
          interface: this.#view.link(index)?.name ?? `${index}`,
          errno,
        });
      }
      this.#announced.add(router);
    }
  }

  /** Routers for which something was sent since the last call. */
  takeAnnounced(): readonly string[] {
    const names = [...this.#announced];
    this.#announced.clear();
    return names;
  }
}
