/** From steps of the protocol plane to what is told: each change once, whatever happens between. */

import assert from "node:assert/strict";
import { Notices } from "../../../mod/agent/notices.ts";
import type { NotificationsConfig } from "../../../config/mod.ts";
import type { GroupStepRecord } from "../../../mod/plane/groups.ts";
import type { StepRecord } from "../../../mod/plane/steps.ts";
import type { RouterStateName } from "../../../mod/vrrp/mod.ts";
import { until } from "../../lib/process.ts";
import { changed } from "../notify/bfd_fixtures.ts";
import { notifications, target } from "../notify/fixtures.ts";
import { initial } from "../vrrp/fixtures.ts";

const OURS = { name: "me", uid: Deno.uid()!, gid: Deno.gid()!, groups: [] };

function router(name: string, state: RouterStateName = "init", priority = 150) {
  const made = initial({ name, priority });
  made.state = state;
  return made;
}

function step(name: string, from: RouterStateName, to: RouterStateName): StepRecord {
  const effect = { type: "transition", from, to, reason: `for ${to}` } as const;
  const id = { plane: "protocol", number: 1 } as unknown as StepRecord["id"];
  const event = { type: "timer", generation: 1 } as const;
  return { type: "step", id, cause: null, at: 0, router: name, event, effects: [{ id, effect }] };
}

function groupStep(group: string, from: RouterStateName, to: RouterStateName): GroupStepRecord {
  const { id } = step("", from, to);
  const effect = { type: "group_transition", from, to, reason: `for ${to}` } as const;
  return { ...step("", from, to), type: "group_step", group, effects: [{ id, effect }] } as never;
}

