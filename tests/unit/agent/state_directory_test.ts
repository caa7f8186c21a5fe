import assert from "node:assert/strict";
import { notedNumber, noteNumber, ownStateDirectory } from "../../../mod/agent/state_directory.ts";

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}

function withDirectory(work: (path: string) => void): void {
  const parent = Deno.makeTempDirSync();
  try {
    work(`${parent}/state`);
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

Deno.test("the state directory is made for its owner alone, and left as it is then", () => {
  withDirectory((path) => {
    assert.equal(ownStateDirectory(path), undefined);
    assert.equal(modeOf(path), "700");
    Deno.writeTextFileSync(`${path}/whatever`, "");
    assert.equal(ownStateDirectory(path), undefined);
  });
});

Deno.test("a state directory that is open to others is closed, with a warning", () => {
  for (const mode of [0o750, 0o755, 0o701, 0o777]) {
    withDirectory((path) => {
      Deno.mkdirSync(path);
      for (
        const name of [
          "state.json",
          "dump.json",
          "stats.json.17",
          "protocol_number",
          "control.sock.lock",
        ]
      ) {
        Deno.writeTextFileSync(`${path}/${name}`, "{}");
      }
      Deno.chmodSync(path, mode);
      assert.match(ownStateDirectory(path) ?? "", new RegExp(`mode ${mode.toString(8)}.*0700 now`));
      assert.equal(modeOf(path), "700");
    });
  }
});

Deno.test("an open directory with other things in it is refused, and stays as it is", () => {
  withDirectory((path) => {
    Deno.mkdirSync(path);
    Deno.writeTextFileSync(`${path}/somebody`, "");
    Deno.chmodSync(path, 0o755);
    assert.throws(() => ownStateDirectory(path), /mode 755.*"somebody" in it is not halb's/);
    assert.equal(modeOf(path), "755");
  });
});

Deno.test("somebody else's state directory is refused", { ignore: Deno.uid() !== 0 }, () => {
  withDirectory((path) => {
    Deno.mkdirSync(path, { mode: 0o700 });
    Deno.chownSync(path, 65534, 65534);
    assert.throws(() => ownStateDirectory(path), /belongs to user 65534, this is user 0/);
  });
});

Deno.test("the number of the marks is noted, and believed where it is one of halb's", () => {
  withDirectory((path) => {
    assert.equal(notedNumber(path), undefined);
    // Where it cannot be written the agent runs all the same.
    noteNumber(path, 113);
    Deno.mkdirSync(path, { mode: 0o700 });
    assert.equal(notedNumber(path), undefined);
    noteNumber(path, 113);
    noteNumber(path, 175);
    assert.equal(notedNumber(path), 175);
    assert.equal(modeOf(`${path}/protocol_number`), "600");
    for (const text of ["2\n", "0113\n", "", "999\n", "113", "x\n"]) {
      Deno.writeTextFileSync(`${path}/protocol_number`, text);
      assert.equal(notedNumber(path), undefined, text);
    }
    Deno.removeSync(`${path}/protocol_number`);
    Deno.writeTextFileSync(`${path}/elsewhere`, "113\n");
    Deno.symlinkSync("elsewhere", `${path}/protocol_number`);
    assert.equal(notedNumber(path), undefined);
  });
});
