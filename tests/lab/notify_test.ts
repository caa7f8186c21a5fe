/** Who is told of changes: programs, FIFOs, their readers; what misbehaves and harms nobody. */

import assert from "node:assert/strict";
import { type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { FAULTS, inject, threads, untilLogged } from "./agent_helpers.ts";
import { linesOf, notebook, script, site, untilLines, workshop } from "./notify_helpers.ts";

/** A lone host with a running interface, and a site on it. */
async function alone(lab: Lab, text: string, env = {}): Promise<[HalbAgent, Host]> {
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  return [startHalb(lab, hosts[0], text, env), hosts[0]];
}

lab("programs: arguments, environment, order and user, from the start to the stop", async (lab) => {
  const work = workshop(lab);
  const book = notebook(`${work}/book`);
  const program = script(
    `${work}/note`,
    `echo "$*|$HALB_TYPE $HALB_NAME $HALB_PREVIOUS_STATE>$HALB_STATE $HALB_PRIORITY|$HALB_CAUSE` +
      `|$(id -u):$(id -g):$(id -G | tr ' ' ,)|$(ls /proc/self/fd | wc -l)|$(pwd)" >>${book}`,
  );
  const states = ["master", "backup", "fault", "stop"].map((state) =>
    `${state} = ["${program}", "${state}", "two words"]`
  );
  const [agent, host] = await alone(
    lab,
    site(
      [...states, `any = ["${program}", "any"]`].join(", "),
      "",
      'script_user = "games:nogroup"',
    ),
  );
  // Of states that follow each other faster than a program ends only the newest is told.
  const told = (state: string, times = 1) =>
    lab.until(
      `${state} is told`,
      () =>
        linesOf(book).filter((line) => line.startsWith(`any INSTANCE web ${state} `)).length >=
          times,
      10_000,
    );
  await told("MASTER");
  const { length: started } = linesOf(book);
  await host.exec(["ip", "link", "set", "eth0", "down"]);
  await lab.until("the fault is told", () => linesOf(book).length === started + 2, 10_000);
  await host.exec(["ip", "link", "set", "eth0", "up"]);
  await told("MASTER", 2);
  assert.equal((await agent.stop()).code, 0);
  const seen = linesOf(book).map((line) => line.split("|"));
  const turns = ["backup", "master", "fault", "backup", "master", "stop"];
  // The start may find the interface a moment late: a fault that it tells of is one.
  const first = seen.findIndex(([argv]) => argv === "backup two words");
  assert.deepEqual(
    seen.slice(first).map(([argv]) => argv),
    turns.flatMap((turn) => [
      `${turn} two words`,
      `any INSTANCE web ${turn.toUpperCase()} 150`,
    ]),
  );
  assert.ok(first === 0 || first === 2, `${seen.length} lines`);
  assert.deepEqual(
    seen.slice(first).filter((_, i) => i % 2 === 1).map(([, what]) => what).slice(1),
    [
      "INSTANCE web BACKUP>MASTER 150",
      "INSTANCE web MASTER>FAULT 150",
      "INSTANCE web FAULT>BACKUP 150",
      "INSTANCE web BACKUP>MASTER 150",
      "INSTANCE web MASTER>STOP 150",
    ],
  );
  assert.match(seen.at(-5)![2]!, /^healthy$/);
  assert.match(seen.at(-1)![2]!, /^(stopped|handed over)/);
  const { uid } = Deno.statSync("/proc/self");
  assert.equal(uid, 0);
  for (const line of seen) {
    // games is 5 with the group 60, nogroup is 65534; ls reads one directory beside its three.
    assert.deepEqual(line.slice(3), ["5:65534:65534,60", "4", "/"]);
  }
});

lab("programs that lag, hang, fork, print, fail and vanish disturb nobody", async (lab) => {
  const work = workshop(lab);
  const book = notebook(`${work}/book`);
  const slow = script(
    `${work}/slow`,
    `echo "$3" >>${book}; until test -e ${work}/go; do sleep 0.05; done; echo "done $3" >>${book}`,
  );
  const hang = script(
    `${work}/hang`,
    `echo $$ >>${book}; trap "" TERM; (trap "" TERM; sh -c 'echo $$ >>${book}; exec sleep 300') & sleep 300`,
  );
  const loud = script(
    `${work}/loud`,
    `head -c 1000000 /dev/zero | tr "\\0" x; echo 'bad \\033[2J' >&2; exit 7`,
  );
  const gone = script(`${work}/gone`, "exit 0");
  const [agent, host] = await alone(lab, site(`any = ["${slow}"]`));
  Deno.removeSync(gone);
  await agent.untilState("web", "master");
  for (let i = 0; i < 3; i++) {
    await host.exec(["ip", "link", "set", "eth0", "down"]);
    await agent.untilState("web", "fault");
    await host.exec(["ip", "link", "set", "eth0", "up"]);
    await agent.untilState("web", "master");
  }
  // The first one lags until all has happened: one at a time, and the newest state wins.
  const [first, ...more] = linesOf(book);
  assert.deepEqual(more, []);
  Deno.writeTextFileSync(`${work}/go`, "");
  await untilLines(lab, book, [first!, `done ${first}`, "MASTER", "done MASTER"]);
  assert.match(agent.log(), /Programs lag: nothing is run for (MASTER|FAULT|BACKUP) any more/);

  Deno.writeTextFileSync(book, "");
  agent.reload(
    site(`fault = ["${hang}"], backup = ["${loud}"], master = ["${gone}"], timeout = "3s"`),
  );
  await untilLogged(lab, agent, "Reload: applied");
  await host.exec(["ip", "link", "set", "eth0", "down"]);
  await untilLogged(lab, agent, `${hang}: did not end in time and was killed`, 1, 20_000);
  await host.exec(["ip", "link", "set", "eth0", "up"]);
  await untilLogged(lab, agent, `${loud}: exit 7`, 1, 20_000);
  await untilLogged(lab, agent, `${gone}: cannot be started`, 1, 20_000);
  const pids = linesOf(book).map(Number);
  assert.equal(pids.length, 2);
  const alive = pids.filter((pid) => {
    try {
      return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
    } catch {
      return false;
    }
  });
  assert.deepEqual(alive, [], "the whole group is killed");
  assert.equal(agent.log().includes("\u001b[2J"), false, "escaped");
  // Every thread of the agent is still who it was.
  const statuses = threads(agent.pid).flatMap((thread) => {
    try {
      return [Deno.readTextFileSync(`/proc/${agent.pid}/task/${thread}/status`)];
    } catch {
      return []; // One of the runtime's has ended while we looked.
    }
  });
  assert.ok(statuses.length > 2, `${statuses.length} threads`);
  for (const status of statuses) {
    assert.match(status, /^Uid:\t0\t0\t0\t0$/m);
    assert.match(status, /^Gid:\t0\t0\t0\t0$/m);
  }
  await agent.untilState("web", "master");
});

lab(
  "FIFOs: made with their owner, held while nobody reads, JSON beside keepalived's lines",
  async (lab) => {
    const work = workshop(lab);
    const [text, json, own] = [`${work}/text`, `${work}/json`, `${work}/web`];
    const [agent, host] = await alone(
      lab,
      site(
        `fifo = "${own}"`,
        "",
        `notify = { fifo = "${text}", json_fifo = "${json}", fifo_user = "games" }`,
      ),
    );
    await agent.untilState("web", "master");
    for (const path of [text, json, own]) {
      const { isFifo, mode, uid } = Deno.lstatSync(path);
      assert.deepEqual([isFifo, mode! & 0o777, uid], [true, 0o600, 5], path);
    }
    // Nobody has read until now.
    const read = (path: string, out: string) =>
      host.spawn(["sh", "-c", `exec cat ${path} >${out}`], { name: `read-${out.at(-1)}` });
    const first = read(text, `${work}/1`);
    await lab.until("the reader has all", () => {
      try {
        return linesOf(`${work}/1`).at(-1) === 'INSTANCE "web" MASTER 150';
      } catch {
        return false;
      }
    }, 20_000);
    assert.ok(linesOf(`${work}/1`).includes('INSTANCE "web" BACKUP 150'));
    // The reader goes, things happen, another one comes.
    await first.kill();
    await host.exec(["ip", "link", "set", "eth0", "down"]);
    await agent.untilState("web", "fault");
    await host.exec(["ip", "link", "set", "eth0", "up"]);
    await agent.untilState("web", "master");
    read(text, `${work}/2`);
    read(json, `${work}/3`);
    read(own, `${work}/4`);
    const wanted = ["FAULT", "BACKUP", "MASTER"].map((state) => `INSTANCE "web" ${state} 150`);
    for (const out of ["2", "3", "4"]) {
      await lab.until(`${out} is there`, () => {
        try {
          return Deno.statSync(`${work}/${out}`).size > 0;
        } catch {
          return false;
        }
      }, 20_000);
    }
    await untilLines(lab, `${work}/2`, wanted);
    assert.equal((await agent.stop()).code, 0);
    await untilLines(lab, `${work}/2`, [...wanted, 'INSTANCE "web" STOP 150']);
    // Each reader is a program of its own.
    await lab.until("the others have read the end, too", () => {
      return linesOf(`${work}/4`).at(-1) === 'INSTANCE "web" STOP 150' &&
        /"state":"stop".*\}\n$/.test(Deno.readTextFileSync(`${work}/3`));
    }, 10_000);
    const objects = linesOf(`${work}/3`).map((line) => JSON.parse(line));
    const states = objects.map(({ state }) => state);
    assert.deepEqual(states.slice(states.indexOf("backup")), [
      "backup",
      "master",
      "fault",
      "backup",
      "master",
      "stop",
    ]);
    const last = objects.at(-1)!;
    const { cause, time, ...rest } = last;
    assert.deepEqual(rest, {
      type: "instance",
      name: "web",
      state: "stop",
      previous_state: "master",
      priority: 150,
      generation: 1,
    });
    assert.match(cause, /^(stopped|handed over)/);
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  },
);

