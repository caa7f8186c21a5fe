/**
 * Containers as podman makes them, by its runtime `crun` alone: words of a `podman run` become a
 * bundle of the OCI's. No image is fetched: the root holds halb and the C library, which is what
 * docs/containers.md asks of one. No cgroups, and no list of system calls.
 *
 * @module
 */

import { copyWithLibraries } from "./bare_root.ts";
import { halbPath, type Host, type Lab, type LabProcess } from "./mod.ts";

/** What podman 4.3 mounts into every container, less what needs cgroups. */
const MOUNTS = [
  ["/proc", "proc", "nosuid", "noexec", "nodev"],
  ["/run", "tmpfs", "rw", "nosuid", "nodev"],
  ["/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"],
  ["/dev", "tmpfs", "nosuid", "noexec", "strictatime", "mode=755", "size=65536k"],
  ["/tmp", "tmpfs", "rw", "nosuid", "nodev"],
  ["/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
].map(([destination, type, ...options]) => ({ destination, type, source: type, options }));

/** What it hides, and what it lets nobody write. */
const MASKED = ["acpi", "kcore", "keys", "latency_stats", "timer_list", "sched_debug", "scsi"];
const READ_ONLY = ["asound", "bus", "fs", "irq", "sys", "sysrq-trigger"];

/** What words of `podman run` ask for. */
export interface ContainerOptions {
  readonly capabilities: readonly string[];
  readonly readOnly: boolean;
  /** Path and options. */
  readonly tmpfs: readonly (readonly [string, string])[];
  /** Name or path outside, path inside, whether it is read-only. */
  readonly volumes: readonly (readonly [string, string, boolean])[];
  readonly command: readonly string[];
}

/** @param words behind `podman run` @throws {Error} on a word that this does not know */
export function containerOptions(words: readonly string[]): ContainerOptions {
  const rest = [...words];
  const value = () => rest.shift() ?? "";
  let readOnly = false;
  let capabilities: string[] = [];
  const tmpfs: [string, string][] = [];
  const volumes: [string, string, boolean][] = [];
  while (rest[0]?.startsWith("--")) {
    const word = value();
    if (word === "--read-only") readOnly = true;
    else if (word === "--network" && rest[0] === "host") value();
    else if (word === "--cap-drop" && rest[0] === "all") capabilities = [value()].slice(1);
    else if (word === "--cap-add") capabilities.push(...value().split(","));
    else if (word === "--tmpfs") tmpfs.push(value().split(":") as [string, string]);
    else if (word === "--volume") {
      const [from = "", to = "", mode] = value().split(":");
      volumes.push([from, to, mode === "ro"]);
    } else throw new Error(`Not known of podman run: ${word} ${rest[0]}`);
  }
  const [, ...command] = rest;
  return { capabilities, readOnly, tmpfs, volumes, command };
}

/** One container, which may be run again and again. */
export class Container {
  readonly #host: Host;
  readonly #directory: string;
  readonly name: string;

  /**
   * @param outside where each volume is, by its name or path in `options`
   */
  static async create(
    lab: Lab,
    host: Host,
    options: ContainerOptions,
    outside: Readonly<Record<string, string>>,
  ): Promise<Container> {
    const directory = `${lab.directory}/container`;
    const root = `${directory}/rootfs`;
    for (const path of ["proc", "run", "sys", "dev", "tmp", "etc", "usr/bin"]) {
      Deno.mkdirSync(`${root}/${path}`, { recursive: true });
    }
    for (const path of [...options.tmpfs, ...options.volumes.map(([, to]) => [to])]) {
      Deno.mkdirSync(`${root}${path[0]}`, { recursive: true });
    }
    await copyWithLibraries(root, halbPath(), "usr/bin/halb");
    const capabilities = options.capabilities.map((one) => `CAP_${one}`);
    const bundle = {
      ociVersion: "1.0.2",
      root: { path: "rootfs", readonly: options.readOnly },
      process: {
        user: { uid: 0, gid: 0, umask: 0o22 },
        args: options.command,
        cwd: "/",
        env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NO_COLOR=1"],
        capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      },
      mounts: [
        ...MOUNTS,
        ...options.tmpfs.map(([destination, mode]) => ({
          destination,
          type: "tmpfs",
          source: "tmpfs",
          options: [mode, "rw", "nosuid", "nodev"],
        })),
        ...options.volumes.map(([from, destination, readOnly]) => ({
          destination,
          type: "bind",
          source: outside[from] ?? from,
          options: [readOnly ? "ro" : "rw", "rbind", "rprivate"],
        })),
      ],
      linux: {
        namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        maskedPaths: MASKED.map((name) => `/proc/${name}`),
        readonlyPaths: READ_ONLY.map((name) => `/proc/${name}`),
      },
    };
    Deno.writeTextFileSync(`${directory}/config.json`, JSON.stringify(bundle));
    return new Container(host, directory, host.namespace);
  }

  private constructor(host: Host, directory: string, name: string) {
    this.#host = host;
    this.#directory = directory;
    this.name = name;
  }

  /** Runs it: the process is crun's, which hands signals on and ends as the container does. */
  run(): LabProcess {
    return this.#host.spawn(
      [...this.#crun("run"), "--bundle", this.#directory, this.name],
      { name: "container" },
    );
  }

  /** Runs a command inside. */
  exec(argv: readonly string[]): Promise<string> {
    return this.#host.exec([...this.#crun("exec"), this.name, ...argv]);
  }

  /** The first process of the container, as this machine counts. */
  async pid(): Promise<number> {
    return JSON.parse(await this.#host.exec([...this.#crun("state"), this.name])).pid;
  }

  /** Forgets one that has been killed. */
  async forget(): Promise<void> {
    await this.#host.exec([...this.#crun("delete"), "--force", this.name]);
  }

  /** In this mount namespace of its own it wants to see cgroups, although it uses none. */
  #crun(command: string): string[] {
    const visible = 'mount -t cgroup2 none /sys/fs/cgroup && exec crun "$@"';
    return [
      "sh",
      "-c",
      visible,
      "sh",
      "--cgroup-manager=disabled",
      "--root",
      `${this.#directory}/state`,
      command,
    ];
  }
}
