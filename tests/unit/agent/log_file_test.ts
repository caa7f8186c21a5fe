import assert from "node:assert/strict";
import { LogFile } from "../../../mod/agent/log_file.ts";

const encoder = new TextEncoder();

async function inDirectory(test: (directory: string) => void): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a log file is its owner's, appended to, and made anew where it was moved away", () =>
  inDirectory((directory) => {
    const path = `${directory}/halb.log`;
    Deno.writeTextFileSync(path, "before\n", { mode: 0o640 });
    const kept = new LogFile(path);
    kept.write(encoder.encode("one\n"));
    assert.equal(Deno.readTextFileSync(path), "before\none\n");
    Deno.renameSync(path, `${path}.1`);
    kept.write(encoder.encode("two\n"));
    kept.reopen();
    kept.write(encoder.encode("three\n"));
    assert.equal(Deno.readTextFileSync(`${path}.1`), "before\none\ntwo\n");
    assert.equal(Deno.readTextFileSync(path), "three\n");
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    assert.deepEqual([kept.trouble, kept.lost], [null, 0]);
    kept.close();
  }));

Deno.test("no log goes through a link, or to what is no file", () =>
  inDirectory((directory) => {
    const [path, target] = [`${directory}/halb.log`, `${directory}/target`];
    Deno.symlinkSync(target, path);
    assert.throws(() => new LogFile(path), /it is a link/);
    assert.throws(() => Deno.statSync(target), Deno.errors.NotFound);
    assert.throws(() => new LogFile(directory), /no regular file/);
    assert.throws(() => new LogFile(`${directory}/none/halb.log`), /Cannot log to/);
    // One that is exchanged later: the file goes on, and says why.
    Deno.removeSync(path);
    const kept = new LogFile(path);
    kept.write(encoder.encode("one\n"));
    Deno.renameSync(path, `${path}.1`);
    Deno.symlinkSync(target, path);
    kept.reopen();
    kept.write(encoder.encode("two\n"));
    assert.match(kept.trouble ?? "", /it is a link/);
    assert.equal(Deno.readTextFileSync(`${path}.1`), "one\ntwo\n");
    kept.close();
  }));

/** What the next look at a path finds is nothing; `come` happens just after it. */
function nothingAtFirst(come: () => void): void {
  const { lstatSync } = Deno;
  Deno.lstatSync = () => {
    Deno.lstatSync = lstatSync;
    come();
    throw new Deno.errors.NotFound();
  };
}

Deno.test("nothing is made through a link that comes at the last moment; a file is taken", () =>
  inDirectory((directory) => {
    const [path, target] = [`${directory}/halb.log`, `${directory}/target`];
    nothingAtFirst(() => Deno.symlinkSync(target, path));
    assert.throws(() => new LogFile(path), /it is a link/);
    assert.throws(() => Deno.statSync(target), Deno.errors.NotFound);
    Deno.removeSync(path);
    nothingAtFirst(() => Deno.writeTextFileSync(path, "of our successor\n"));
    const file = new LogFile(path);
    file.write(encoder.encode("one\n"));
    assert.equal(Deno.readTextFileSync(path), "of our successor\none\n");
    file.close();
  }));

Deno.test("a line that a full disk has torn takes no other with it", () =>
  inDirectory((directory) => {
    const path = `${directory}/halb.log`;
    const file = new LogFile(path);
    const { writeSync } = Deno.FsFile.prototype;
    let room = 7;
    Deno.FsFile.prototype.writeSync = function (bytes) {
      const taken = bytes.subarray(0, room);
      if (taken.length === 0) throw new Error("No space left on device");
      room -= taken.length;
      return writeSync.call(this, taken);
    };
    try {
      for (const line of ["one\n", "two two\n", "three\n"]) file.write(encoder.encode(line));
      assert.match(file.trouble ?? "", /No space/);
      room = 100;
      for (const line of ["four\n", "five\n"]) file.write(encoder.encode(line));
    } finally {
      Deno.FsFile.prototype.writeSync = writeSync;
    }
    assert.equal(Deno.readTextFileSync(path), "one\ntwo\nfour\nfive\n");
    assert.deepEqual([file.trouble, file.lost], [null, 2]);
    file.close();
  }));
