/**
 * Two directors with two virtual routers in a group (the client's side and the servers' gateway)
 * and the kernel's sync daemon between them: connections outlive the loss of one and its return.
 */

import assert from "node:assert/strict";
import { lab, startHalb, until } from "../lib/mod.ts";
import { PATIENCE } from "./balance.ts";
import { PORT, routersText, twoDirectors, VIP } from "./directors.ts";
import "./lib.ts";

const SITE = `[ipvs]
sync_daemon = { interface = "eth1", follow = "front", id = 7 }

${routersText("100ms")}
[[virtual_server]]
name = "web"
listen = "${VIP}:80"
scheduler = "rr"
follow = "front"
real_server = [
  { address = "198.51.100.11:${PORT}" },
  { address = "198.51.100.12:${PORT}" },
  { address = "198.51.100.13:${PORT}" },
]
`;

lab("a TCP stream outlives the failover of VRRP and IPVS together, and the return", async (lab) => {
  const { a, b, front, back, exchange } = await twoDirectors(lab);
  const first = startHalb(lab, a, SITE);
  await first.untilState("front", "master", PATIENCE);
  const second = startHalb(lab, b, SITE);
  await second.untilState("front", "backup", PATIENCE);
  const shows = (host: typeof a, options: string) => host.exec(["ipvsadm", ...options.split(" ")]);
  const daemon = (host: typeof a, role: string) =>
    until(
      `${host.name} is ${role} of the sync daemon`,
      async () => {
        const text = await shows(host, "-Ln --daemon");
        if (new RegExp(`^${role} sync daemon \\(mcast=eth1, syncid=7`, "m").test(text)) return true;
        throw new Error(text);
      },
      PATIENCE,
      250,
    );
  const inTable = (host: typeof a, count: number) =>
    until(
      `${host.name} has ${count} servers`,
      async () => {
        const found = (await shows(host, "-Sn")).match(/^-a/gm)?.length ?? 0;
        if (found === count) return true;
        throw new Error(`it has ${found}`);
      },
      PATIENCE,
      250,
    );
  await daemon(a, "master");
  await daemon(b, "backup");
  await inTable(a, 3);
  await inTable(b, 0);

  try {
    const streams = [1, 2, 3].map(() => exchange.hold(VIP, 80));
    assert.equal(new Set(streams.map(({ server }) => server)).size, 3);
    /** Each says a line a few times until the other director knows of it. */
    const known = (host: typeof a) =>
      until(
        `${host.name} knows of three connections`,
        async () => {
          for (const each of streams) assert.ok(each.alive());
          const found = (await shows(host, "-Lnc")).match(/ESTABLISHED/g)?.length ?? 0;
          if (found === 3) return true;
          throw new Error(`it knows of ${found}`);
        },
        PATIENCE,
        100,
      );
    await known(b);

    // The whole machine is gone: both of its cables.
    await Promise.all([front.link(a).cut(), back.link(a).cut()]);
    await second.untilState("front", "master", PATIENCE);
    await inTable(b, 3);
    await daemon(b, "master");
    for (const each of streams) assert.ok(each.alive(PATIENCE), `${each.server}: lost with a`);
    assert.equal(new Set(exchange.askOften(VIP, 80, 3)).size, 3);

    // It comes back, learns of the connections, and takes over again by its priority.
    await Promise.all([front.link(a).restore(), back.link(a).restore()]);
    await first.untilState("front", "master", PATIENCE);
    await daemon(a, "master");
    await daemon(b, "backup");
    await inTable(a, 3);
    await inTable(b, 0);
    for (const each of streams) assert.ok(each.alive(PATIENCE), `${each.server}: lost with b`);
    assert.equal(new Set(exchange.askOften(VIP, 80, 3)).size, 3);

    // A planned one, by the agent's end: the daemons go with it.
    await known(b);
    await first.stop(PATIENCE);
    await second.untilState("front", "master", PATIENCE);
    for (const each of streams) assert.ok(each.alive(PATIENCE), `${each.server}: lost at the end`);
    assert.equal(await shows(a, "-Ln --daemon"), "");
    assert.equal((await shows(a, "-Sn")).trim(), "");
  } finally {
    exchange.close();
  }
}, { timeoutMs: 240_000 });