/** Notices whose FIFO of JSON is read, in a directory of its own. */
async function world(
  body: (world: {
    notices: Notices;
    config(more: Partial<NotificationsConfig>): NotificationsConfig;
    told(count: number): Promise<string[]>;
    agent: { stopping: boolean };
    path: string;
  }) => Promise<void>,
  started = true,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/fifo`;
  const agent = { stopping: false };
  const config = (more: Partial<NotificationsConfig> = {}) =>
    notifications({
      fifo_user: OURS,
      agent: { json_fifo: path, states_on_reload: false },
      ...more,
    });
  const notices = new Notices(config({ groups: ["site"] }), {
    name: "edge",
    generation: () => 7,
    stopping: () => agent.stopping,
  });
  if (started) notices.start();
  let text = "";
  let reading: Promise<void> | undefined;
  const read = async ({ readable }: Deno.FsFile) => {
    for await (const piece of readable) text += new TextDecoder().decode(piece);
  };
  const told = async (count: number): Promise<string[]> => {
    // Who ends before the reader is there leaves without telling it.
    reading ??= read(await Deno.open(path, { read: true }));
    const lines = () => text.split("\n").slice(0, -1);
    await until(`${count} lines`, () => lines().length >= count, 5000);
    return lines().map((line) => {
      const { type, name, previous_state, state, priority, repeated } = JSON.parse(line);
      const head = type === "group" ? `${name}:` : name;
      return `${head} ${previous_state}>${state} ${priority}${repeated ? " again" : ""}`;
    });
  };
  try {
    await body({ notices, config, told, agent, path });
    await notices.leave();
    await reading;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("each change is told once, with what was told before it; a stop to who is not told of it", () =>
  world(async ({ notices, told, agent }) => {
    await told(0);
    for (const [from, to] of [["init", "backup"], ["backup", "master"]] as const) {
      notices.snapshot(router("web", to));
      notices.step(step("web", from, to));
    }
    notices.step(groupStep("site", "init", "master"));
    // A group that exists for an operator's word on one router.
    notices.step(groupStep("web", "init", "master"));
    // A plane that came back tells what is known.
    notices.step(step("web", "backup", "master"));
    // A router that moves to another interface begins there at once.
    notices.step(step("web", "master", "init"));
    notices.step(step("web", "init", "backup"));
    agent.stopping = true;
    notices.step(step("web", "backup", "init"));
    await notices.end("stopped");
    assert.deepEqual(await told(6), [
      "web null>backup 150",
      "web backup>master 150",
      "site: null>master 0",
      "web master>backup 150",
      "web backup>stop 150",
      "site: master>stop 0",
    ]);
  }));

Deno.test("a reload deletes: DELETED for who asks, FAULT for who does not, silence of groups", () =>
  world(async ({ notices, config, told }) => {
    const targets = [target({ name: "one" }), target({ name: "two", deleted: [] })];
    notices.begin(config({ targets, groups: ["site"] }), []);
    notices.applied();
    for (const name of ["one", "two", "three"]) {
      notices.snapshot(router(name));
      notices.step(step(name, "init", "backup"));
    }
    notices.step(groupStep("site", "init", "backup"));
    notices.begin(config({}), ["one", "two", "three"]);
    for (const name of ["one", "two", "three"]) notices.step(step(name, "backup", "init"));
    notices.applied();
    // The name begins anew when it comes back.
    notices.step(step("one", "init", "backup"));
    assert.deepEqual((await told(8)).slice(4), [
      "one backup>fault 150",
      "two backup>deleted 150",
      "three backup>deleted 150",
      "one null>backup 0",
    ]);
  }));

Deno.test("priorities are told to who wants them, and stand in what follows; losers always", () =>
  world(async ({ notices, config, told }) => {
    const changed = (name: string) => {
      const { id } = step("", "init", "init");
      const head = { id, at: 0, router: name } as const;
      notices.remark({ ...head, type: "priority_changed", state: "master", from: 150, to: 120 });
      notices.remark({ ...head, type: "lower_priority", address: "192.0.2.9", priority: 50 });
    };
    const targets = [target({ name: "one", priority_changes: true }), target({ name: "two" })];
    notices.begin(config({ targets }), []);
    for (const name of ["one", "two"]) {
      notices.snapshot(router(name));
      notices.step(step(name, "init", "master"));
      changed(name);
    }
    assert.deepEqual(await told(5), [
      "one null>master 150",
      "one master>master_priority 120",
      "one master>master_rx_lower_pri 120",
      "two null>master 150",
      "two master>master_rx_lower_pri 120",
    ]);
  }));

Deno.test("a process that goes on repeats nothing, but to readers that the former one owed", () =>
  world(async ({ notices, told, path }) => {
    const group = { settings: { name: "site" }, state: "master", members: [] } as never;
    notices.remember([router("web", "master"), router("new")], [group], [path]);
    notices.step(step("web", "backup", "master"));
    notices.step(step("web", "master", "fault"));
    assert.deepEqual(notices.unread, []);
    notices.start();
    assert.deepEqual(notices.unread, [path]);
    assert.deepEqual(await told(3), [
      "web master>fault 150 again",
      "site: null>master 0 again",
      "web master>fault 150",
    ]);
    assert.deepEqual(notices.unread, []);
  }, false));

Deno.test("BFD sessions are told in JSON, by programs of their own, and not in keepalived's FIFO", () =>
  world(async ({ notices, config, told, agent, path }) => {
    const text = `${path}.text`;
    const own = `${path}.own`;
    const both = { fifo: text, json_fifo: path, states_on_reload: false };
    const targets = [target({ type: "BFD", name: "a", fifo: own })];
    notices.begin(config({ agent: both, targets, sessions: ["a", "b"] }), []);
    notices.applied();
    await told(0);
    notices.session(changed("a", ["down", "init", "handshake"]));
    notices.session(changed("a", ["init", "up", "handshake"]));
    notices.session(changed("b", ["init", "up", "handshake"]));
    notices.session(changed("a", ["up", "down", "detection_expired"]));
    // A reload takes it away: it says AdminDown, and that it had a table is not forgotten yet.
    notices.begin(config({ agent: both, targets: [], sessions: ["b"] }), []);
    notices.session(changed("a", ["down", "admin_down", "stopped"]));
    notices.applied();
    agent.stopping = true;
    notices.session(changed("b", ["up", "admin_down", "stopped"]));
    await notices.end("stopped");
    assert.deepEqual(await told(5), [
      "a null>up undefined",
      "b null>up undefined",
      "a up>down undefined",
      "a down>admin_down undefined",
      "b up>admin_down undefined",
    ]);
    const { fifos } = notices.status;
    assert.deepEqual(fifos.filter((one) => one.path === text).map(({ held }) => held), [0]);
  }));

Deno.test("sessions of a former process are told again to who missed them, and not as news", () =>
  world(async ({ notices, told, path }) => {
    const up = changed("a", ["init", "up", "handshake"]);
    const down = changed("b", ["up", "down", "detection_expired"]);
    notices.rememberSessions([up.memory, down.memory]);
    notices.remember([], [], [path]);
    notices.session(up);
    notices.session(changed("a", ["up", "down", "detection_expired"]));
    assert.deepEqual(await told(2), ["a null>up undefined again", "a up>down undefined"]);
  }));
