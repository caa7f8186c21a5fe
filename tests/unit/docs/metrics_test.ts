/** docs/metrics.md: its files are valid, its names are those that there are, its rules too. */

import assert from "node:assert/strict";
import { FAMILIES } from "../../../mod/metrics/mod.ts";
import { load, router } from "../config/fixtures.ts";

const read = (path: string) => Deno.readTextFileSync(new URL(`../../../${path}`, import.meta.url));
const PAGE = read("docs/metrics.md");
const RULES = read("config/examples/prometheus-rules.yml");
const DASHBOARD = JSON.parse(read("config/examples/grafana-dashboard.json"));

/** The table of the page: a row for each family. */
function rows(): string[][] {
  const lines = PAGE.slice(PAGE.indexOf("## Names")).split("\n");
  return lines.filter((line) => line.startsWith("| `halb_"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("every metric has its row, with type, labels and meaning; there are no others", () => {
  const expected = FAMILIES.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    help,
  ]);
  assert.deepEqual(rows(), expected);
});

Deno.test("the files of the page are valid", () => {
  const files = {
    "/etc/halb/http.pem": "-----BEGIN CERTIFICATE-----\n",
    "/etc/halb/http.key": "-----BEGIN PRIVATE KEY-----\n",
    "/etc/halb/http.token": "open-sesame\n",
  };
  const blocks = [...PAGE.matchAll(/```toml\n([^]*?)```/g)];
  assert.equal(blocks.length, 2);
  for (const [, text = ""] of blocks) {
    const loaded = load({ "site.toml": `${text}\n${router("")}`, ...files });
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.deepEqual(loaded.warnings, []);
  }
});

Deno.test("rules name metrics and labels that there are", () => {
  const expressions = [...RULES.matchAll(/expr: (.*)$/gm)].map(([, text = ""]) => text);
  assert.ok(expressions.length >= 10);
  for (const text of expressions) {
    requireKnown(text);
  }
});

/** What Prometheus adds, and what is counted by the buckets of a histogram. */
const ADDED = ["job", "instance", "le"];

/** Fails where an expression of PromQL names a metric or a label that there is not. */
function requireKnown(text: string): void {
  const known = new Map(FAMILIES.map((family) => [family.name, family]));
  const about = [];
  for (const [, name = "", , selected = ""] of text.matchAll(/(halb_[a-z_]+)(\{([^}]*)\})?/g)) {
    const family = known.get(name) ?? known.get(name.replace(/_bucket$/, ""));
    assert.ok(family, name);
    assert.equal(family.type === "histogram", name.endsWith("_bucket"), name);
    about.push(family);
    for (const [, label = ""] of selected.matchAll(/([a-z_]+)(?:=|!)/g)) {
      assert.ok([...family.labels, ...ADDED].includes(label), `${name}{${label}}`);
    }
  }
  if (about.length === 0) return assert.doesNotMatch(text, /halb_/);
  for (const [, labels = ""] of text.matchAll(/\b(?:by|on|ignoring|group_left) ?\(([^)]*)\)/g)) {
    for (const label of labels.split(",").map((one) => one.trim())) {
      const there = about.some((family) => family.labels.includes(label));
      assert.ok(there || ADDED.includes(label), `${label} of ${text}`);
    }
  }
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

Deno.test("the dashboard names metrics and labels that there are", () => {
  const panels: readonly Panel[] = DASHBOARD.panels;
  const expressions: string[] = [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...DASHBOARD.templating.list.flatMap(({ definition = null }) => definition ?? []),
    ...DASHBOARD.annotations.list.map(({ expr }: { expr: string }) => expr),
  ];
  assert.ok(expressions.length > 25);
  expressions.forEach(requireKnown);
  for (const { title, targets = [] } of panels) {
    for (const { expr, legendFormat } of targets) {
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        const there = FAMILIES.some(({ name, labels }) =>
          expr.includes(name) && labels.includes(label)
        );
        assert.ok(there || ADDED.includes(label), `${title}: {{${label}}}`);
      }
    }
  }
  assert.throws(() => requireKnown("halb_gone"));
  assert.throws(() => requireKnown('halb_vrrp_state{name="x", colour="red"}'));
  assert.throws(() => requireKnown("sum by (colour) (halb_vrrp_state)"));
});

Deno.test("the panels of the dashboard lie beside each other, each with its number", () => {
  const panels: readonly Panel[] = DASHBOARD.panels;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of panels) {
    assert.ok(x >= 0 && x + w <= 24, title);
    for (let i = x; i < x + w; i++) {
      for (let j = y; j < y + h; j++) {
        assert.ok(!taken.has(`${i} ${j}`), `${title} covers another one`);
        taken.add(`${i} ${j}`);
      }
    }
  }
  const names = new Set(DASHBOARD.templating.list.map(({ name }: { name: string }) => name));
  const used = JSON.stringify(panels).match(/\$\{?(datasource|job|instance)\b/g) ?? [];
  assert.ok(used.length > 50 && used.every((one) => names.has(one.replace(/[${]/g, ""))));
});
