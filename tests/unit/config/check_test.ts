import assert from "node:assert/strict";
import { checkCommand } from "../../../mod/cli/check.ts";
import { router, VALID } from "./fixtures.ts";

/** Runs `body` in a directory of its own, which is trusted, and removes it. */
function inDirectory(body: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.chmodSync(directory, 0o700);
    body(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function write(path: string, content: string | Uint8Array): string {
  Deno.writeFileSync(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  Deno.chmodSync(path, 0o644);
  return path;
}

Deno.test("check says of a valid file what it is, and exits with 0", () => {
  inDirectory((directory) => {
    const one = write(`${directory}/site.toml`, VALID);
    const two = write(`${directory}/two.toml`, router(""));
    const result = checkCommand([one, two], { json: false, color: false, name: "edge-a" });
    assert.deepEqual(result, {
      exitCode: 0,
      output: `${one}: valid: 2 virtual routers, 3 addresses (as edge-a)\n` +
        `${two}: valid: 1 virtual router, 1 address (as edge-a)`,
    });
  });
});

Deno.test("check shows all that is wrong with place, line, caret and help, and exits with 2", () => {
  inDirectory((directory) => {
    const path = write(`${directory}/site.toml`, router("priorty = 1\npreempt = 'no'\n"));
    const result = checkCommand([path], { json: false, color: false });
    assert.equal(result.exitCode, 2);
    assert.equal(
      result.output,
      [
        `${path}:6:1: error: Unknown key \`priorty\` in \`[[vrrp]]\``,
        "  6 | priorty = 1",
        "    | ^^^^^^^",
        "    = help: did you mean `priority`? write `priority` instead",
        `${path}:7:11: error: Invalid \`preempt\`: "no" is not true or false`,
        "  7 | preempt = 'no'",
        "    |           ^^^^",
        "    = help: write `false` instead",
        `${path}: not valid: 2 errors`,
      ].join("\n"),
    );
  });
});

Deno.test("check --json gives a list for programs, empty where all is well", () => {
  inDirectory((directory) => {
    const good = write(`${directory}/good.toml`, router(""));
    assert.deepEqual(checkCommand([good], { json: true, color: false }), {
      exitCode: 0,
      output: "[]",
    });
    const bad = write(`${directory}/bad.toml`, router("priority = 0\n"));
    const result = checkCommand([good, bad], { json: true, color: false });
    assert.equal(result.exitCode, 2);
    assert.deepEqual(JSON.parse(result.output), [{
      file: bad,
      line: 6,
      column: 12,
      severity: "error",
      message: "Invalid `priority`: 0 is not a whole number from 1 to 255",
      suggestion: "write `1` instead",
    }]);
  });
});

Deno.test("check of what is no text: bytes, a directory, nothing, a file open to all", () => {
  inDirectory((directory) => {
    const bytes = write(`${directory}/bytes`, new Uint8Array([0x61, 0x0a, 0x62, 0xc3, 0x28, 0x0a]));
    const open = write(`${directory}/open.toml`, router(""));
    Deno.chmodSync(open, 0o666);
    const paths = [bytes, directory, `${directory}/none`, open];
    const result = checkCommand(paths, { json: true, color: false });
    assert.equal(result.exitCode, 2);
    const problems = JSON.parse(result.output) as { message: string }[];
    assert.deepEqual(problems.map(({ message }) => message), [
      `Cannot read ${bytes}: it is not UTF-8 text: byte 0xc3 in line 2`,
      `Cannot read ${directory}: it is a directory`,
      `Cannot read ${directory}/none: there is no such file`,
      `Refusing ${open}: ${open} can be written by everybody`,
    ]);
  });
});
