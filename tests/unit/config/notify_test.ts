/** Notifications in site.toml: what resolves to what, and what is refused. */

import assert from "node:assert/strict";
import type { FileFacts } from "../../../config/mod.ts";
import { load, loadValid, problemsOf, router } from "./fixtures.ts";

const NOBODY = { name: "nobody", uid: 65_534, gid: 65_534, groups: [] };
const ALICE = { name: "alice", uid: 1000, gid: 1000, groups: [200, 300] };

/** Files of a host: paths to owner and mode. */
function host(files: Readonly<Record<string, readonly [uid: number, mode: number]>>) {
  return {
    lstat(path: string): FileFacts | undefined {
      if (path === "/" || /^\/(usr|run)(\/local|\/bin)*$/.test(path)) {
        return { uid: 0, gid: 0, mode: 0o755 };
      }
      const known = files[path];
      return known === undefined ? undefined : { uid: known[0], gid: known[0], mode: known[1] };
    },
    workingDirectory: "/",
    users: [0],
  };
}

Deno.test("a router's notify resolves with its user, the agent's with FIFOs and programs", () => {
  const { notifications } = loadValid({
    "site.toml": `[agent]
script_user = "alice"
notify = { fifo = "/run/halb/notify", fifo_user = "root", fifo_script = ["/usr/bin/reader", "-v"] }
startup_script = ["/usr/bin/first"]
shutdown_script = { command = ["/usr/bin/last"], user = "root", timeout = "20s" }

${router('notify = { master = ["/usr/bin/up", "x y"], deleted = true, user = "nobody" }\n')}
[[vrrp]]
name = "quiet"
interface = "eth0"
virtual_router_id = 52
addresses = ["192.0.2.11"]
`,
  });
  assert.deepEqual(notifications, {
    groups: [],
    sessions: [],
    targets: [{
      type: "INSTANCE",
      name: "web",
      user: NOBODY,
      master: ["/usr/bin/up", "x y"],
      deleted: [],
      priority_changes: false,
      timeout: 60_000_000,
      mail: false,
    }],
    agent: {
      fifo: "/run/halb/notify",
      fifo_script: ["/usr/bin/reader", "-v"],
      states_on_reload: false,
    },
    fifo_user: { name: "root", uid: 0, gid: 0, groups: [] },
    script_user: ALICE,
    startup_script: { command: ["/usr/bin/first"], user: ALICE, timeout: 10_000_000 },
    shutdown_script: {
      command: ["/usr/bin/last"],
      user: { name: "root", uid: 0, gid: 0, groups: [] },
      timeout: 20_000_000,
    },
  });
});

Deno.test("the defaults of routers take notify, key by key", () => {
  const text = `[defaults.vrrp.notify]\nany = ["/usr/bin/any"]\ntimeout = "5s"\n` +
    router('notify = { timeout = "9s" }\n');
  const [web] = loadValid({ "site.toml": text }).notifications.targets;
  assert.deepEqual([web?.any, web?.timeout], [["/usr/bin/any"], 9_000_000]);
});

Deno.test("mail resolves with the port of its way to speak", () => {
  const ports: [string, string, number][] = [
    ['server = "mail.example.net"', "mail.example.net", 587],
    ['server = "mail.example.net"\ntls = "tls"', "mail.example.net", 465],
    ['server = "mail.example.net"\ntls = "none"', "mail.example.net", 25],
    ['server = "192.0.2.25:2525"', "192.0.2.25", 2525],
    ['server = "[2001:db8::25]:26"', "2001:db8::25", 26],
    ['server = "[2001:db8::25]"', "2001:db8::25", 587],
  ];
  for (const [keys, host, port] of ports) {
    const text = `[mail]\nto = ["noc@example.net"]\n${keys}\n${router("notify.mail = true\n")}`;
    const { mail } = loadValid({ "site.toml": text }).notifications;
    assert.deepEqual([mail?.host, mail?.port], [host, port], keys);
    assert.deepEqual([mail?.timeout, mail?.collect, mail?.verify], [30_000_000, 5_000_000, true]);
  }
});

