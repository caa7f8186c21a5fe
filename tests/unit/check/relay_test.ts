/** Connections by way of sockets of ours, on loopback: what goes through, from where, what ends them. */

import assert from "node:assert/strict";
import net from "node:net";
import {
  acceptSocket,
  AF_INET,
  bindSocket,
  closeDescriptor,
  getSocketName,
  listenSocket,
  openSocket,
  SOCK_STREAM,
  sockaddrIn,
  sockaddrPort,
} from "../../../ffi/mod.ts";
import { ANYWHERE, resetAtClose, type SocketTarget } from "../../../mod/check/drivers/open.ts";
import { Relay } from "../../../mod/check/drivers/relay.ts";

function targetOf(port: number, more: Partial<SocketTarget> = {}): SocketTarget {
  return {
    transport: "tcp",
    address: "127.0.0.1",
    port,
    scope: 0,
    ...ANYWHERE,
    ...more,
  };
}

/** Connects; the outcome in words where it does not come about. */
function open(target: SocketTarget, heard: (bytes: Uint8Array) => void = () => {}) {
  const { promise, resolve } = Promise.withResolvers<net.Socket | string>();
  const relay = new Relay(target, {
    connected: resolve,
    failed: ({ result, reason }) => resolve(`${result}: ${reason}`),
    heard,
  });
  return { relay, opened: promise };
}

/** TCP sockets of this process with one of these ports at either end, as `socket:[inode]`. */
function socketsWith(ports: readonly number[]): string[] {
  const rows = Deno.readTextFileSync("/proc/self/net/tcp").trim().split("\n").slice(1);
  const inodes = rows.map((row) => row.trim().split(/\s+/)).filter(([, local, remote]) => {
    return [local, remote].some((end) => ports.includes(parseInt(end!.split(":")[1]!, 16)));
  }).map((columns) => `socket:[${columns[9]}]`);
  return inodes.filter((inode) => ownSockets().has(inode));
}

/** What all descriptors of this process are, those of tests that run beside included. */
function ownSockets(): Set<string> {
  const names = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name);
  return new Set(names.flatMap((name) => {
    try {
      return [Deno.readLinkSync(`/proc/self/fd/${name}`)];
    } catch {
      // Closed since.
      return [];
    }
  }));
}

/** What a socket says until its end; the error where it breaks. */
function readAll(socket: net.Socket): Promise<Uint8Array[] | Error> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array[] | Error>();
  const pieces: Uint8Array[] = [];
  socket.on("data", (bytes: Uint8Array) => pieces.push(bytes));
  socket.on("end", () => resolve(pieces));
  socket.on("error", (error: Error) => resolve(error));
  return promise;
}

const length = (pieces: Uint8Array[] | Error) =>
  pieces instanceof Error ? pieces.message : pieces.reduce((sum, one) => sum + one.length, 0);

Deno.test("what is said arrives and comes back, whatever its length, from where one wants", async () => {
  const size = 3_000_000;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using connection = await listener.accept();
    const all = new Uint8Array(size);
    let at = 0;
    while (at < size) at += await connection.read(all.subarray(at)) ?? size;
    for (let sent = 0; sent < size;) sent += await connection.write(all.subarray(sent));
    return connection.remoteAddr as Deno.NetAddr;
  })();
  let heard = 0;
  const target = targetOf((listener.addr as Deno.NetAddr).port, { bindAddress: "127.0.0.9" });
  const { relay, opened } = open(target, (bytes) => void (heard += bytes.length));
  const socket = await opened as net.Socket;
  const local = relay.local;
  const ports = [local!.port, socket.localPort!];
  const sockets = socketsWith(ports);
  assert.equal(sockets.length, 4, "both ends of both connections");
  const read = readAll(socket);
  socket.write(new Uint8Array(size).fill(7));
  assert.equal(length(await read), size);
  assert.equal(heard, size);
  const remote = await served;
  assert.equal(remote.hostname, "127.0.0.9");
  assert.deepEqual(local, { address: remote.hostname, port: remote.port });
  relay.close();
  relay.close();
  await new Promise((resolve) => socket.on("close", resolve));
  // The server's connection is closed as well.
  const left = ownSockets();
  assert.deepEqual(sockets.filter((inode) => left.has(inode)), []);
});

Deno.test("a relay that cannot be says why", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  assert.equal(await open(targetOf(port)).opened, "failed: connection refused");
  const elsewhere = open(targetOf(port, { bindAddress: "192.0.2.1" }));
  assert.match(String(await elsewhere.opened), /^failed: our address is not on this machine/);
  const nowhere = open(targetOf(port, { namespace: "halb-has-none" }));
  assert.match(String(await nowhere.opened), /halb-has-none/);
});

Deno.test("a server that resets its connection resets ours, and the reason is kept", async () => {
  const listener = openSocket(AF_INET, SOCK_STREAM, 0);
  bindSocket(listener, sockaddrIn("127.0.0.1", 0));
  listenSocket(listener, 1);
  const { relay, opened } = open(targetOf(sockaddrPort(getSocketName(listener))));
  const socket = await opened as net.Socket;
  const read = readAll(socket);
  const connection = acceptSocket(listener)!;
  resetAtClose(connection);
  closeDescriptor(connection);
  await read;
  assert.equal(relay.failure, "connection reset");
  relay.close();
  closeDescriptor(listener);
});

Deno.test("without a loopback it fails; with one that has run out of something nobody was asked", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const target = targetOf((listener.addr as Deno.NetAddr).port);
  const { connect } = net;
  const refused: Record<string, string> = {
    ENETUNREACH: "failed: no loopback: network unreachable",
    EMFILE: "unasked: no loopback: no descriptors left for this process",
  };
  try {
    for (const [code, outcome] of Object.entries(refused)) {
      net.connect = (() => {
        const socket = new net.Socket();
        queueMicrotask(() => socket.destroy(Object.assign(new Error(code), { code })));
        return socket;
      }) as typeof connect;
      assert.equal(await open(target).opened, outcome);
    }
  } finally {
    net.connect = connect;
  }
});
