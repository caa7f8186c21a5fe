/** The status page as it is put together: one file, one script, and a policy that knows both. */

import assert from "node:assert/strict";
import { ask, newsAfter, setToken, TokenWanted } from "../../../mod/page/feed.js";
import { statusPage } from "../../../mod/page/mod.ts";

const { body, policy, tag } = statusPage();
const page = new TextDecoder().decode(body);
const FOLDER = new URL("../../../mod/page/", import.meta.url);

/** What stands between the tags of the only element of that name. */
function only(element: string): string {
  const found = [...page.matchAll(new RegExp(`<${element}[^>]*>(.*?)</${element}>`, "gs"))];
  assert.equal(found.length, 1, element);
  return found[0]![1]!;
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

Deno.test("the policy allows this script and this style, and questions to us", async () => {
  const parts = new Map(
    policy.split("; ").map((part) => {
      const [name, ...values] = part.split(" ");
      return [name, values.join(" ")];
    }),
  );
  assert.equal(parts.get("default-src"), "'none'");
  assert.equal(parts.get("script-src"), `'sha256-${await digest(only("script"))}'`);
  assert.equal(parts.get("style-src"), `'sha256-${await digest(only("style"))}'`);
  assert.equal(parts.get("connect-src"), "'self'");
  for (const name of ["base-uri", "form-action", "frame-ancestors", "trusted-types"]) {
    assert.equal(parts.get(name), "'none'", name);
  }
  assert.doesNotMatch(policy, /unsafe|\*|http/);
  assert.match(tag, /^"[\w]{20,}"$/);
});

Deno.test("what has no place in a field is no token: the agent was not asked", async () => {
  const asked: (readonly [string, Headers])[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = (url, init) => {
    asked.push([`${url}`, new Headers(init?.headers)]);
    return Promise.resolve(new Response("{}"));
  };
  try {
    for (const text of ["open\u200bsesame", "\u2013", "open sesame", "open\nsesame"]) {
      setToken(text);
      await assert.rejects(ask("/overview.json"), TokenWanted);
    }
    assert.equal(asked.length, 0);
    setToken("open-sesame");
    await ask("/events.json", newsAfter("r:7"));
    setToken("");
    await ask("/events.json", newsAfter(""));
  } finally {
    setToken("");
    globalThis.fetch = fetch;
  }
  // After a restart the agent cannot say what is new: it gives as much as at first then.
  assert.deepEqual(asked.map(([url, fields]) => [url, fields.get("authorization")]), [
    ["/events.json?last=1000&after=r%3A7", "Bearer open-sesame"],
    ["/events.json?last=1000", null],
  ]);
});

Deno.test("what is read aloud does not change each second", () => {
  assert.match(page, /<span id="trouble-said" role="alert"><\/span>/);
  assert.doesNotMatch(page, /id="(trouble|trouble-age|live)"[^>]*(role|aria-live)=/);
});

Deno.test("the script is one that runs, of all modules, without any import", () => {
  const script = only("script");
  assert.doesNotThrow(() => new Function(script), "it parses");
  assert.doesNotMatch(script, /^(import|export) /m);
  for (const { name } of Deno.readDirSync(FOLDER)) {
    if (!name.endsWith(".js")) continue;
    assert.ok(script.includes(`const $${name.slice(0, -3)} = (`), `${name} is part of it`);
  }
});

Deno.test("nothing is loaded from elsewhere, and no text is ever read as HTML", () => {
  assert.doesNotMatch(page, /<(link|img|script|iframe)[^>]*(src|href)="(?!data:,")/);
  assert.doesNotMatch(page, /\bstyle="|\bon[a-z]+="/, "no inline styles and handlers");
  const forbidden =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc/;
  assert.doesNotMatch(page, forbidden);
  const urls = page.match(/https?:\/\/[^"'`\s)]+/g) ?? [];
  assert.deepEqual([...new Set(urls)], ["http://www.w3.org/2000/svg"]);
});

Deno.test("a file of the page has at most 400 lines, and says what it is for", () => {
  for (const { name } of Deno.readDirSync(FOLDER)) {
    const text = Deno.readTextFileSync(new URL(name, FOLDER));
    if (/\.(js|ts)$/.test(name)) {
      assert.ok(text.startsWith("/**\n * "), name);
      assert.ok(text.split("\n").length <= 401, name);
    }
  }
});
