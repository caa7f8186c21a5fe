/** The picture of a simulation: well-formed whatever is in it, and where things are on it. */

import assert from "node:assert/strict";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { simulationSvg } from "../../../mod/simulate/svg.ts";
import { addressReport, flappingReport, sampleReport, VIP } from "./sample_report.ts";

const SECOND = 1_000_000;
/** From where to where time goes on the picture. */
const [LEFT, RIGHT] = [150, 970];

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** Reads the XML that a picture may consist of. @throws where it is anything else */
function parse(xml: string): Element {
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(xml, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/, "characters");
  assert.ok(xml.isWellFormed(), "no half of a pair");
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const stack = [root];
  const tag = /<(\/?)([a-z]+)((?: [A-Za-z0-9-]+(?::[a-z]+)?="[^"<]*")*)(\/?)>|([^<]+)/gy;
  for (let at = 0; at < xml.length;) {
    tag.lastIndex = at;
    const match = tag.exec(xml);
    assert.ok(match !== null, `not XML at ${at}: ${xml.slice(at, at + 80)}`);
    at = tag.lastIndex;
    const [, close, name, attributes, empty, text] = match;
    if (text !== undefined) {
      assert.doesNotMatch(text, /&(?!#\d+;)/);
      stack.at(-1)!.text += text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));
    } else if (close === "/") assert.equal(stack.pop()!.name, name);
    else {
      const found = [...attributes!.matchAll(/([A-Za-z0-9-]+)="([^"]*)"/g)];
      const names = found.map(([, key]) => key!);
      assert.equal(new Set(names).size, names.length, "an attribute stands once");
      const element: Element = {
        name: name!,
        attributes: Object.fromEntries(found.map(([, key, value]) => [key!, value!])),
        children: [],
        text: "",
      };
      stack.at(-1)!.children.push(element);
      if (empty !== "/") stack.push(element);
    }
  }
  assert.equal(stack.length, 1, "all is closed");
  return root.children[0]!;
}

function all(element: Element): Element[] {
  return [element, ...element.children.flatMap(all)];
}

/** Bars of a kind that tell what they are, as times in seconds. */
function bars(svg: Element, kind: string, { duration } = sampleReport()) {
  const time = (x: number) =>
    Math.round((x - LEFT) / (RIGHT - LEFT) * duration / SECOND * 100) / 100;
  return all(svg).filter(({ attributes, children }) =>
    attributes.class === kind && children.length > 0
  ).map(({ attributes: { x, width } }) => [time(Number(x)), time(Number(x) + Number(width))]);
}

function drawn(report: SimulationReport): Element {
  return parse(simulationSvg(report));
}

Deno.test("svg: who held it, outages and double holding stand where they were", () => {
  const svg = drawn(sampleReport());
  assert.deepEqual(bars(svg, "held"), [[3.61, 10], [23.61, 30], [13.11, 20]]);
  assert.deepEqual(bars(svg, "lease"), [[10, 15]]);
  assert.deepEqual(bars(svg, "outage"), [[20, 23.61]]);
  assert.deepEqual(bars(svg, "double"), [[13.11, 15]]);
  assert.deepEqual(bars(svg, "off"), [[20, 30]]);
});

Deno.test("svg: title, description and each bar in words", () => {
  const svg = drawn(sampleReport());
  assert.equal(svg.attributes.role, "img");
  const [title, desc] = svg.children;
  assert.equal(title!.text, "halb simulate: a, b, 30 s");
  assert.match(desc!.text, /192\.0\.2\.10: one outage of 3\.609 s, held twice for 1\.891 s\./);
  assert.match(desc!.text, /What happened: 10\.000 s: kill a; 16\.000 s: start a; /);
  const ids = all(svg).flatMap(({ attributes: { id } }) => id ?? []);
  for (const id of svg.attributes["aria-labelledby"]!.split(" ")) assert.ok(ids.includes(id));
  const told = all(svg).filter(({ name }) => name === "title").map(({ text }) => text);
  assert.ok(told.includes("nobody answers from 20.000 s to 23.609 s (3.609 s)"), told.join("\n"));
});

Deno.test("svg: hostile names are text and nothing else", () => {
  const names = [
    `</title><script>alert(1)</script>`,
    `"'&<![CDATA[ \u0000\u0007\u001b[31m\u202e\ud800 \uffff]]>`,
  ] as const;
  const report = sampleReport(names);
  const svg = drawn({
    ...report,
    failures: [{ at: SECOND, text: `kill ${names[0]}`, action: "kill", node: names[0] }],
    routers: report.routers.map((one) => ({ ...one, name: names[1], network: names[0] })),
  });
  const used = new Set(all(svg).map(({ name }) => name));
  const known = ["svg", "title", "desc", "style", "defs", "pattern", "rect", "text", "line", "g"];
  assert.deepEqual([...used].filter((name) => ![...known, "circle"].includes(name)), []);
  const attributes = all(svg).flatMap((one) => Object.keys(one.attributes));
  assert.ok(attributes.every((name) => !name.startsWith("on") && name !== "href"));
  const words = all(svg).filter(({ name }) => name === "text").map(({ text }) => text);
  assert.ok(words.some((text) => text.startsWith("kill </title><script>")), words.join("\n"));
});

Deno.test("svg: nothing is fetched, and both looks are in it", () => {
  const text = simulationSvg(sampleReport());
  const urls = text.match(/(https?:|url\(|@import)[^\s"]*/g) ?? [];
  assert.deepEqual(new Set(urls), new Set(["http://www.w3.org/2000/svg", "url(#hatch);"]));
  assert.match(text, /prefers-color-scheme: dark/);
});

Deno.test("svg: words of failures never stand on each other, and stay inside", () => {
  for (const gap of [10, 300, 1000]) {
    const failures = Array.from({ length: 60 }, (_, i) => ({
      at: (30_000 - gap * i) * 1000,
      text: `server_down 192.0.2.${i}:80`,
      action: "server_down",
      node: null,
    })).filter(({ at }) => at >= 0).reverse();
    const svg = drawn(sampleReport(["a", "b"], { failures }));
    const words = all(svg).filter(({ attributes }) => attributes.class === "failure");
    assert.ok(words.length >= 8);
    const boxes = words.map(({ attributes: { x, y }, text }) => ({
      from: Number(x),
      to: Number(x) + text.length * 6,
      y,
    }));
    for (const [i, one] of boxes.entries()) {
      assert.ok(one.from >= 0 && one.to <= 1000, JSON.stringify(one));
      for (const other of boxes.slice(i + 1)) {
        const apart = one.y !== other.y || one.to <= other.from || other.to <= one.from;
        assert.ok(apart, JSON.stringify([one, other]));
      }
    }
    const marks = all(svg).filter(({ attributes }) => attributes.class === "mark");
    assert.equal(marks.length, failures.length, "each has its line");
  }
});

Deno.test("svg: an outage of a microsecond in a year is seen, twenty thousand changes stay small", () => {
  const year = 365 * 86_400 * SECOND;
  const holdings = Array.from({ length: 20_000 }, (_, i) => ({
    address: VIP,
    node: i % 2 === 0 ? "a" : "b",
    interface: "eth0",
    from: i * (year / 20_000),
    to: (i + 1) * (year / 20_000),
    by: "router" as const,
    answers: true,
  }));
  const [from, to] = [year / 2, year / 2 + 1];
  const broken = holdings.map((one) => one.from === from ? { ...one, from: to } : one);
  const text = simulationSvg(sampleReport(["a", "b"], {
    duration: year,
    failures: [],
    holdings: broken,
    addresses: [addressReport(VIP, 0, [{ from, to }], [], [])],
  }));
  const outages = all(parse(text)).filter(({ attributes, children }) =>
    attributes.class === "outage" && children.length > 0
  );
  assert.equal(outages.length, 1);
  assert.ok(Number(outages[0]!.attributes.width) >= 2);
  assert.ok(text.length < 1_000_000, `${text.length}`);
});

Deno.test("svg: no address, none that was ever held", () => {
  const none = drawn(sampleReport(["a", "b"], { addresses: [], holdings: [] }));
  assert.ok(all(none).some(({ text }) => text === "No virtual address was simulated."));
  const never = drawn(sampleReport(["a", "b"], {
    holdings: [],
    addresses: [addressReport(VIP, null, [], [], [])],
  }));
  assert.ok(all(never).some(({ text }) => /never held/.test(text)));
  assert.deepEqual(bars(never, "outage"), []);
});

Deno.test("svg: what is too near to be told apart is one bar, which tells how often", () => {
  const report = flappingReport(100_000);
  const svg = simulationSvg(report);
  assert.ok(svg.length < 100_000, `${svg.length} characters`);
  assert.match(svg, /nobody answers 100000 times, 2h 46m in all, from /);
  const few = bars(parse(simulationSvg(flappingReport(20))), "outage", flappingReport(20));
  assert.equal(few.length, 20);
});

Deno.test("svg: nodes whose long names differ at the end can be told apart", () => {
  const names = ["gateway-frankfurt-01", "gateway-frankfurt-02"] as const;
  const svg = parse(simulationSvg(sampleReport(names)));
  const lanes = all(svg).filter(({ attributes }) => attributes.class === "node")
    .map(({ text }) => text);
  assert.deepEqual(lanes, ["gatewa…furt-01", "gatewa…furt-02"]);
});
