/**
 * Those who are connected to a socket of ours: a limited number, each with a limited time to ask and
 * to read. Where there are too many, those that have waited longest without asking anything make
 * room: a client that hangs costs nobody else an answer.
 *
 * @module
 */

/** So many times its patience is the longest that one may take which gets on, but slowly. */
const MOST_PATIENCE = 6;
/** Until it is tried again where a connection cannot be taken, milliseconds. */
const RETRY = 100;

export class Clients<C extends Deno.Conn> {
  /** Connections that were ended since their client hung, or others waited behind it. */
  dropped = 0;
  readonly #most: number;
  readonly #patience: number;
  readonly #all = new Set<C>();
  /** Those that have not asked yet, or do not read their answer, in the order of waiting. */
  readonly #idle = new Set<C>();
  readonly #serving = new Set<Promise<void>>();
  readonly #end: (connection: C) => void;

  /**
   * @param most connections at once
   * @param patience how long one may neither ask nor read, milliseconds
   * @param end closes a connection, whatever its state
   */
  constructor(most: number, patience: number, end: (connection: C) => void = closeQuietly) {
    this.#most = most;
    this.#patience = patience;
    this.#end = end;
  }

  /** Connections that are open. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Takes whoever comes until the listener is closed. A connection is closed when `serve` has ended;
   * a client that goes away ends it with an error, of which nobody is left to be told.
   */
  async accept(listener: Deno.Listener<C>, serve: (connection: C) => Promise<void>): Promise<void> {
    for (;;) {
      let connection: C;
      try {
        connection = await listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
          return;
        }
        // Out of descriptors, say: it passes, and a spinning loop would not help.
        await new Promise((resolve) => setTimeout(resolve, RETRY));
        continue;
      }
      const serving = this.#serve(connection, serve).finally(() => this.#serving.delete(serving));
      this.#serving.add(serving);
      if (this.#all.size > this.#most) this.#makeRoom();
    }
  }

  /** What depends on the client may take its time, longer where it gets on, but not for ever. */
  async patiently<T>(connection: C, work: (progress: () => void) => Promise<T>): Promise<T> {
    this.#idle.add(connection);
    const wait = (ms: number) => setTimeout(() => this.#drop(connection), ms);
    const end = wait(MOST_PATIENCE * this.#patience);
    let still = wait(this.#patience);
    try {
      return await work(() => {
        clearTimeout(still);
        still = wait(this.#patience);
      });
    } finally {
      clearTimeout(end);
      clearTimeout(still);
      this.#idle.delete(connection);
    }
  }

  /** Resolves when those who have asked have their answers. */
  async answered(): Promise<void> {
    await Promise.allSettled([...this.#serving]);
  }

  #makeRoom(): void {
    const [longest] = this.#idle;
    if (longest === undefined) return;
    this.#idle.delete(longest);
    this.#drop(longest);
  }

  #drop(connection: C): void {
    if (this.#all.has(connection)) this.dropped++;
    this.#close(connection);
  }

  /** Ends a connection, once. */
  #close(connection: C): void {
    if (this.#all.delete(connection)) this.#end(connection);
  }

  async #serve(connection: C, serve: (connection: C) => Promise<void>): Promise<void> {
    this.#all.add(connection);
    try {
      await serve(connection);
    } catch {
      // The client went away: nobody is left to tell.
    } finally {
      this.#close(connection);
    }
  }
}

/** Closes what may be closed already. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // Closed already.
  }
}
