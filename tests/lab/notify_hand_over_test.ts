/** Who goes on after another process repeats nothing, and owes nothing. */

import assert from "node:assert/strict";
import { halbPath, lab, startHalb } from "../lib/mod.ts";
import { routerOf, statusOf } from "./agent_helpers.ts";
import { linesOf, notebook, script, site, untilLines, workshop } from "./notify_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

for (const how of ["upgrade", 'on_stop = "keep"'] as const) {
  lab(
    `${how}: no change is told twice, and a reader that was away is told the state`,
    async (lab) => {
      const work = workshop(lab);
      const book = notebook(`${work}/book`);
      const program = script(`${work}/note`, `echo "$*" >>${book}`);
      const [host, other] = await lab.hostsNamed("a", "b");
      await lab.lan("net", [host, other]);
      const text = site(
        `any = ["${program}"]`,
        "",
        `on_stop = "keep"\nnotify = { fifo = "${work}/fifo" }\n` +
          `startup_script = ["${program}", "up"]\nshutdown_script = ["${program}", "down"]`,
      );
      // A restart that takes longer than a master-down interval, 7 s, begins anew.
      const agent = startHalb(lab, host, text.replace('"500ms"', '"2s"'));
      await agent.untilState("web", "master", 20_000);
      const begun = ["up", "INSTANCE web BACKUP 150", "INSTANCE web MASTER 150"];
      // A start may find the interface a moment late.
      const seen = () => linesOf(book).filter((line) => !line.includes("FAULT"));
      await lab.until("all was told", () => seen().join() === begun.join(), 10_000);
      const { notifications } = await statusOf(agent) as unknown as {
        notifications: { fifos: { path: string; held: number; lost: number }[] };
      };
      const [fifo] = notifications.fifos;
      assert.deepEqual([fifo!.path, fifo!.lost], [`${work}/fifo`, 0]);
      assert.ok(fifo!.held >= 2, "nobody reads");
      if (how === "upgrade") {
        await upgrade(agent);
        await lab.until(
          "the former one has ended",
          () => agent.process.exited.then(() => true),
          5000,
        );
      } else {
        await agent.stop();
        const argv = ["run", "--config", agent.configPath, "--name", "a"];
        host.spawn([halbPath(), ...argv], { name: "again" });
        begun.push("down", "up");
      }
      await lab.until("it is master", async () => {
        return (await routerOf(agent, "web")).state === "master";
      }, 20_000);
      const lines = notebook(`${work}/lines`);
      host.spawn(["sh", "-c", `exec cat ${work}/fifo >>${lines}`], { name: "reader" });
      await untilLines(lab, lines, ['INSTANCE "web" MASTER 150']);
      await host.exec(["ip", "link", "set", "eth0", "down"]);
      await untilLines(lab, lines, ['INSTANCE "web" MASTER 150', 'INSTANCE "web" FAULT 150']);
      await lab.until(
        "the program was told, too",
        () => linesOf(book).at(-1) === "INSTANCE web FAULT 150",
        10_000,
      );
      assert.deepEqual(seen(), begun);
    },
  );
}
