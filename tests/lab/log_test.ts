/**
 * An agent whose log nobody reads: it must not be held up by that.
 */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import type { Status } from "../../mod/control/status.ts";
import { halbPath, lab } from "../lib/mod.ts";
import { VIP } from "./agent_helpers.ts";

const ROUTERS = 60;

function site(directory: string, priority: number): string {
  const routers = Array.from({ length: ROUTERS }, (_, i) =>
    `[[vrrp]]
name = "router-with-a-name-of-some-length-${i}"
interface = "eth0"
virtual_router_id = ${i + 1}
priority = ${priority}
addresses = ["${i === 0 ? VIP : `198.51.100.${i + 1}`}/24"]
`);
  return `[agent]
control = "${directory}/control.sock"
state_directory = "${directory}/state"
log = { level = "debug" }

${routers.join("\n")}`;
}

lab("a full pipe on standard error holds nothing up, and what is lost is counted", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const [path, pipe] = [`${lab.directory}/site.toml`, `${lab.directory}/pipe`];
  const write = (priority: number) =>
    Deno.writeTextFileSync(path, site(lab.directory, priority), { mode: 0o600 });
  write(100);
  await host.exec(["mkfifo", pipe]);
  // Descriptor 3 keeps the pipe open for reading; nobody ever reads from it there.
  const script = 'exec 3<>"$1" 2>"$1"; shift; exec "$@"';
  const argv = [halbPath(), "run", "--config", path, "--name", "a"];
  const process = host.spawn(["sh", "-c", script, "sh", pipe, ...argv]);
  const control = `${lab.directory}/control.sock`;
  const status = async () => await ask(control, { command: "status" }) as Status;
  const held = () => host.holds(VIP);
  await lab.until("it is master", held, 8000);
  let slowest = 0;
  let reloads = 0;
  // Each tells of every router: far more than the pipe and the agent together keep.
  for (; reloads < 60; reloads++) {
    write(100 + reloads % 2);
    const before = performance.now();
    const result = await ask(control, { command: "reload" }) as { result: string };
    assert.equal(result.result, "applied");
    assert.equal((await status()).vrrp.length, ROUTERS);
    slowest = Math.max(slowest, performance.now() - before);
  }
  assert.ok(slowest < 2000, `a reload and a status took ${slowest} ms`);
  assert.ok(await held());
  // The reader is back.
  const reader = await Deno.open(pipe, { read: true });
  let text = "";
  const reading = (async () => {
    for await (const chunk of reader.readable.pipeThrough(new TextDecoderStream())) text += chunk;
  })().catch(() => {});
  await lab.until("it says what is missing", () => text.includes("lines="), 5000);
  await ask(control, { command: "reload" });
  assert.equal((await process.stop()).code, 0);
  await lab.until("its last line", () => text.includes("halb ends: stopped"), 2000);
  await reading;
  const lost = [...text.matchAll(/warning control: Lines of the log were lost.* lines=(\d+)/g)];
  assert.equal(lost.length, 1, "one line for all");
  assert.ok(Number(lost[0]![1]) > 100, lost[0]![0]);
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^\d{4}-.*Z \w+ +\w+/, line);
});
