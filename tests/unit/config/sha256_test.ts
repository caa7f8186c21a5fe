import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha256 } from "../../../config/sha256.ts";

Deno.test("SHA-256 of the standard's examples", () => {
  assert.equal(
    sha256("abc"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  assert.equal(
    sha256(""),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});

Deno.test("SHA-256 agrees with the runtime's at every length around a block, and beyond ASCII", () => {
  for (let length = 0; length < 200; length++) {
    const text = "é€😀x".repeat(length).slice(0, length * 2);
    assert.equal(sha256(text), createHash("sha256").update(text).digest("hex"), `${length}`);
  }
  const long = "[[vrrp]]\n".repeat(100_000);
  assert.equal(sha256(long), createHash("sha256").update(long).digest("hex"));
});
