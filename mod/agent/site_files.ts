/**
 * The configuration file as it is now, with all that it reads. It is read and judged anew only when
 * something of that looks otherwise than the last time: who asks for the status every second costs
 * some calls to the kernel, and no more.
 *
 * @module
 */

import { fingerprintOf, type RecordedSite, type SiteRecording } from "../../config/mod.ts";
import { soonOrNull } from "./questions.ts";

/** How long files may take to be looked at, milliseconds: a file system may be away (NFS). */
const PATIENCE = 500;

/** What is in the file. */
export interface Found {
  readonly fingerprint: string;
  readonly recording: SiteRecording;
}

export class SiteFiles {
  readonly #load: () => RecordedSite;
  #found: Found;
  /** How the files looked when they were read; null: that is not known for sure. */
  #signature: string | null = null;

  /** @param begun what was read at the start */
  constructor(load: () => RecordedSite, begun: SiteRecording) {
    this.#load = load;
    this.#found = { recording: begun, fingerprint: fingerprintOf(begun) };
  }

  /** How all files look now; null: that takes too long. */
  async signature(): Promise<string | null> {
    return await soonOrNull(signatureOf(this.#found.recording), PATIENCE);
  }

  /** What is in the file now; null: it cannot be looked at in time. */
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

async function signatureOf({ files, directories }: SiteRecording): Promise<string> {
  const looks = await Promise.all([...files, ...directories].map(async ([path]) => {
    try {
      const { dev, ino, size, mtime, ctime, mode } = await Deno.stat(path);
      return `${path} ${dev} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()} ${mode}`;
    } catch (error) {
      return `${path} ${error instanceof Error ? error.name : ""}`;
    }
  }));
  return looks.join("\n");
}