/** Lines of a router, and what must be said of them. */
const REFUSED: readonly (readonly [string, string, string])[] = [
  ["notify = { master = [] }", "master", "A command has at least a program"],
  [
    'notify = { master = ["up.sh"] }',
    '["up.sh"]',
    'Invalid `notify.master`: ["up.sh"] does not begin with the absolute path of a program',
  ],
  [
    'notify = { master = "/usr/bin/up" }',
    '"/usr/bin/up"',
    'Invalid `notify.master`: "/usr/bin/up" is not a list: a program and its arguments',
  ],
  [
    "notify = { deleted = false }",
    "false",
    "Invalid `notify.deleted`: false is not a program with its arguments, or true",
  ],
  [
    'notify = { user = "bob" }',
    '"bob"',
    'There is no such user on this host: "bob"',
  ],
  [
    'notify = { fifo = "notify" }',
    '"notify"',
    'Invalid `notify.fifo`: "notify" is not an absolute path',
  ],
  [
    'notify = { fifo = "/run/x", json_fifo = "/run/x" }',
    '"/run/x"',
    'The FIFO "/run/x" gets lines of text already: site.toml:6:19',
  ],
  [
    "notify = { mail = true }",
    "mail",
    "`notify.mail` without a table `[mail]`: nobody knows whom to write to",
  ],
  ["notify = { mastre = [] }", "mastre", "Unknown key `mastre` in `notify`"],
  // What happens to no group.
  ...["deleted = true", "priority_changes = true", 'master_rx_lower_priority = ["/usr/bin/up"]']
    .map((text): [string, string, string] => {
      const [key = ""] = text.split(" ");
      const second = router("").replace("web", "two").replace("51", "52").replace(".10", ".20");
      const group = `${second}[[sync_group]]\nname = "site"\nmembers = ["web", "two"]\n`;
      return [
        `${group}notify = { ${text} }`,
        key,
        `Unknown key \`${key}\` in \`[sync_group.notify]\``,
      ];
    }),
];

Deno.test("notify: what is wrong is said at its place", () => {
  for (const [line, underlined, message] of REFUSED) {
    const [first, ...more] = problemsOf({ "site.toml": router(`${line}\n`) });
    assert.deepEqual([first?.[1], first?.[2], more.length], [underlined, message, 0], line);
  }
});

Deno.test("mail: what is wrong is said, and a password is never sent in the clear nor shown", () => {
  const say = (more: string, server = "mail.example.net", variables = {}) => {
    const text = `[mail]\nto = ["noc@example.net"]\nserver = "${server}"\n${more}\n${router("")}`;
    const options = { variables };
    const loaded = load({ "site.toml": text }, options);
    return loaded.ok ? [] : loaded.problems.map(({ message }) => message);
  };
  assert.deepEqual(say('tls = "none"'), []);
  const login = 'login = { user = "halb", password = { env = "KEY" } }';
  const secret = { KEY: "sesame" };
  assert.deepEqual(say(login, undefined, secret), []);
  assert.deepEqual(say(`tls = "none"\n${login}`, "127.0.0.1", secret), []);
  assert.deepEqual(say(`tls = "none"\n${login}`, undefined, secret), [
    'A login with `tls = "none"` (site.toml:4:7) sends the password in the clear',
  ]);
  assert.deepEqual(
    say("", "mail.example.net:99999"),
    [
      'Invalid `mail.server`: "mail.example.net:99999" is not a host, nor a host and a port',
    ].map((text) => text.replace("mail.server", "server")),
  );
  assert.deepEqual(say('from = "a@b\\r\\nBcc: x@y"').length, 1);
  assert.deepEqual(
    say(`tls = "bogus"\n${login}`, undefined, secret).join().includes("sesame"),
    false,
  );
  assert.deepEqual(say(login, undefined, { KEY: "" }), ["A login has a password"]);
});

Deno.test("programs and FIFOs that others could change are refused, missing ones doubted", () => {
  const text = router(
    'notify = { master = ["/usr/bin/up"], any = ["/usr/bin/env", "/usr/bin/script"] }\n',
  );
  const good = { "/usr/bin/env": [0, 0o755], "/usr/bin/script": [0, 0o755] } as const;
  const security = host({ ...good, "/usr/bin/up": [1000, 0o755] });
  assert.deepEqual(problemsOf({ "site.toml": text }, { security }).map(([, , words]) => words), [
    "Refusing to run /usr/bin/up: /usr/bin/up belongs to user 1000",
  ]);
  const open = host({ ...good, "/usr/bin/up": [0, 0o755], "/usr/bin/script": [0, 0o777] });
  assert.deepEqual(problemsOf({ "site.toml": text }, { security: open }).map(([, , m]) => m), [
    "Refusing to run /usr/bin/script: /usr/bin/script can be written by everybody",
  ]);
  const missing = load({ "site.toml": text }, { security: host(good) });
  assert.ok(missing.ok);
  assert.deepEqual(missing.warnings.map(({ message }) => message), [
    "There is no program /usr/bin/up on this host",
  ]);
  // Who it runs as may own it.
  const own = `[agent]\nscript_user = "alice"\n${text}`;
  assert.ok(load({ "site.toml": own }, { security }).ok);
  const fifo = router('notify = { fifo = "/run/open/notify" }\n');
  const shared = host({ "/run/open": [0, 0o777] });
  assert.deepEqual(problemsOf({ "site.toml": fifo }, { security: shared }).map(([, , m]) => m), [
    'Refusing the FIFO "/run/open/notify": /run/open can be written by everybody',
  ]);
});
