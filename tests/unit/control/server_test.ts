/** The control socket with a handler of the test's own. */

import assert from "node:assert/strict";
import { AgentUnreachable, ask, connect } from "../../../mod/control/client.ts";
import { Lines } from "../../../mod/control/lines.ts";
import type { ControlRequest } from "../../../mod/control/protocol.ts";
import { ControlServer, type ServerOptions } from "../../../mod/control/server.ts";

async function withServer(
  handler: (request: ControlRequest) => Promise<unknown>,
  body: (path: string, server: ControlServer) => Promise<void>,
  options: ServerOptions = {},
): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "halb-control-" });
  const path = `${directory}/deep/control.sock`;
  const server = await ControlServer.listen(path, handler, options);
  try {
    await body(path, server);
  } finally {
    server.close();
    Deno.removeSync(directory, { recursive: true });
  }
}

// What a client leaves open is the server's to end, some time later.
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test("a request is answered, a refusal is an error", options, async () => {
  await withServer((request) => {
    if (request.command === "reload") return Promise.reject(new Error("Not today"));
    return Promise.resolve({ asked: request.command });
  }, async (path) => {
    assert.deepEqual(await ask(path, { command: "status" }), { asked: "status" });
    await assert.rejects(ask(path, { command: "reload" }), { message: "Not today" });
    assert.equal(Deno.lstatSync(path).mode! & 0o777, 0o600);
  });
});

Deno.test("a large answer arrives whole", options, async () => {
  const large = "x".repeat(5_000_000);
  await withServer(() => Promise.resolve(large), async (path) => {
    assert.equal(await ask(path, { command: "status" }), large);
  });
});

Deno.test("who reads slowly gets all of it, who does not read is dropped", options, async () => {
  const large = "x".repeat(4_000_000);
  const handler = () => Promise.resolve(large);
  const patience = 700;
  await withServer(handler, async (path) => {
    const silent = await connect(path);
    await silent.write(new TextEncoder().encode('{"command":"status"}\n'));
    const slow = await connect(path);
    await slow.write(new TextEncoder().encode('{"command":"status"}\n'));
    const began = performance.now();
    const chunk = new Uint8Array(65_536);
    let length = 0;
    for (let got = await slow.read(chunk); got !== null; got = await slow.read(chunk)) {
      length += got;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    assert.ok(performance.now() - began > 2 * patience, "it takes its time");
    assert.equal(length, large.length + '{"ok":true,"result":""}\n'.length);
    slow.close();
    // What lay in the socket is there, the rest was never written.
    const rest = await new Response(silent.readable).text();
    assert.ok(rest.length > 0 && rest.length < large.length, `${rest.length} bytes`);
  }, { patience });
});

Deno.test("there is one agent at a socket; one that is dead is followed", options, async () => {
  const handler = () => Promise.resolve("first");
  await withServer(handler, async (path) => {
    await assert.rejects(ControlServer.listen(path, handler), /Another agent answers at/);
    assert.equal(await ask(path, { command: "status" }), "first");
    // As after kill -9: the socket is there, and nobody listens.
    const left = `${path}.left`;
    Deno.listen({ transport: "unix", path: left }).close();
    await assert.rejects(ask(left, { command: "status" }), AgentUnreachable);
    const second = await ControlServer.listen(left, () => Promise.resolve("second"));
    assert.equal(await ask(left, { command: "status" }), "second");
    second.close();
    await assert.rejects(
      ask(left, { command: "status" }),
      ({ message }: Error) => message.includes(`no such socket. There is ${path}. Its socket is`),
      "the sockets beside it are named",
    );
  });
});

Deno.test(
  "a successor takes the socket's place: somebody answers at all times",
  options,
  async () => {
    await withServer(() => Promise.resolve("first"), async (path, first) => {
      let turn = 0;
      const asked = (async () => {
        const answers: unknown[] = [];
        while (turn < 2) answers.push(await ask(path, { command: "status" }));
        return answers;
      })();
      await ask(path, { command: "status" });
      const second = await ControlServer.listen(path, () => Promise.resolve("second"), {
        replace: true,
      });
      turn = 1;
      assert.equal(await ask(path, { command: "status" }), "second");
      first.close();
      await first.answered();
      assert.equal(await ask(path, { command: "status" }), "second", "the place is not removed");
      turn = 2;
      const answers = await asked;
      assert.ok(answers.every((answer) => answer === "first" || answer === "second"));
      second.close();
      assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
    });
  },
);

Deno.test("a talk has its connection to itself", options, async () => {
  const directory = Deno.makeTempDirSync({ prefix: "halb-control-" });
  const path = `${directory}/control.sock`;
  const server = await ControlServer.listen(path, () => Promise.resolve(null), {
    converse: async (request, connection) => {
      const lines = new Lines(connection, 100);
      if (request.command === "take_over") await lines.write({ pid: request.pid });
      await lines.write({ heard: await lines.read() });
    },
  });
  const connection = await connect(path);
  const lines = new Lines(connection, 100);
  await lines.write({ command: "take_over", pid: 7, version: "1", formats: [] });
  assert.equal(await lines.read(), '{"pid":7}');
  await lines.write("go on");
  assert.equal(await lines.read(), '{"heard":"\\"go on\\""}');
  assert.equal(await lines.read(), undefined);
  connection.close();
  server.close();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("a file in the place of the socket is left alone", options, async () => {
  const path = Deno.makeTempFileSync({ prefix: "halb-control-" });
  Deno.writeTextFileSync(path, "precious");
  const listening = ControlServer.listen(path, () => Promise.resolve(null));
  await assert.rejects(listening, /is there and is no socket/);
  assert.equal(Deno.readTextFileSync(path), "precious");
  Deno.removeSync(path);
});

Deno.test("clients that are being served are not sent away by silent ones", options, async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await withServer(() => promise, async (path) => {
    const served = ask(path, { command: "status" });
    const silent: Deno.UnixConn[] = [];
    for (let i = 0; i < 150; i++) silent.push(await Deno.connect({ transport: "unix", path }));
    const late = ask(path, { command: "status" });
    await new Promise((done) => setTimeout(done, 100));
    resolve("both");
    assert.deepEqual(await Promise.all([served, late]), ["both", "both"]);
    for (const connection of silent) connection.close();
  });
});
