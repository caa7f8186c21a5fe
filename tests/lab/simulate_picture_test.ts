/**
 * The picture of `halb simulate --svg` in a real Chromium: read as XML, light and dark, nothing
 * fetched, and with the letters that a browser draws no words on others or outside.
 */

import assert from "node:assert/strict";
import { simulationSvg } from "../../mod/simulate/svg.ts";
import { Browser } from "../lib/browser.ts";
import { runHalb } from "../lib/mod.ts";
import { sampleReport } from "../unit/simulate/sample_report.ts";

const SITE = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
addresses = ["192.0.2.10/24", "2001:db8::10/64", "fe80::10/64"]
`;

/** A browser, and a folder with pictures in it. */
async function withBrowser(
  body: (browser: Browser, folder: string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const browser = await Browser.start({ profile: `${folder}/browser` });
  try {
    await body(browser, folder);
  } finally {
    await browser.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

const SANE = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "simulate --svg: what a browser shows of it",
  SANE,
  () =>
    withBrowser(async (browser, folder) => {
      const site = `${folder}/site.toml`;
      Deno.writeTextFileSync(site, SITE, { mode: 0o600 });
      const svg = `${folder}/picture.svg`;
      const { code, stderr } = await runHalb(["simulate", `a=${site}`, `b=${site}`, "--svg", svg]);
      assert.equal(code, 0, stderr);
      const grounds = [];
      for (const dark of [false, true]) {
        await browser.look({ dark, width: 1000, height: 600 });
        await browser.open(`file://${svg}`);
        const colours = await browser.evaluate<Record<string, string>>(
          `Object.fromEntries(["ground", "outage", "double", "held"].map((kind) =>
          [kind, getComputedStyle(document.querySelector("." + kind)).fill]))`,
        );
        const [red, green, blue] = colours.outage!.match(/\d+/g)!.map(Number);
        assert.ok(red! > 1.5 * green! && red! > 1.5 * blue!, colours.outage);
        assert.equal(new Set(Object.values(colours)).size, 4, "they can be told apart");
        grounds.push(colours.ground);
      }
      assert.deepEqual(grounds, ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]);
      assert.equal(await browser.evaluate("document.title"), "halb simulate: a, b, 156 s");
      assert.deepEqual(browser.complaints, []);
      const others = browser.requests.filter((url) => !/^(file|about|data):/.test(url));
      assert.deepEqual(others, []);
    }),
);

Deno.test(
  "simulate --svg: hostile names and many failures",
  SANE,
  () =>
    withBrowser(async (browser, folder) => {
      const names = [
        `</text><script>document.title = "broken"</script>`,
        `&amp;"'\u202e\ud800${"w".repeat(60)}`,
      ] as const;
      const failures = Array.from({ length: 40 }, (_, i) => ({
        at: 20_000_000 + i * 250_000,
        text: `kill ${names[i % 2]}`,
        action: "kill",
        node: names[i % 2]!,
      }));
      const path = `${folder}/hostile.svg`;
      Deno.writeTextFileSync(path, simulationSvg(sampleReport(names, { failures })));
      await browser.look({ width: 1000, height: 600 });
      await browser.open(`file://${path}`);
      // Where XML is broken a browser says so in the document.
      assert.equal(await browser.evaluate("document.querySelector('parsererror') === null"), true);
      assert.equal(await browser.evaluate("document.querySelectorAll('script').length"), 0);
      assert.match(await browser.evaluate("document.title"), /^halb simulate: <\/text><script>/);
      const boxes = await browser.evaluate<{ x: number; y: number; w: number; text: string }[]>(
        `[...document.querySelectorAll(".failure")].map((one) => {
        const { x, y, width } = one.getBBox();
        return { x, y, w: width, text: one.textContent };
      })`,
      );
      assert.ok(boxes.length >= 8, `${boxes.length}`);
      for (const [i, one] of boxes.entries()) {
        assert.ok(one.x >= 0 && one.x + one.w <= 1000, JSON.stringify(one));
        for (const other of boxes.slice(i + 1)) {
          const apart = one.y !== other.y || one.x + one.w <= other.x || other.x + other.w <= one.x;
          assert.ok(apart, JSON.stringify([one, other]));
        }
      }
      assert.deepEqual(browser.complaints, []);
    }),
);
