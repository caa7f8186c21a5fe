/** All samples of the Debian package keepalived convert to sites that are valid. */

import assert from "node:assert/strict";
import { conversion } from "./fixtures.ts";

const FOLDER = "/usr/share/doc/keepalived/samples";

/** Names of the samples; none, where the host has been installed without documentation. */
function samples(): string[] {
  try {
    return [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
      .filter((name) => name.startsWith("keepalived.conf.")).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** What is not understood, of samples with mistakes that keepalived tells of, too. */
const MISTAKES: Readonly<Record<string, readonly string[]>> = {
  // The members stand outside `group { … }`.
  "keepalived.conf.vrrp.lvs_syncd": ["VI_2", "VI_3"],
  // `to 192.168.100./24`
  "keepalived.conf.vrrp.rules": ["to", "to"],
};

const names = samples();

Deno.test({
  name: "every sample is valid, and all of it is accounted for",
  ignore: names.length === 0,
}, () => {
  assert.ok(names.length >= 25, `${names.length} samples`);
  for (const name of names) {
    const text = Deno.readTextFileSync(`${FOLDER}/${name}`);
    const result = conversion(text);
    for (const host of result.ids.length === 0 ? ["edge-a"] : result.ids) result.site(host);
    const unread = result.notes.filter(({ verdict }) => verdict === "unread");
    assert.deepEqual(unread.map(({ keyword }) => keyword), MISTAKES[name] ?? [], name);
    // Every line that is not blank, a comment or a brace has its note.
    const noted = new Set(result.notes.map(({ line }) => line));
    text.split("\n").forEach((line, index) => {
      if (/^\s*([#!}].*)?$/.test(line)) return;
      assert.ok(noted.has(index + 1), `${name}:${index + 1}: ${line}`);
    });
  }
});

Deno.test({ name: "what some samples say is there", ignore: names.length === 0 }, () => {
  const of = (name: string) =>
    conversion(Deno.readTextFileSync(`${FOLDER}/keepalived.conf.${name}`));
  const conditional = of("conditional_conf");
  assert.deepEqual(conditional.ids, ["high", "low"]);
  assert.deepEqual(conditional.ids.map((id) => conditional.site(id).vrrp[0]?.priority), [170, 85]);
  const quorum = of("quorum").site().virtual_server[0];
  assert.deepEqual([quorum?.quorum, quorum?.hysteresis, quorum?.real_server.length], [7, 2, 10]);
  const group = of("virtual_server_group").site().virtual_server;
  assert.deepEqual(group.map(({ listen, fwmark }) => [listen.length, fwmark.length]), [[4, 0], [
    0,
    2,
  ]]);
  const routes = of("vrrp.routes").site();
  assert.deepEqual([routes.static.routes.length, routes.vrrp[0]?.routes.length], [5, 7]);
  const tracked = of("vrrp.localcheck").site();
  const ports = ["chk_http_port", "chk_https_port", "chk_smtp_port"];
  const scripts = tracked.track_script.map(({ name }) => name);
  assert.deepEqual(scripts, ["chk_sshd", "chk_haproxy", ...ports]);
  assert.equal(tracked.vrrp.length, 9);
});
