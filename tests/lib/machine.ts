/**
 * A machine of its own: a small Debian with systemd as its first process, on the guest kernel.
 *
 * It is a virtual one with a disk of its own. Of this machine it sees one folder, through which it
 * is told what to do, and nothing else: what its systemd mounts, clears away or shuts down is its
 * own. It has no network, and what the packages of this machine have installed.
 *
 * @module
 */

import { makeRoot } from "./machine_root.ts";
import type { Lab } from "./lab.ts";
import { CommandError, execute, type Executed, Hopeless, LabProcess, until } from "./process.ts";

const GUEST = new URL("../../scripts/guest", import.meta.url).pathname;

/** Does what it is asked, one command after the other: N.command has it, N.code says it is done. */
const SERVER = `#!/bin/bash
cd /
for ((n = 1;; n++)); do
  until [ -e "/exchange/$n.command" ]; do sleep 0.05; done
  bash "/exchange/$n.command" >/run/stdout 2>/run/stderr </dev/null
  echo $? >/run/code
  for part in stdout stderr code; do cp "/run/$part" "/exchange/$n.$part.part"; done
  for part in stdout stderr code; do mv "/exchange/$n.$part.part" "/exchange/$n.$part"; done
done
`;

const UNIT = `[Unit]
Description=What the lab asks for
[Service]
ExecStartPre=/bin/mount -t hostfs none /exchange
ExecStart=/usr/local/sbin/lab-server
OOMScoreAdjust=-1000
`;

/** Units of no use here, that take time. */
const MASKED = [
  "getty.target",
  "systemd-networkd.service",
  "systemd-random-seed.service",
  "systemd-resolved.service",
  "systemd-timesyncd.service",
  "systemd-update-utmp.service",
  "systemd-update-utmp-runlevel.service",
  "systemd-user-sessions.service",
];

/** How long a command may take, milliseconds: such a machine is slow. */
const PATIENCE = 120_000;
/** And its boot. */
const BOOT = 120_000;

export class Machine {
  /** The folder that it sees, as this machine names it; its own name is /exchange. */
  readonly exchange: string;
  readonly #process: LabProcess;
  #asked = 0;

  private constructor(exchange: string, process: LabProcess) {
    this.exchange = exchange;
    this.#process = process;
  }

  /** Makes the machine and waits until it runs. It ends with the lab. */
  static async boot(lab: Lab): Promise<Machine> {
    const root = `${lab.directory}/root`;
    const image = `${lab.directory}/disk`;
    const exchange = `${lab.directory}/exchange`;
    Deno.mkdirSync(root);
    Deno.mkdirSync(exchange);
    await makeRoot(root, ["dummy"]);
    installServer(root);
    await execute(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", root, image, "600M"]);
    Deno.removeSync(root, { recursive: true });
    const seconds = 900;
    const process = LabProcess.start(
      [GUEST, "-m", "768M", "-t", String(seconds), "-i", image, exchange],
      { name: "machine", logPath: `${lab.directory}/console` },
    );
    lab.atEnd(async () => {
      await process.stop();
    });
    const machine = new Machine(exchange, process);
    await machine.#run("true", BOOT);
    return machine;
  }

  /** Runs commands of bash as root, whatever their exit code. */
  tryRun(commands: string): Promise<Executed> {
    return this.#run(commands, PATIENCE);
  }

  /** Runs commands of bash as root, up to the first that fails. @throws {CommandError} then */
  async run(commands: string): Promise<string> {
    const result = await this.tryRun(`set -e -o pipefail\n${commands}`);
    if (result.code !== 0) throw new CommandError([commands], result);
    return result.stdout.trim();
  }

  /**
   * Waits until a command of the machine's succeeds.
   *
   * @param description ends the sentence "Waited N s in vain until …"
   */
  async until(description: string, command: string, seconds = 30): Promise<void> {
    const loop = `end=$((SECONDS + ${seconds}))
until ${command}; do if [ $SECONDS -ge $end ]; then exit 1; fi; sleep 0.1; done`;
    const { code, stdout, stderr } = await this.tryRun(loop);
    if (code === 0) return;
    const seen = (stdout + stderr).trimEnd().split("\n").at(-1);
    throw new Error(`Waited ${seconds} s in vain until ${description}; last seen: ${seen}`);
  }

  /** What it has to say for itself, for people. */
  async report(): Promise<string> {
    const { stdout } = await this.tryRun("journalctl -b --no-pager | tail -n 200");
    return `==== journal of the machine\n${stdout}`;
  }

  async #run(commands: string, patience: number): Promise<Executed> {
    const path = `${this.exchange}/${++this.#asked}`;
    Deno.writeTextFileSync(`${path}.part`, commands);
    Deno.renameSync(`${path}.part`, `${path}.command`);
    const read = (part: string) => Deno.readTextFileSync(`${path}.${part}`);
    const code = await until(
      `the machine has done: ${commands.slice(0, 200)}`,
      () => {
        if (!this.#process.running) {
          throw new Hopeless(`it has ended; its console:\n${this.#process.log().slice(-4000)}`);
        }
        return Number(read("code"));
      },
      patience,
      50,
    );
    return { code, stdout: read("stdout"), stderr: read("stderr") };
  }
}

function installServer(root: string): void {
  const units = `${root}/etc/systemd/system`;
  Deno.mkdirSync(`${root}/usr/local/sbin`, { recursive: true });
  Deno.writeTextFileSync(`${root}/usr/local/sbin/lab-server`, SERVER, { mode: 0o755 });
  Deno.mkdirSync(`${root}/exchange`);
  Deno.mkdirSync(`${units}/multi-user.target.wants`, { recursive: true });
  Deno.writeTextFileSync(`${units}/lab.service`, UNIT);
  Deno.symlinkSync("../lab.service", `${units}/multi-user.target.wants/lab.service`);
  Deno.symlinkSync("/lib/systemd/system/multi-user.target", `${units}/default.target`);
  for (const unit of MASKED) Deno.symlinkSync("/dev/null", `${units}/${unit}`);
}
