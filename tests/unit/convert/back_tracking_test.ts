/** What the keepalived.conf of a site says of trackers, groups and hooks; seen with 2.2.7's dump. */

import assert from "node:assert/strict";
import type { UserDirectory } from "../../../config/mod.ts";
import { judgeKey, toKeepalived } from "../../../mod/convert_back/mod.ts";
import { load } from "../config/fixtures.ts";

const ANYBODY: UserDirectory = {
  user: (name) => ({ name, uid: name === "root" ? 0 : 65_534, gid: name === "root" ? 0 : 65_534 }),
  group: () => 65_534,
  groupsOf: () => [],
};

function siteOf(text: string) {
  const loaded = load({ "site.toml": text }, { users: ANYBODY });
  assert.deepEqual(loaded.ok ? [] : loaded.problems, [], text);
  assert.ok(loaded.ok);
  return loaded.site;
}

function router(name: string, more: string): string {
  const id = name.charCodeAt(0);
  return `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = ${id}
priority = 100
${more}
`;
}

const V4 = (last: number) => `addresses = ["192.0.2.${last}/24"]`;
const SCRIPT = `[[track_script]]
name = "s1"
command = ["/bin/true"]
`;

/** The lines of the block that begins with `head`. */
function block(conf: string, head: string): string[] {
  const lines = conf.split("\n");
  const from = lines.indexOf(`${head} {`);
  assert.notEqual(from, -1, conf);
  return lines.slice(from + 1, lines.indexOf("}", from)).map((line) => line.trim());
}

Deno.test("what is turned round stays so with weight 0, and where only the use says it", () => {
  const text = `${SCRIPT}reverse = true
[[track_process]]
name = "p1"
command = "x"
reverse = true
[[track_script]]
name = "s2"
command = ["/bin/true"]
weight = -30
${router("a", `${V4(1)}\ntrack = { scripts = ["s1", { name = "s2", reverse = true }] }`)}
${router("b", `${V4(2)}\ntrack = { scripts = [{ name = "s1", reverse = false }] }`)}`;
  const conf = toKeepalived(siteOf(text));
  assert.ok(block(conf, "vrrp_script s1").includes("weight 0 reverse"), conf);
  assert.ok(block(conf, "vrrp_track_process p1").includes("weight 0 reverse"), conf);
  const a = block(conf, "vrrp_instance a");
  assert.ok(a.includes("s1") && a.includes("s2 weight -30 reverse"), conf);
  assert.ok(block(conf, "vrrp_instance b").includes("s1 weight 0 noreverse"), conf);
});

Deno.test("an interface's own weight stands where it is tracked", () => {
  const track = `${V4(1)}\ntrack = { interfaces = ["eth1"] }`;
  const conf = toKeepalived(siteOf(
    `[[track_interface]]\nname = "eth1"\nweight = -20\n${router("a", track)}`,
  ));
  assert.ok(block(conf, "vrrp_instance a").includes("eth1 weight -20"), conf);
});

Deno.test("groups keep weights that stand in the trackers' own tables, those of two families, too", () => {
  const track = `track = { scripts = ["s1"] }`;
  const tracker = `${SCRIPT}weight = -30\n`;
  const group = `[[sync_group]]\nname = "g"\nmembers = ["a", "b"]\n`;
  const two = toKeepalived(siteOf(
    `${tracker}${router("a", `${V4(1)}\n${track}`)}${router("b", `${V4(2)}\n${track}`)}${group}`,
  ));
  assert.ok(block(two, "vrrp_sync_group g").includes("sync_group_tracking_weight"), two);
  const both = `addresses = ["192.0.2.1/24", "2001:db8::1/64"]\n`;
  const one = toKeepalived(siteOf(`${tracker}${router("a", `${both}${track}`)}`));
  assert.ok(block(one, "vrrp_sync_group a-both").includes("sync_group_tracking_weight"), one);
  const none = toKeepalived(siteOf(`${SCRIPT}${router("a", `${both}${track}`)}`));
  assert.ok(!block(none, "vrrp_sync_group a-both").includes("sync_group_tracking_weight"), none);
});

Deno.test("a start-up script runs as root for its time, or it is said that it does not run", () => {
  const hook = (user: string) =>
    siteOf(`[agent]
script_user = "root"
startup_script = { command = ["/bin/true"], user = "${user}", timeout = "6500ms" }
${router("a", V4(1))}`);
  const lines = block(toKeepalived(hook("root")), "global_defs");
  assert.ok(lines.includes('startup_script "/bin/true" root'), lines.join());
  assert.ok(lines.includes("startup_script_timeout 7"), lines.join());
  assert.equal(judgeKey("agent.startup_script", {}, hook("root")), "kept");
  const other = hook("nobody");
  assert.doesNotMatch(toKeepalived(other), /startup_script/);
  const lost = judgeKey("agent.startup_script", {}, other);
  assert.ok(typeof lost === "object" && lost.verdict === "dropped");
});
