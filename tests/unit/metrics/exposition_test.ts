/** The two text formats, byte by byte. */

import assert from "node:assert/strict";
import { type Family, renderFamilies } from "../../../mod/metrics/exposition.ts";

const FAMILIES: readonly Family<number>[] = [
  {
    name: "a_total",
    type: "counter",
    help: 'One "quoted" line \\ here.',
    labels: ["name"],
    samples: (count) => [[['x"\\\n{}, ☃'], count], [["y"], Infinity]],
  },
  { name: "none", type: "gauge", help: "Nothing.", labels: [], samples: () => [] },
  {
    name: "d_seconds",
    type: "histogram",
    help: "Times.",
    labels: [],
    samples: () => [[[], { bounds: [0.5, 1], cumulative: [1, 3], sum: 4.25, count: 4 }]],
  },
  {
    name: "e_seconds",
    type: "histogram",
    help: "Times.",
    labels: ["of"],
    samples: () => [[["z"], { bounds: [0.25], cumulative: [0], sum: 0, count: 0 }]],
  },
];

const VALUES = 'a_total{name="x\\"\\\\\\n{}, ☃"} 5\na_total{name="y"} +Inf\n';
const HISTOGRAMS = `# HELP d_seconds Times.
# TYPE d_seconds histogram
d_seconds_bucket{le="0.5"} 1
d_seconds_bucket{le="1.0"} 3
d_seconds_bucket{le="+Inf"} 4
d_seconds_sum 4.25
d_seconds_count 4
# HELP e_seconds Times.
# TYPE e_seconds histogram
e_seconds_bucket{of="z",le="0.25"} 0
e_seconds_bucket{of="z",le="+Inf"} 0
e_seconds_sum{of="z"} 0
e_seconds_count{of="z"} 0
`;

Deno.test("Prometheus' text format 0.0.4", () => {
  const head = '# HELP a_total One "quoted" line \\\\ here.\n# TYPE a_total counter\n';
  assert.equal(renderFamilies(FAMILIES, 5, "text"), head + VALUES + HISTOGRAMS);
});

Deno.test("OpenMetrics: counters without their suffix in the head, quotes escaped, an end", () => {
  const head = '# HELP a One \\"quoted\\" line \\\\ here.\n# TYPE a counter\n';
  assert.equal(renderFamilies(FAMILIES, 5, "openmetrics"), `${head}${VALUES}${HISTOGRAMS}# EOF\n`);
});

Deno.test("a sample with other labels than its family is a mistake", () => {
  const wrong: Family<null> = {
    name: "w",
    type: "gauge",
    help: "Wrong.",
    labels: ["a"],
    samples: () => [[["1", "2"], 1]],
  };
  assert.throws(() => renderFamilies([wrong], null, "text"), /w has 1 labels, not 2/);
});
