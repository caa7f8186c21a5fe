/** Ending connections of TCP by the names of their ends. */

import assert from "node:assert/strict";
import { bindSymbols, hangUp } from "../../../ffi/mod.ts";

// Deno would count a library that a test loads as a leak.
bindSymbols("getpeername", "getsockname", "shutdown", "open", "close", "getdents64");

for (const [listens, called] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"], ["::", "127.0.0.1"]]) {
  Deno.test(`a connection of ${called} to ${listens} ends, and no other`, async () => {
    using listener = Deno.listen({ hostname: listens!, port: 0 });
    const to = { hostname: called!, port: listener.addr.port };
    using client = await Deno.connect(to);
    using server = await listener.accept();
    using other = await Deno.connect(to);
    using otherServer = await listener.accept();
    assert.equal(hangUp(server.localAddr, server.remoteAddr), true);
    assert.equal(await client.read(new Uint8Array(1)), null);
    assert.equal(await server.read(new Uint8Array(1)), null);
    await other.write(Uint8Array.of(7));
    assert.equal(await otherServer.read(new Uint8Array(1)), 1);
    const nobody = { ...server.remoteAddr, port: 1 };
    assert.equal(hangUp(server.localAddr, nobody), false);
  });
}
