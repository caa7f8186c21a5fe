import assert from "node:assert/strict";
import { beside, expandGlob, isGlob, sameFile } from "../../../config/glob.ts";
import { load, loadValid, problemsOf, router } from "./fixtures.ts";

function named(name: string, id: number): string {
  return router("").replace("web", name).replace("51", String(id)).replace("10/24", `${id}/24`);
}

Deno.test("lists are joined: the main file first, then the includes in name order", () => {
  const files = {
    "site.toml": `include = ["conf.d/*.toml", "none/*.toml"]\n${named("main", 1)}`,
    "conf.d/20.toml": named("twenty", 2),
    "conf.d/10.toml": `include = ["deep/x.toml"]\n${named("ten", 3)}`,
    "conf.d/deep/x.toml": named("deep", 4),
    "conf.d/.hidden.toml": "broken",
    "conf.d/readme": "broken",
  };
  const names = loadValid(files).vrrp.map((router) => router.name);
  assert.deepEqual(names, ["main", "ten", "deep", "twenty"]);
});

Deno.test("tables are merged, and defaults of one file serve the others", () => {
  const files = {
    "site.toml": `include = ["a.toml", "b.toml", "a.toml"]\nagent.control = "/run/x"\n`,
    "a.toml": `[agent]\nstate_directory = "/s"\n[defaults.vrrp]\npriority = 7\n`,
    "b.toml": router(""),
  };
  const site = loadValid(files);
  assert.equal(site.agent.control, "/run/x");
  assert.equal(site.agent.state_directory, "/s");
  assert.equal(site.vrrp[0]?.priority, 7);
});

Deno.test("a scalar given twice is refused with both places", () => {
  const files = {
    "site.toml": `include = ["b.toml"]\n[agent]\ncontrol = "/run/x"\n`,
    "b.toml": `${router("")}[agent]\n  control = "/run/x"\n`,
  };
  assert.deepEqual(problemsOf(files), [[
    "b.toml:7:3",
    "control",
    "`agent.control` is given twice: first at site.toml:3:1",
    "leave out one of the two",
  ]]);
});

Deno.test("a file that is missing, and a glob without a match", () => {
  const files = { "site.toml": `include = ["gone.toml", "gone/*.toml"]\n${router("")}` };
  assert.deepEqual(problemsOf(files), [[
    "site.toml:1:12",
    '"gone.toml"',
    "Cannot read gone.toml: there is no such file",
    undefined,
  ]]);
});

Deno.test("the main file is missing", () => {
  assert.deepEqual(problemsOf({}), [[
    "site.toml",
    "",
    "Cannot read site.toml: there is no such file",
    undefined,
  ]]);
});

Deno.test("an include cycle, direct and around a corner", () => {
  assert.deepEqual(problemsOf({ "site.toml": `include = ["./site.toml"]\n${router("")}` }), [[
    "site.toml:1:12",
    '"./site.toml"',
    "The file includes itself: site.toml → site.toml",
    "leave out this include",
  ]]);
  const files = {
    "site.toml": `include = ["conf.d/a.toml"]\n${router("")}`,
    "conf.d/a.toml": `include = ["../site.toml"]\n`,
  };
  assert.deepEqual(problemsOf(files), [[
    "conf.d/a.toml:1:12",
    '"../site.toml"',
    "The file includes itself: site.toml → conf.d/a.toml → conf.d/../site.toml",
    "leave out this include",
  ]]);
});

Deno.test("include takes a list of texts", () => {
  assert.deepEqual(problemsOf({ "site.toml": `include = "a.toml"\n${router("")}` }), [[
    "site.toml:1:11",
    '"a.toml"',
    'Invalid `include`: "a.toml" is not a list of paths or globs',
    'write `["a.toml"]` instead',
  ]]);
  assert.deepEqual(problemsOf({ "site.toml": `include = [5]\n${router("")}` }), [[
    "site.toml:1:12",
    "5",
    "Invalid `include`: 5 is not a path or glob",
    undefined,
  ]]);
});

Deno.test("errors of several files come together, file by file", () => {
  const files = {
    "site.toml": `include = ["a.toml", "b.toml"]\n${router("priority = 0\n")}`,
    "a.toml": "x = yes\n",
    "b.toml": "[agent]\nfoo = 1\n",
  };
  const places = problemsOf(files).map(([place]) => place);
  assert.deepEqual(places, ["site.toml:7:12", "a.toml:1:5", "b.toml:2:1"]);
});

Deno.test("a file that others may write is refused, with the component that lets them", () => {
  const result = load({ "site.toml": router("") }, {
    security: {
      workingDirectory: "/srv/site",
      users: [0],
      lstat: (path) => ({ uid: 0, gid: 0, mode: path === "/srv/site" ? 0o777 : 0o755 }),
    },
  });
  assert.equal(result.ok, false);
  assert.deepEqual(result.ok ? [] : result.problems.map(({ message }) => message), [
    "Refusing site.toml: /srv/site can be written by everybody",
  ]);
});

const DIRECTORY: Readonly<Record<string, readonly string[]>> = {
  ".": ["b.toml", "a.toml", "conf.d", "conf.e", ".x.toml"],
  "conf.d/": ["2.toml", "1.toml", "1.bak"],
  "conf.e/": ["3.toml"],
};

Deno.test("globs", () => {
  function expand(glob: string): string[] {
    return expandGlob(glob, (path) => DIRECTORY[path] ?? assert.fail(path));
  }
  assert.deepEqual(expand("*.toml"), ["a.toml", "b.toml"]);
  assert.deepEqual(expand(".*.toml"), [".x.toml"]);
  assert.deepEqual(expand("[b-z].toml"), ["b.toml"]);
  assert.deepEqual(expand("[!b].toml"), ["a.toml"]);
  assert.deepEqual(expand("?.toml"), ["a.toml", "b.toml"]);
  assert.deepEqual(expand("conf.?/*.toml"), ["conf.d/1.toml", "conf.d/2.toml", "conf.e/3.toml"]);
  assert.deepEqual(expand("conf.*/3.toml"), ["conf.e/3.toml"]);
  assert.deepEqual(expand("[z-a].toml"), []);
  assert.deepEqual(expand("none/*.toml"), []);
  assert.equal(isGlob("a.toml"), false);
});

Deno.test("paths beside a file", () => {
  assert.equal(beside("/etc/halb/site.toml", "a"), "/etc/halb/a");
  assert.equal(beside("/etc/halb/site.toml", "/a"), "/a");
  assert.equal(beside("site.toml", "./a"), "a");
  assert.ok(sameFile("a/../b", "b"));
  assert.ok(sameFile("/a/./b//c", "/a/b/c"));
  assert.ok(!sameFile("../b", "b"));
});
