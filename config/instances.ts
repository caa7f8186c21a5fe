/**
 * What an agent has by default of its own where several work on one host (`agent.instance`): paths,
 * and the number by which the kernel keeps what it holds apart from what others do.
 *
 * @module
 */

/**
 * Numbers of protocols that are halb's: 112, VRRP's own, and those of instances behind it. They are
 * those of `mod/netlink`; no routing daemon is known that has one of them.
 */
export const HALB_PROTOCOLS = { first: 112, last: 176 } as const;

/** What an instance's name looks like: part of paths, and of names in the kernel. */
export const INSTANCE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;

/** Its control socket. @param instance undefined: the agent that has none */
export function controlOf(instance?: string): string {
  return instance === undefined ? "/run/halb/control.sock" : `/run/halb-${instance}/control.sock`;
}

/** Its state directory. */
export function stateDirectoryOf(instance?: string): string {
  return instance === undefined ? "/var/lib/halb" : `/var/lib/halb-${instance}`;
}

/** Where its service has its configuration. */
export function configOf(instance = "site"): string {
  return `/etc/halb/${instance}.toml`;
}

/**
 * Its number: made of the name, so that it is the same after a crash, a boot and in any container,
 * whoever else is there. Two names may have one number: agents that meet find out
 * (`mod/agent/claims.ts`).
 */
export function protocolOf(instance?: string): number {
  const { first, last } = HALB_PROTOCOLS;
  if (instance === undefined) return first;
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(instance)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return first + 1 + hash % (last - first);
}
