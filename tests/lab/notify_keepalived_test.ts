/** Notifications beside keepalived: the same programs and FIFOs get the same lines. */

import assert from "node:assert/strict";
import { type Host, type Lab, lab, startHalb, startKeepalived } from "../lib/mod.ts";
import { linesOf, notebook, script, site, workshop } from "./notify_helpers.ts";

lab(
  "beside keepalived: the same scripts and FIFOs get the same lines in the same failovers",
  async (lab) => {
    const work = workshop(lab);
    const program = script(
      `${work}/note`,
      `echo "$@" >>${work}/$0.book 2>/dev/null || echo "$@" >>"$0.book"`,
    );
    const results: string[][][] = [];
    for (const kind of ["halb", "keepalived"] as const) {
      const own = `${work}/${kind}`;
      Deno.copyFileSync(program, own);
      const book = notebook(`${own}.book`);
      const fifo = `${own}.fifo`;
      const [a, b] = await lab.hostsNamed(`${kind}-a`, `${kind}-b`);
      await lab.lan(kind === "halb" ? "one" : "two", [a, b]);
      await a.exec(["mkfifo", "-m", "600", fifo]);
      const reader = a.spawn(["sh", "-c", `exec cat ${fifo} >${own}.lines`], {
        name: `reader-${kind}`,
      });
      // The one under test is a backup first, master when its peer goes, and yields when it returns.
      const peer = () => startHalb(lab, b, site("").replace("b = 100", `${kind}-b = 200`));
      let other = peer();
      await other.untilState("web", "master");
      const daemon = kind === "halb"
        ? startHalb(
          lab,
          a,
          site(
            `any = ["${own}"], fifo = "${fifo}", master_rx_lower_priority = ["${own}", "loser"], user = "root"`,
          ).replace("a = 150", `${kind}-a = 100`),
        )
        : startKeepalived(
          lab,
          a,
          `global_defs { script_user root
 vrrp_notify_fifo ${fifo}
 vrrp_version 3 }
vrrp_instance web { interface eth0
 virtual_router_id 51
 priority 100
 advert_int 0.5
 virtual_ipaddress { 192.0.2.10/24 }
 notify "${own}"
}
`,
        );
      const expect = async (...lines: string[]) => {
        await lab.until(`${kind} told ${lines.at(-1)}`, () => {
          const seen = linesOf(book).filter((line) => !line.includes("FAULT"));
          if (seen.join() === lines.join()) return true;
          throw new Error(seen.join(" | "));
        }, 30_000);
      };
      const line = (state: string) => `INSTANCE web ${state} 100`;
      await expect(line("BACKUP"));
      await other.stop();
      await expect(line("BACKUP"), line("MASTER"));
      other = peer();
      await expect(line("BACKUP"), line("MASTER"), line("BACKUP"));
      await other.stop();
      await expect(line("BACKUP"), line("MASTER"), line("BACKUP"), line("MASTER"));
      await daemon.stop();
      await lab.until(
        `${kind} wrote its last line`,
        () => {
          const [lines, told] = [linesOf(`${own}.lines`), linesOf(book)];
          return lines.at(-1) === 'INSTANCE "web" STOP 100' && told.at(-1) === line("STOP");
        },
        5000,
      );
      await reader.kill();
      // A start may find the interface a moment late.
      const told = (path: string) => linesOf(path).filter((line) => !line.includes("FAULT"));
      results.push([told(`${own}.lines`), told(book)]);
    }
    assert.deepEqual(results[0], results[1]);
    assert.equal(results[0]![0]!.at(-1), 'INSTANCE "web" STOP 100');
  },
);

/** What the node under test is told to do: two routers in a group, one alone whose weight moves. */
function halbGroups(own: string, name: string): string {
  const router = (name: string, id: number, more = "") =>
    `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = ${id}
advertisement_interval = "500ms"
addresses = ["192.0.2.${id}/24"]
notify = { any = ["${own}"], priority_changes = true, user = "root" }
${more}
`;
  return `[agent]
name = "${name}"
notify = { fifo = "${own}.fifo" }
[[track_file]]
name = "load"
path = "${own}.load"
weight = 1
[[sync_group]]
name = "site"
members = ["web", "lan"]
notify = { any = ["${own}"], user = "root" }
${router("web", 51)}${router("lan", 52)}${router("solo", 53, 'track = { files = ["load"] }')}`;
}

