/** The pictures of docs/concepts.md are those of scripts/pictures.ts, and all of them are shown. */

import assert from "node:assert/strict";
import { pictures } from "../../../scripts/pictures.ts";
import { read } from "./pages.ts";

Deno.test("every picture is as it is drawn, is told in words, and stands in the page", () => {
  const page = read("docs/concepts.md");
  for (const [name, svg] of pictures()) {
    assert.equal(read(`docs/images/${name}`), svg, `deno run -A scripts/pictures.ts: ${name}`);
    assert.match(svg, /<title id="t">[^<]+<\/title>\n<desc id="d">[^<]{60,}<\/desc>/, name);
    assert.match(svg, /prefers-color-scheme:dark/);
    assert.match(page, new RegExp(`!\\[[^\\]]{10,}\\]\\(images/${name}\\)`), name);
    // Nothing is cut off: text and boxes end within the picture.
    const width = Number(/width="(\d+)"/.exec(svg)![1]);
    for (const [, x, w] of svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)) {
      assert.ok(Number(x) + Number(w) <= width, name);
    }
  }
});