lab(
  "FIFO programs, startup and shutdown; a path that is no FIFO is refused and harms nobody",
  async (lab) => {
    const work = workshop(lab);
    const book = notebook(`${work}/book`);
    const reader = script(
      `${work}/reader`,
      `echo "reads $1" >>${book}; while read -r line; do echo "$line" >>${book}; done <"$1"; echo ends >>${book}`,
    );
    const note = script(`${work}/note`, `echo "$1" >>${book}`);
    Deno.writeTextFileSync(`${work}/plain`, "keep");
    const [agent] = await alone(
      lab,
      site(
        `json_fifo = "${work}/plain"`,
        "",
        `notify = { fifo = "${work}/fifo", fifo_script = ["${reader}"] }
startup_script = ["${note}", "first"]
shutdown_script = { command = ["${note}", "last"], user = "games", timeout = "5s" }`,
      ),
    );
    await agent.untilState("web", "master");
    await untilLogged(lab, agent, `${work}/plain: is not a FIFO`);
    assert.equal((await agent.stop()).code, 0);
    const seen = linesOf(book);
    assert.equal(seen[0], "first");
    assert.equal(seen[1], `reads ${work}/fifo`);
    assert.deepEqual(seen.slice(-4), [
      'INSTANCE "web" MASTER 150',
      'INSTANCE "web" STOP 150',
      "ends",
      "last",
    ]);
    assert.equal(Deno.readTextFileSync(`${work}/plain`), "keep");
  },
);

