/**
 * Counting tests: the JUnit file that `deno test` writes, the rules named in tests' names, and the
 * line that CI reads. Apart from the runner so that they have tests of their own.
 *
 * @module
 */

/** One test that was run, or left out. */
export interface Counted {
  /** Such as `unit` or `lab`. */
  readonly part: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
}

/**
 * The tests in a JUnit file. Deno writes one `<testcase>` for each test and each step; a step's
 * name stands behind its test's, joined by " > ". A text that is no JUnit file has none.
 */
export function parseJUnit(xml: string, part: string): Counted[] {
  const counted: Counted[] = [];
  for (const match of xml.matchAll(/<testcase\b([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const name = /\bname="([^"]*)"/.exec(match[1]!)?.[1] ?? "";
    const body = match[3] ?? "";
    const failed = /<(failure|error)\b/.test(body);
    const outcome = failed ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed";
    counted.push({ part, name: unescapeXml(name), outcome });
  }
  return counted;
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (whole, decimal, hex, word) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    return named[word] ?? whole;
  });
}

/** The rules that no test names: a test names a rule by its id in square brackets. */
export function missingRules(
  rules: Readonly<Record<string, string>>,
  testNames: readonly string[],
): [id: string, rule: string][] {
  const named = new Set(
    testNames.flatMap((name) => [...name.matchAll(/\[([A-Z][\w.-]*)\]/g)].map(([, id]) => id)),
  );
  return Object.entries(rules).filter(([id]) => !named.has(id));
}

/** `N passed, N failed`, and `, N skipped` where there are any. */
export function summaryLine(results: readonly Counted[]): string {
  const count = (outcome: Counted["outcome"]) =>
    results.filter((result) => result.outcome === outcome).length;
  const skipped = count("skipped");
  const tail = skipped === 0 ? "" : `, ${skipped} skipped`;
  return `${count("passed")} passed, ${count("failed")} failed${tail}`;
}
