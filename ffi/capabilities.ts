/**
 * What the calling thread is allowed to do.
 *
 * Asked before something needs it, so that the message can name the missing capability instead of
 * an EPERM from deep below.
 *
 * @module
 */

import { check } from "./errors.ts";
import { libc } from "./symbols.ts";

/** Names by bit number, capabilities(7). */
const NAMES = ("chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap " +
  "linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner " +
  "sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice " +
  "sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap " +
  "mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf " +
  "checkpoint_restore").split(" ");

const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;

/** struct __user_cap_header_struct: version, thread (0: the caller). The kernel may write to it. */
function header(): Uint32Array<ArrayBuffer> {
  return Uint32Array.of(LINUX_CAPABILITY_VERSION_3, 0);
}

/**
 * The calling thread's sets: two of struct __user_cap_data_struct, effective, permitted, inheritable;
 * low bits first.
 */
export function capabilitySets(): Uint32Array<ArrayBuffer> {
  const sets = new Uint32Array(6);
  check("capget", libc.capget(header(), sets));
  return sets;
}

/** Gives the calling thread these sets. @throws {SystemError} EPERM for more than it may have */
export function setCapabilitySets(sets: Uint32Array<ArrayBuffer>): void {
  check("capset", libc.capset(header(), sets));
}

/** The effective capabilities of the calling thread: `"cap_net_admin"` … */
export function effectiveCapabilities(): Set<string> {
  const data = capabilitySets();
  const names = new Set<string>();
  for (const [bit, name] of NAMES.entries()) {
    const word = data[bit < 32 ? 0 : 3] ?? 0;
    if ((word & (1 << (bit & 31))) !== 0) names.add(`cap_${name}`);
  }
  return names;
}

/** Whether the calling thread has a capability. Throws RangeError on a name that does not exist. */
export function hasCapability(name: string): boolean {
  if (!name.startsWith("cap_") || !NAMES.includes(name.slice(4))) {
    throw new RangeError(`Not a capability: ${JSON.stringify(name)}`);
  }
  return effectiveCapabilities().has(name);
}

const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;

/** All names that there are, `"cap_chown"` …; a kernel may know fewer. */
export function capabilityNames(): string[] {
  return NAMES.map((name) => `cap_${name}`);
}

/** What the calling thread, and programs that it executes, can ever have. */
export function boundingCapabilities(): Set<string> {
  const names = NAMES.filter((_, bit) => libc.prctl(PR_CAPBSET_READ, bit, 0, 0, 0) === 1);
  return new Set(names.map((name) => `cap_${name}`));
}

/**
 * Takes from the calling thread all capabilities but these, out of its bounding and inheritable
 * sets: a program that it executes has none of the others, whoever owns its file. What the thread
 * itself may do until then stays.
 *
 * @returns what its bounding set has lost
 * @throws {SystemError} EPERM without CAP_SETPCAP
 */
export function limitCapabilities(keep: ReadonlySet<string>): string[] {
  const dropped: string[] = [];
  for (const [bit, name] of NAMES.entries()) {
    if (keep.has(`cap_${name}`) || libc.prctl(PR_CAPBSET_READ, bit, 0, 0, 0) !== 1) continue;
    check("prctl", libc.prctl(PR_CAPBSET_DROP, bit, 0, 0, 0), `PR_CAPBSET_DROP cap_${name}`);
    dropped.push(`cap_${name}`);
  }
  const data = capabilitySets();
  for (const [bit, name] of NAMES.entries()) {
    // The third word of each half: inheritable.
    if (!keep.has(`cap_${name}`)) data[bit < 32 ? 2 : 5]! &= ~(1 << (bit & 31));
  }
  setCapabilitySets(data);
  return dropped;
}
