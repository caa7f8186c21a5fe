/**
 * The status page in a real Chromium, of agents that run: it asks nobody else, shows what others
 * have said as text, is usable by keyboard, screen reader and phone, and stays quick while all that
 * it shows changes all the time.
 */

import assert from "node:assert/strict";
import axe from "axe-core";
import { ask } from "../../mod/control/client.ts";
import { Browser } from "../lib/browser.ts";
import { type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { routerOf, startPair, statusOf, webSite } from "./agent_helpers.ts";

const URL_OF_A = "http://127.0.0.1:9650/";
/** What would run, or be an element, wherever it is read as HTML. */
const HOSTILE = `<img src=x onerror="window.hit=1"><script>window.hit=2</script>`;
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

/** A browser on a host, for as long as the lab lasts. */
async function browserOn(lab: Lab, host: Host): Promise<Browser> {
  const profile = `${lab.directory}/chromium`;
  const browser = await Browser.start({ wrapper: host.prefix(), profile });
  lab.atEnd(() => browser.close());
  await browser.look(DESK);
  return browser;
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds serious or worse. */
async function barriers(browser: Browser): Promise<string[]> {
  const { violations } = await browser.evaluate<{ violations: Violation[] }>(
    "axe.run(document, { resultTypes: ['violations'] })",
  );
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((one) => `${id}: ${one.html}: ${one.failureSummary}`));
}

const SHOWN = "!document.getElementById('all').hidden";
const textOf = (id: string) => `document.getElementById('${id}').innerText`;

lab("the page: token, text of others, keyboard, screen reader, phone; live", async (lab) => {
  const outside = `${lab.directory}/outside`;
  Deno.writeTextFileSync(outside, `${HOSTILE}\n`);
  const http = '{ listen = "127.0.0.1:9650", token = "open-sesame" }';
  const site = `[agent]
http = { by_host = { a = ${http}, b = { listen = "127.0.0.1:9650" } } }
[[track_file]]
name = "outside"
path = "${outside}"
[[check]]
name = "told"
type = "script"
command = ["/bin/sh", "-c", ${JSON.stringify(`echo '${HOSTILE}'; exit 1`)}]
interval = "1s"
[[bfd]]
name = "to-nobody"
peer = "192.0.2.99"
interface = "eth0"
${webSite("100ms", 'track = { files = [{ name = "outside", weight = 0 }] }')}`;
  const { a, hosts: [host] } = await startPair(lab, site);
  await lab.until("it listens", async () => (await statusOf(a)).http?.trouble === null, 15_000);
  const browser = await browserOn(lab, host);

  // A wrong token, then the right one, by keyboard.
  await browser.open(URL_OF_A);
  await browser.until("a token is asked for", "document.activeElement.id === 'token'");
  assert.equal(await browser.evaluate(SHOWN), false);
  await browser.type("open-sesam");
  await browser.press("Enter");
  await browser.until("it was wrong", `${textOf("door-said")}.includes('not the token')`);
  await browser.type("open-sesame");
  await browser.press("Enter");
  await browser.until("the page is shown", SHOWN);
  await browser.until("it knows the router", `${textOf("tables")}.includes('192.0.2.10/24')`);
  await browser.until("what is wrong", `${textOf("wrong")}.includes('to-nobody')`);
  // It is kept for this tab, and nowhere in an address.
  await browser.open(URL_OF_A);
  await browser.until("it is shown again", SHOWN);

  // What a file and a program have said is text.
  await browser.until("the check is told", `${textOf("wrong")}.includes('told')`);
  const open = (name: string) =>
    `[...document.querySelectorAll('tbody button')].find((one) => one.textContent === '${name}')`;
  await browser.evaluate(`${open("told")}.click()`);
  const hostile = JSON.stringify(HOSTILE);
  await browser.until("its output is shown", `${textOf("detail-body")}.includes(${hostile})`);
  const elements = "document.querySelectorAll('img, script:not([type=module])').length";
  assert.deepEqual(await browser.evaluate(`[${elements}, typeof window.hit]`), [0, "undefined"]);

  // Screen readers: with the dialog open, without it; light, dark, small.
  await browser.evaluate(axe.source);
  assert.deepEqual(await barriers(browser), []);
  await browser.press("Escape");
  await browser.until("the dialog is closed", "!document.getElementById('detail').open");
  assert.deepEqual(await barriers(browser), []);
  await browser.look({ ...DESK, dark: true });
  await browser.until("it is dark", "document.documentElement.dataset.theme === 'dark'");
  assert.deepEqual(await barriers(browser), []);
  await browser.look(PHONE);
  await browser.until("it is light", "document.documentElement.dataset.theme === 'light'");
  assert.deepEqual(await barriers(browser), []);
  const wide = "document.documentElement.scrollWidth - innerWidth";
  assert.ok(await browser.evaluate<number>(wide) <= 0, "nothing is wider than a phone");
  await browser.look(DESK);

  // By keyboard: everything that can be pressed is reached, a router is opened and left again.
  await browser.evaluate("document.activeElement.blur()");
  const focused = "document.activeElement.innerText || document.activeElement.ariaLabel || ''";
  const reached: string[] = [];
  const inList = "document.activeElement.closest('tbody') !== null";
  for (let i = 0; i < 80 && !await browser.evaluate(inList); i++) {
    await browser.press("Tab");
    reached.push((await browser.evaluate<string>(focused)).trim());
  }
  assert.equal(reached[0], "To what is wrong");
  for (const name of ["Forget token", "5 min", "24 h", "web"]) {
    assert.ok(reached.includes(name), `${name} among ${reached.join(", ")}`);
  }
  await browser.press("Enter");
  await browser.until("its details", `${textOf("detail-body")}.includes('advertisements sent')`);
  await browser.press("Escape");
  await browser.until("the focus is back", `${focused} === 'web'`);

  // It is live, and says so where it is not.
  const states = `${textOf("glance")}.replace(/\\s+/g, ' ')`;
  await browser.until("a is master", `${states}.includes('1 master')`);
  await ask(a.controlPath, { command: "release", name: "web" });
  await browser.until("it has become a backup", `${states}.includes('1 backup')`);
  await browser.until("the event is told", `${textOf("events")}.includes('halb release')`);
  assert.equal((await routerOf(a, "web")).state, "backup");
  await browser.until("the focus has stayed", `${focused} === 'web'`);
  const others = browser.requests.filter((url) =>
    !url.startsWith(URL_OF_A) && !url.startsWith("data:,")
  );
  assert.deepEqual(others, [], "nobody else is asked");
  assert.deepEqual(browser.requests.filter((url) => url.includes("sesam")), []);
  const refused = /the server responded with a status of 401/;
  assert.deepEqual(browser.complaints.filter((text) => !refused.test(text)), []);
  await a.stop();
  await browser.until("it says so", `${textOf("trouble")}.includes('does not answer')`);
});

/** Routers that change, and between two changes of all of them, milliseconds. */
const ROUTERS = 250;
const PERIOD = 250;
/** What is measured: so many changes of single routers. */
const CHANGES = 3_000;

lab("while a thousand routers change in a second, the page is quick", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const number = `${lab.directory}/number`;
  Deno.writeTextFileSync(number, "0\n");
  const routers = Array.from({ length: ROUTERS }, (_, i) => `
[[vrrp]]
name = "r${i + 1}"
interface = "eth0"
virtual_router_id = ${i + 1}
priority = 100
advertisement_interval = "1s"
addresses = ["192.0.2.${i + 2}/32"]
track = { files = ["number"] }
`);
  const agent = startHalb(
    lab,
    host,
    `[agent]\nhttp = { listen = "127.0.0.1:9650" }\n[[track_file]]\nname = "number"\npath = "${number}"\n${
      routers.join("")
    }`,
  );
  await agent.untilState(`r${ROUTERS}`, "master", 30_000);
  const browser = await browserOn(lab, host);
  await browser.open(URL_OF_A);
  await browser.until("all are masters", `${textOf("glance")}.includes('${ROUTERS} master')`);

  // How long the page keeps others waiting, as a reader would notice who types or scrolls.
  await browser.evaluate(`(() => {
    window.long = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.long.push(duration);
    }).observe({ type: "longtask" });
    window.waits = [];
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      window.waits.push(now - last - 20);
      last = now;
    }, 20);
  })()`);
  const search = "document.querySelector('#tables input')";
  await browser.evaluate(`${search}.focus()`);
  await browser.type("r7");
  const began = performance.now();
  let rounds = 0;
  for (; rounds * ROUTERS < CHANGES; rounds++) {
    const end = began + (rounds + 1) * PERIOD;
    Deno.writeTextFileSync(number, `${rounds % 50 + 1}\n`);
    const wanted = 100 + rounds % 50 + 1;
    await lab.until(
      "all have changed",
      async () => {
        const { vrrp } = await statusOf(agent);
        return vrrp.every(({ effective_priority: priority }) => priority === wanted);
      },
      10_000,
      20,
    );
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, end - performance.now())));
  }
  const seconds = (performance.now() - began) / 1000;
  const [long, waits] = await browser.evaluate<[number[], number[]]>("[window.long, window.waits]");
  const sorted = waits.sort((x, y) => x - y);
  const quantile = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))]!);
  const busy = long.reduce((sum, one) => sum + one, 0) / 1000;
  console.log(
    `${Math.round(rounds * ROUTERS / seconds)} changes a second for ${seconds.toFixed(1)} s: ` +
      `${long.length} tasks over 50 ms, ${busy.toFixed(2)} s of them in all, the longest ` +
      `${Math.round(Math.max(0, ...long))} ms; a timer waits ${quantile(0.5)} ms, at the 99th ` +
      `percentile ${quantile(0.99)} ms`,
  );
  // A machine that is busy with something else makes tasks long; not most of them, nor the timers.
  assert.ok(busy < seconds / 2, `${busy} s of ${seconds} s`);
  assert.ok(quantile(0.5) < 50, `${quantile(0.5)} ms`);
  assert.equal(await browser.evaluate(`document.activeElement === ${search}`), true);
  const last = `${100 + (rounds - 1) % 50 + 1} of 100`;
  await browser.until("the last change is shown", `${textOf("tables")}.includes('${last}')`);
  const names =
    "[...document.querySelectorAll('#tables tbody button')].map((one) => one.textContent)";
  const shown = await browser.evaluate<string[]>(names);
  assert.ok(shown.length > 0 && shown.every((name) => name.includes("r7")), shown.join());
});
