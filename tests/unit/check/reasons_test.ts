/** Errors of sockets in words. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SystemError } from "../../../ffi/mod.ts";
import { openingFailure } from "../../../mod/check/drivers/open.ts";
import { socketReason } from "../../../mod/check/reasons.ts";

Deno.test("an error that operators know has words, any other keeps its name", () => {
  strictEqual(socketReason("ECONNREFUSED"), "connection refused");
  strictEqual(socketReason("EPERM"), "forbidden by a firewall rule of this machine");
  strictEqual(socketReason("ESTALE", "Stale file handle"), "Stale file handle (ESTALE)");
  strictEqual(socketReason("ESTALE"), "ESTALE");
});

Deno.test("what this machine lacks is not the server's fault, and named", () => {
  const said = (call: string, errno: number) => {
    const { result, reason } = openingFailure(new SystemError(call, errno));
    return `${result}: ${reason}`;
  };
  deepStrictEqual(
    [
      said("socket", 24), // EMFILE
      said("socket", 23), // ENFILE
      said("socket", 105), // ENOBUFS
      said("epoll_ctl", 12), // ENOMEM
      said("connect", 99), // EADDRNOTAVAIL
      said("connect", 11), // EAGAIN
      said("bind", 99),
      said("connect", 111), // ECONNREFUSED
    ],
    [
      "unasked: no descriptors left for this process",
      "unasked: no descriptors left on this machine",
      "unasked: no buffers left on this machine",
      "unasked: no memory left on this machine",
      "unasked: no port left on this machine",
      "unasked: all ports of this machine are in use",
      "failed: our address is not on this machine, or all its ports are in use",
      "failed: connection refused",
    ],
  );
});