function keepalivedGroups(own: string, priority: number, told: boolean): string {
  const notify = told ? `notify "${own}"` : "";
  const router = (name: string, id: number, more = "") =>
    `vrrp_instance ${name} { interface eth0
 virtual_router_id ${id}
 priority ${priority}
 advert_int 0.5
 virtual_ipaddress { 192.0.2.${id}/24 }
 ${notify}
 ${more}
}
`;
  return `global_defs { script_user root
 vrrp_version 3
 ${told ? `vrrp_notify_fifo ${own}.fifo\n vrrp_notify_priority_changes true` : ""}
}
vrrp_track_file load { file ${own}.load
 weight 1
}
vrrp_sync_group site { group { web
 lan
 }
 ${notify}
}
${router("web", 51)}${router("lan", 52)}${router("solo", 53, "track_file { load }")}`;
}

/** Lines of one router or group, each once while it repeats. */
function ofName(lines: readonly string[], name: string): string[] {
  return lines.filter((line) => line.replaceAll('"', "").split(" ")[1] === name)
    .filter((line, i, all) => line !== all[i - 1]);
}

/** A peer that hears nothing, and thus advertises with the lower priority all the time. */
async function deafPeer(lab: Lab, host: Host, own: string) {
  await host.exec(["nft", "add table ip deaf"]);
  await host.exec(["nft", "add chain ip deaf in { type filter hook input priority 0 ; }"]);
  await host.exec(["nft", "add rule ip deaf in ip protocol 112 drop"]);
  return startKeepalived(lab, host, keepalivedGroups(own, 50, false));
}

lab("beside keepalived: groups, priorities and losing adverts are told alike", async (lab) => {
  const work = workshop(lab);
  const results = [];
  for (const kind of ["halb", "keepalived"] as const) {
    const own = script(`${work}/${kind}`, `echo "$@" >>${work}/${kind}.book`);
    const book = notebook(`${own}.book`);
    Deno.writeTextFileSync(`${own}.load`, "0\n");
    const [a, b] = await lab.hostsNamed(`${kind}-a`, `${kind}-b`);
    await lab.lan(kind === "halb" ? "one" : "two", [a, b]);
    await a.exec(["mkfifo", "-m", "600", `${own}.fifo`]);
    const lines = notebook(`${own}.lines`);
    a.spawn(["sh", "-c", `exec cat ${own}.fifo >>${lines}`], { name: `reader-${kind}` });
    const daemon = kind === "halb"
      ? startHalb(lab, a, halbGroups(own, `${kind}-a`))
      : startKeepalived(lab, a, keepalivedGroups(own, 100, true));
    const untilLast = (path: string, name: string, wanted: string) =>
      lab.until(`${kind} told ${wanted}`, () => {
        const last = ofName(linesOf(path), name).at(-1);
        if (last !== wanted) throw new Error(last);
        return true;
      }, 30_000);
    for (const name of ["web", "lan", "solo"]) {
      await untilLast(lines, name, `INSTANCE "${name}" MASTER 100`);
    }
    await untilLast(lines, "site", 'GROUP "site" MASTER 0');
    Deno.writeTextFileSync(`${own}.load`, "20\n");
    await untilLast(lines, "solo", 'INSTANCE "solo" MASTER_PRIORITY 120');
    Deno.writeTextFileSync(`${own}.load`, "0\n");
    await untilLast(lines, "solo", 'INSTANCE "solo" MASTER_PRIORITY 100');
    const peer = await deafPeer(lab, b, own);
    for (const name of ["web", "lan", "solo"]) {
      await untilLast(lines, name, `INSTANCE "${name}" MASTER_RX_LOWER_PRI 100`);
    }
    await peer.stop();
    await daemon.stop();
    for (const name of ["web", "lan", "solo"]) {
      await untilLast(lines, name, `INSTANCE "${name}" STOP 100`);
      await untilLast(book, name, `INSTANCE ${name} STOP 100`);
    }
    await untilLast(lines, "site", 'GROUP "site" STOP 0');
    await untilLast(book, "site", "GROUP site STOP 0");
    const told = (path: string) =>
      ["web", "lan", "solo", "site"].map((name) =>
        // A start may find the interface a moment late.
        ofName(linesOf(path).filter((line) => !line.includes("FAULT")), name)
      );
    results.push([told(lines), told(book)]);
  }
  assert.deepEqual(results[0], results[1]);
  assert.deepEqual(results[0]![0]![3], [
    'GROUP "site" BACKUP 0',
    'GROUP "site" MASTER 0',
    'GROUP "site" STOP 0',
  ]);
});
