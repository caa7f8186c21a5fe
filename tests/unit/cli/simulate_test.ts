/** `halb simulate`: files, names, exit codes, output for programs. */

import assert from "node:assert/strict";
import { simulateCommand } from "../../../mod/cli/simulate.ts";
import { writePicture } from "../../../mod/cli/picture.ts";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { gateway, run } from "../../lib/simulation.ts";

const OPTIONS = { json: false, color: false };

function withFiles(
  files: Readonly<Record<string, string>>,
  body: (path: (name: string) => string) => void,
): void {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
    }
    body((name) => `${folder}/${name}`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const PAIR = { "a.toml": gateway(150), "b.toml": gateway(100) };

Deno.test("without a script each node is stopped, killed and powered off in turn", () => {
  withFiles(PAIR, (path) => {
    const { exitCode, output } = simulateCommand([path("a.toml"), path("b.toml")], OPTIONS);
    assert.equal(exitCode, 0);
    for (const words of ["stop a", "kill a", "power off a", "stop b", "kill b", "power off b"]) {
      assert.ok(output.includes(`  ${words}\n`), words);
    }
    assert.match(output, /192\.0\.2\.1 +3\.415 s +1 +3\.025 s/);
  });
});

Deno.test("one file is several nodes by name, and the seed and length are those of the command line", () => {
  const site = gateway(150).replace("150", "{ by_host = { n1 = 150, n2 = 100 } }");
  withFiles({ "site.toml": site, "one.toml": gateway(1) }, (path) => {
    const file = path("site.toml");
    const { output } = simulateCommand([`n1=${file}`, `n2=${file}`], {
      ...OPTIONS,
      json: true,
      seed: "5",
      duration: "20s",
    });
    const report = JSON.parse(output) as SimulationReport;
    assert.deepEqual(report.nodes.map(({ name }) => name), ["n1", "n2"]);
    assert.deepEqual(report.routers[0]!.nodes.map(({ priority }) => priority), [150, 100]);
    assert.equal(report.seed, 5);
    assert.equal(report.duration, 20_000_000);
    assert.throws(
      () => simulateCommand([path("one.toml"), path("one.toml")], OPTIONS),
      /two nodes are called "one".*: give names, NAME=/,
    );
  });
});

Deno.test("an expectation that fails is exit code 1; the picture is there beside", () => {
  const script = '[[event]]\nat = "10s"\npower_off = "a"\n' +
    '[[expect]]\naddress = "192.0.2.1"\noutage_at_most = "3s"\n';
  withFiles({ ...PAIR, "s.toml": script }, (path) => {
    const files = [path("a.toml"), path("b.toml")];
    const options = { ...OPTIONS, script: path("s.toml"), svg: path("p.svg") };
    const { exitCode, output, picture } = simulateCommand(files, options);
    assert.equal(exitCode, 1);
    assert.match(output, /FAILED line 4: 192\.0\.2\.1 is without holder/);
    assert.match(output, /1 of 1 expectations failed/);
    assert.ok(picture!.startsWith("<svg "));
  });
});

Deno.test("a picture is written anew or over a picture, and over nothing else", () => {
  withFiles(PAIR, (path) => {
    const files = [path("a.toml"), path("b.toml")];
    const svg = path("p.svg");
    writePicture(svg, "<svg 1>");
    writePicture(svg, "<svg 2>");
    assert.equal(Deno.readTextFileSync(svg), "<svg 2>");
    const before = Deno.readTextFileSync(path("a.toml"));
    Deno.symlinkSync(path("a.toml"), path("site"));
    Deno.symlinkSync(svg, path("picture"));
    Deno.symlinkSync(path("nowhere"), path("dangling"));
    for (const name of ["a.toml", "site", "picture", "dangling", "."]) {
      const refusal =
        /the picture .* cannot be written: there is a file already that is no picture/;
      assert.throws(() => writePicture(path(name), "<svg 3>"), refusal, name);
      // Before anything is simulated.
      assert.throws(() => simulateCommand(files, { ...OPTIONS, svg: path(name) }), refusal, name);
    }
    assert.throws(() => writePicture(path("none/p.svg"), "<svg 3>"), /there is no such directory/);
    assert.equal(Deno.readTextFileSync(path("a.toml")), before);
    assert.equal(Deno.readTextFileSync(svg), "<svg 2>");
    const names = [...Deno.readDirSync(path("."))].map(({ name }) => name).sort();
    assert.deepEqual(names, ["a.toml", "b.toml", "dangling", "p.svg", "picture", "site"]);
  });
});

Deno.test("what is done soon shows no progress; where much happens the share of the time is told", () => {
  withFiles(PAIR, (path) => {
    const lines: string[] = [];
    const files = [path("a.toml"), path("b.toml")];
    simulateCommand(files, { ...OPTIONS, progress: (line) => lines.push(line) });
    assert.deepEqual(lines, [""]);
  });
  const shares: number[] = [];
  const script = 'duration = "24h"\n[[network]]\nname = "lan"\nmembers = ["a:eth0", "b:eth0"]\n' +
    "loss = 0.01\n";
  run({ a: gateway(150), b: gateway(100) }, script, { onProgress: (share) => shares.push(share) });
  assert.ok(shares.length > 0 && shares.every((share) => share > 0 && share < 1), `${shares}`);
});

Deno.test("a file whose name is no name for a node wants one", () => {
  const files = { "my node.toml": gateway(150), "nobody.toml": gateway(100) };
  withFiles(files, (path) => {
    assert.throws(
      () => simulateCommand([path("my node.toml")], OPTIONS),
      /"my node" is no name for a node: give one, NAME=.*my node\.toml/,
    );
    assert.throws(() => simulateCommand([path("nobody.toml")], OPTIONS), /can be called "nobody"/);
    const { exitCode } = simulateCommand(
      [`a=${path("my node.toml")}`, `b=${path("nobody.toml")}`],
      OPTIONS,
    );
    assert.equal(exitCode, 0);
  });
});

Deno.test("an expectation of an included file is told with that file", () => {
  const expect = '[[expect]]\naddress = "192.0.2.1"\nheld_by = "a"\nat = "9s"\n';
  const script = `include = ["more.toml"]\nduration = "20s"\n${expect}`;
  withFiles({ ...PAIR, "s.toml": script, "more.toml": `\n\n${expect}` }, (path) => {
    const { output } = simulateCommand([path("a.toml"), path("b.toml")], {
      ...OPTIONS,
      script: path("s.toml"),
    });
    assert.match(output, /^held {3}line 3: 192/m);
    assert.match(output, /^held {3}\S+\/more\.toml:3: 192/m);
  });
});

Deno.test("a site or a script that is not valid is exit code 2, with its place", () => {
  withFiles(
    { "a.toml": "[[vrrp]]\nname = 5\n", "b.toml": gateway(1), "s.toml": "seed = -1" },
    (path) => {
      const site = simulateCommand([path("a.toml")], OPTIONS);
      assert.equal(site.exitCode, 2);
      assert.match(site.output, /a\.toml:2:8: error: Invalid `name`/);
      const script = simulateCommand([path("b.toml")], { ...OPTIONS, script: path("s.toml") });
      assert.equal(script.exitCode, 2);
      assert.match(script.output, /s\.toml:1:8: error: Invalid `seed`: -1/);
      const json = simulateCommand([path("a.toml")], { ...OPTIONS, json: true });
      assert.equal((JSON.parse(json.output) as { problems: unknown[] }).problems.length > 0, true);
      assert.throws(
        () => simulateCommand([path("b.toml")], { ...OPTIONS, duration: "5" }),
        /--duration/,
      );
      assert.throws(() => simulateCommand([path("b.toml")], { ...OPTIONS, seed: "x" }), /--seed/);
    },
  );
});
