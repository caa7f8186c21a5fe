/** The agent's server of HTTP: what a configuration changes, and what comes too late. */

import assert from "node:assert/strict";
import { Http } from "../../../mod/agent/http.ts";
import { Secret } from "../../../mod/secret/mod.ts";
import { facts } from "../metrics/fixtures.ts";

/** What a client leaves open is the server's to end, some time later. */
const options = { sanitizeOps: false, sanitizeResources: false };

/** Code of the answer to a request; 0: nobody listens. */
async function code(port: number): Promise<number> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    await response.body?.cancel();
    return response.status;
  } catch {
    return 0;
  }
}

function makeHttp(): Http {
  return new Http({
    knowledge: () => Promise.resolve(facts()),
    reloads: { applied: 0 },
    events: { run: "r", recent: [], query: () => Promise.resolve({ events: [], problem: null }) },
    droppedByControl: () => 0,
  });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("other rules count at once; without its table nobody is answered", options, async () => {
  const [http, port] = [makeHttp(), freePort()];
  const config = { listen: { address: "127.0.0.1", port }, hosts: [] };
  try {
    http.configure(config);
    assert.equal(await code(port), 200);
    http.configure({ ...config, token: Secret.ofText("open-sesame") });
    assert.equal(await code(port), 401);
    assert.deepEqual(http.answers, { 200: 1, 401: 1 });
    http.configure(undefined);
    assert.equal(await code(port), 0);
    assert.deepEqual([http.status, http.answers], [null, { 200: 1, 401: 1 }], "no count falls");
  } finally {
    await http.close();
  }
});

Deno.test("a reload that ends after the agent has closed it listens no more", options, async () => {
  const directory = Deno.makeTempDirSync({ prefix: "halb-http-" });
  const path = `${directory}/http.sock`;
  const http = makeHttp();
  try {
    http.configure({ listen: { path }, hosts: [] });
    assert.ok(Deno.lstatSync(path).isSocket);
    await http.close();
    http.configure({ listen: { path }, hosts: [] });
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