lab(
  "a reload deletes, repeats states, and a plane that dies tells nobody anything twice",
  async (lab) => {
    const work = workshop(lab);
    const book = notebook(`${work}/book`);
    const program = script(`${work}/note`, `echo "$*" >>${book}`);
    const second = (deleted: string) =>
      `[[vrrp]]
name = "two"
interface = "eth0"
virtual_router_id = 52
addresses = ["192.0.2.20/24"]
notify = { any = ["${program}"]${deleted} }
`;
    const fifo = `notify = { fifo = "${work}/fifo", states_on_reload = true }`;
    const third = second("").replace("two", "three").replace("52", "53").replace(".20", ".30");
    const any = `any = ["${program}"], priority_changes = true`;
    // A plane that is back within the master-down interval lets its routers go on: 3.6 s.
    const web = (any: string, more: string) => site(any, more, fifo).replace('"500ms"', '"1s"');
    const [agent, host] = await alone(lab, web(any, second(", deleted = true") + third), FAULTS);
    for (const name of ["web", "two", "three"]) await agent.untilState(name, "master");
    await lab.until(
      "all were told",
      () => linesOf(book).filter((line) => line.includes("MASTER")).length === 3,
      20_000,
    );
    host.spawn(["sh", "-c", `exec cat ${work}/fifo >>${work}/lines`], { name: "reader" });
    await lab.until("the FIFO was read", () => {
      try {
        return linesOf(`${work}/lines`).filter((line) => line.includes("MASTER")).length === 3;
      } catch {
        return false;
      }
    }, 20_000);
    Deno.writeTextFileSync(book, "");
    Deno.writeTextFileSync(`${work}/lines`, "");
    await inject(agent, "protocol", "throw");
    await untilLogged(lab, agent, "The protocol plane runs again");
    agent.reload(web(any, "").replace("a = 150", "a = 140"));
    await untilLogged(lab, agent, "Reload: applied");
    const told = [
      "INSTANCE three FAULT 100",
      "INSTANCE two DELETED 100",
    ];
    await lab.until("they were told", () => linesOf(book).length === 2, 20_000).catch(() => {});
    assert.deepEqual(linesOf(book).sort(), told);
    await lab.until(
      "the state was repeated",
      () => linesOf(`${work}/lines`).at(-1) === 'INSTANCE "web" MASTER 140',
      20_000,
    );
    assert.deepEqual(linesOf(`${work}/lines`).sort(), [
      'INSTANCE "three" FAULT 100',
      'INSTANCE "two" DELETED 100',
      'INSTANCE "web" MASTER 140',
      'INSTANCE "web" MASTER_PRIORITY 140',
    ]);
  },
);

