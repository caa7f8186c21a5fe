/**
 * What the kernel's answers to commands for its load balancer mean.
 *
 * @module
 */

import type { TableCommand } from "../ipvs/mod.ts";
import {
  type Acknowledgement,
  describeAcknowledgement,
  EEXIST,
  ENOENT,
  EPERM,
  ESRCH,
} from "../netlink/mod.ts";

/**
 * Whether an answer says that the table is not what we take it for. ENOENT to a service means its
 * scheduler; to a destination it means the destination.
 */
export function isSurprise(kind: TableCommand["kind"], errno: number): boolean {
  switch (kind) {
    case "add-service":
      return errno === EEXIST;
    case "set-service":
    case "delete-service":
      return errno === ESRCH;
    case "add-destination":
      return errno === EEXIST || errno === ESRCH;
    case "set-destination":
    case "delete-destination":
      return errno === ENOENT || errno === ESRCH;
  }
}

/** Why the kernel refuses a command, in words. */
export function explain(command: TableCommand, answer: Acknowledgement): string {
  if (command.kind === "add-service" || command.kind === "set-service") {
    const { scheduler, engine } = command.service;
    if (answer.errno === ENOENT) {
      const or = engine === "" ? "" : `, or no engine "${engine}" (module ip_vs_pe_${engine})`;
      return `this kernel has no scheduler "${scheduler}" (module ip_vs_${scheduler})${or}`;
    }
  }
  return explainErrno(answer);
}

/** The same for what is not about the table. */
export function explainErrno(answer: Acknowledgement): string {
  if (answer.errno === EPERM) return "EPERM: it needs CAP_NET_ADMIN";
  return describeAcknowledgement(answer);
}
