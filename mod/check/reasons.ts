/**
 * Errors of sockets in words that an operator understands.
 *
 * @module
 */

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "not permitted on this machine",
  EAGAIN: "all ports of this machine are in use",
  EADDRINUSE: "our address and port are in use",
  EADDRNOTAVAIL: "our address is not on this machine, or all its ports are in use",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "host unreachable",
  EMFILE: "no descriptors left for this process",
  ENFILE: "no descriptors left on this machine",
  ENOBUFS: "no buffers left on this machine",
  ENOMEM: "no memory left on this machine",
  ENETDOWN: "our network is down",
  ENETUNREACH: "network unreachable",
  ENODEV: "our interface is missing",
  ENOPROTOOPT: "protocol refused",
  EPERM: "forbidden by a firewall rule of this machine",
  EPIPE: "closed while we were speaking",
  EPROTO: "protocol error",
  ETIMEDOUT: "connection timed out",
};

/** @param code symbolic, such as `ECONNREFUSED` @param detail what stands for it where it has no words */
export function socketReason(code: string, detail = ""): string {
  return WORDS[code] ?? (detail === "" ? code : `${detail} (${code})`);
}

/**
 * Whether an error says that this machine lacks what a probe needs, which says nothing about the
 * server. @param call the system call that failed
 */
export function isShortage(code: string, call: string): boolean {
  switch (code) {
    case "EMFILE":
    case "ENFILE":
    case "ENOBUFS":
    case "ENOMEM":
      return true;
    // Of a bind it says that the address is not ours: somebody has configured that.
    case "EADDRNOTAVAIL":
    case "EAGAIN":
      return call === "connect";
    default:
      return false;
  }
}