lab("a sync group is told of once, beside its members", async (lab) => {
  const work = workshop(lab);
  const book = notebook(`${work}/book`);
  const program = script(
    `${work}/note`,
    `echo "$*|$HALB_TYPE $HALB_NAME $HALB_PREVIOUS_STATE>$HALB_STATE" >>${book}`,
  );
  const both = `[[vrrp]]
name = "two"
interface = "eth0"
virtual_router_id = 52
advertisement_interval = "100ms"
addresses = ["192.0.2.20/24"]
[[sync_group]]
name = "site"
members = ["web", "two"]
notify = { any = ["${program}"], fault = ["${program}", "alarm"] }
`;
  const [agent, host] = await alone(
    lab,
    site(`master = ["${program}", "web"]`, both, `notify = { fifo = "${work}/fifo" }`),
  );
  const booked = (state: string) =>
    lab.until(
      `the group is ${state}`,
      () => linesOf(book).some((line) => line.startsWith(`GROUP site ${state} 0|`)),
      10_000,
    );
  await booked("MASTER");
  await host.exec(["ip", "link", "set", "eth0", "down"]);
  await booked("FAULT");
  await host.exec(["ip", "link", "set", "eth0", "up"]);
  await lab.until(
    "it is master again",
    () => linesOf(book).filter((line) => line.startsWith("GROUP site MASTER 0|")).length === 2,
    10_000,
  );
  host.spawn(["sh", "-c", `exec cat ${work}/fifo >>${work}/lines`], { name: "reader" });
  await lab.until("the FIFO is read", () => {
    try {
      return linesOf(`${work}/lines`).length > 0;
    } catch {
      return false;
    }
  }, 20_000);
  assert.equal((await agent.stop()).code, 0);
  const turns = linesOf(book).filter((line) => !line.startsWith("web|"));
  // The start may find the interface a moment late: a fault that it tells of is one.
  const begun = turns.slice(turns.findIndex((line) => line.startsWith("GROUP site BACKUP")));
  assert.deepEqual(begun.slice(1), [
    "GROUP site MASTER 0|GROUP site BACKUP>MASTER",
    "alarm|GROUP site MASTER>FAULT",
    "GROUP site FAULT 0|GROUP site MASTER>FAULT",
    "GROUP site BACKUP 0|GROUP site FAULT>BACKUP",
    "GROUP site MASTER 0|GROUP site BACKUP>MASTER",
    "GROUP site STOP 0|GROUP site MASTER>STOP",
  ]);
  await lab.until("all is told of the stop", () => {
    const last = linesOf(`${work}/lines`).slice(-3).sort().join();
    return last === 'GROUP "site" STOP 0,INSTANCE "two" STOP 100,INSTANCE "web" STOP 150';
  }, 20_000);
});
