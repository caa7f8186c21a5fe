/**
 * The configuration file as it is now, with all that it reads. It is read and judged anew only when
 * something of that looks otherwise than the last time: who asks for the status every second costs
 * some calls to the kernel, and no more.
 *
 * @module
 */

import { fingerprintOf, type RecordedSite, type SiteRecording } from "../../config/mod.ts";
import { soon } from "../patience/mod.ts";

/** How long files may take to be looked at, milliseconds: a file system may be away (NFS). */
const PATIENCE = 500;

/** What is in the file. */
export interface Found {
  readonly fingerprint: string;
  readonly recording: SiteRecording;
}

export class SiteFiles {
  readonly #load: () => RecordedSite;
  readonly #look: typeof signatureOf;
  #found: Found;
  /** How the files looked when they were read; null: that is not known for sure. */
  #signature: string | null = null;
  /** A look has not ended in time, nor since: nobody looks again until it has, or they pile up. */
  #late = false;

  /** @param begun what was read at the start @param look how all files look */
  constructor(load: () => RecordedSite, begun: SiteRecording, look = signatureOf) {
    this.#load = load;
    this.#look = look;
    this.#found = { recording: begun, fingerprint: fingerprintOf(begun) };
  }

  /** How all files look now; null: that takes too long, or one of them is a pipe. */
  async signature(): Promise<string | null> {
    if (this.#late) return null;
    const looking = this.#look(this.#found.recording);
    const signature = await soon(looking, PATIENCE);
    if (signature !== undefined) return signature;
    this.#late = true;
    void looking.finally(() => this.#late = false);
    return null;
  }

  /** What is in the file now; null: nobody can say. */
  async look(): Promise<Found | null> {
    const signature = await this.signature();
    if (signature === null) return null;
    if (signature === this.#signature) return this.#found;
    const before = JSON.stringify(this.paths);
    const { recording } = this.#load();
    this.#found = { recording, fingerprint: fingerprintOf(recording) };
    // Other files may be named in it by now: the next look is at those.
    this.#signature = JSON.stringify(this.paths) === before ? signature : null;
    return this.#found;
  }

  /** All that was read for it last: files, and directories of globs. */
  get paths(): { readonly files: readonly string[]; readonly directories: readonly string[] } {
    const { files, directories } = this.#found.recording;
    return { files: files.map(([path]) => path), directories: directories.map(([path]) => path) };
  }
}

/** Never rejects. */
async function signatureOf({ files, directories }: SiteRecording): Promise<string | null> {
  const looks = await Promise.all([...files, ...directories].map(async ([path]) => {
    try {
      const { dev, ino, size, mtime, ctime, mode, isFifo } = await Deno.stat(path);
      // Who reads a pipe waits for its writer, and control with him; and it gives a text once.
      if (isFifo === true) return null;
      return `${path} ${dev} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()} ${mode}`;
    } catch (error) {
      return `${path} ${error instanceof Error ? error.name : ""}`;
    }
  }));
  return looks.includes(null) ? null : looks.join("\n");
}
