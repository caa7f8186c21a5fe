/** Seamless BFD and sessions that others begin, in site.toml and in what the plane is told. */

import assert from "node:assert/strict";
import { bfdCredentialsOf, planBfd } from "../../../mod/agent/bfd_plan.ts";
import { load, loadValid } from "./fixtures.ts";

function site(text: string) {
  return loadValid({ "site.toml": text });
}

/** Place and words of what is wrong, warnings too. */
function wrong(text: string): string[] {
  const result = load({ "site.toml": text });
  const problems = result.ok ? result.warnings : result.problems;
  return problems.map(({ line, column, severity, message }) =>
    `${line}:${column} ${severity}: ${message}`
  );
}

const SEAMLESS = `[[bfd]]
name = "far"
peer = "192.0.2.9"
multihop = true
seamless = { remote_discriminator = "192.0.2.9" }
`;

Deno.test("a reflector alone is a site; it answers neighbours, at 50 ms", () => {
  const plan = planBfd(site('[bfd_reflector]\ndiscriminators = ["192.0.2.1", 5]\n'));
  assert.deepEqual(plan, {
    sessions: [],
    reflector: {
      namespace: "",
      addresses: [],
      interfaces: [],
      allow: [],
      discriminators: [0xc0000201, 5],
      minimumTtl: 255,
      requiredMinRx: 50_000,
      adminDown: false,
    },
  });
});

Deno.test("all keys of a reflector arrive; its key travels apart", () => {
  const read = site(`[bfd_reflector]
discriminators = [4294967295]
addresses = ["192.0.2.1", "2001:DB8::1"]
interfaces = ["eth0", "blue"]
allow = ["192.0.2.0/24", "2001:db8::/32"]
min_ttl = 250
receive_interval = "3.3ms"
admin_down = true
namespace = "red"
auth = { type = "keyed-sha1", keys = [{ id = 1, key = "hush" }] }
`);
  assert.deepEqual(planBfd(read)?.reflector, {
    namespace: "red",
    addresses: ["192.0.2.1", "2001:db8::1"],
    interfaces: ["eth0", "blue"],
    allow: ["192.0.2.0/24", "2001:db8::/32"],
    discriminators: [0xffff_ffff],
    minimumTtl: 250,
    requiredMinRx: 3_300,
    adminDown: true,
    authentication: "keyed-sha1",
  });
  const secret = [...new TextEncoder().encode("hush")];
  assert.deepEqual(bfdCredentialsOf(read), [{
    session: "[bfd_reflector]",
    authentication: { type: "keyed-sha1", construction: "rfc5880", keys: [{ id: 1, secret }] },
  }]);
});

Deno.test("[B9468-1] nobody may begin a session unless the table is there; then with these values", () => {
  assert.equal(planBfd(site(SEAMLESS))?.unsolicited, undefined);
  const plan = planBfd(site(`[bfd_unsolicited]
interfaces = ["eth0"]
allow = ["192.0.2.0/25"]
limit = 2
transmit_interval = "50ms"
`));
  assert.deepEqual(plan, {
    sessions: [],
    unsolicited: {
      namespace: "",
      interfaces: ["eth0"],
      allow: ["192.0.2.0/25"],
      limit: 2,
      settings: {
        name: "",
        transmitInterval: 50_000,
        receiveInterval: 300_000,
        detectMultiplier: 3,
        passive: true,
        demand: null,
        echoReceiveInterval: 0,
        authentication: null,
        stallGrace: true,
      },
    },
  });
});

Deno.test("an initiator: nothing is negotiated, defaults that mean nothing to it are left out", () => {
  const defaults = '[defaults.bfd]\npassive = true\ndemand = true\nreceive_interval = "50ms"\n';
  const [session] = planBfd(site(defaults + SEAMLESS))!.sessions;
  assert.deepEqual(session?.settings, {
    name: "far",
    transmitInterval: 300_000,
    receiveInterval: 0,
    detectMultiplier: 3,
    passive: false,
    demand: null,
    echoReceiveInterval: 0,
    authentication: null,
    stallGrace: true,
    seamless: { remoteDiscriminator: 0xc0000209 },
  });
});

Deno.test("beside a session with the same peer an initiator is no second one", () => {
  const beside = '[[bfd]]\nname = "near"\npeer = "192.0.2.9"\nmultihop = true\n';
  const others = wrong(SEAMLESS + beside).filter((words) => !words.includes("without `auth`"));
  assert.deepEqual(others, []);
  assert.deepEqual(wrong(SEAMLESS + SEAMLESS.replace("far", "again")), []);
});

Deno.test("what is no discriminator is refused", () => {
  for (const value of ["0", "4294967296", "1.5", '"0.0.0.0"', '"2001:db8::1"', '"one"', "true"]) {
    const problems = wrong(`[bfd_reflector]\ndiscriminators = [${value}]\n`);
    assert.equal(problems.length, 1, value);
    assert.match(problems[0]!, /^2:19 error: .*(number|address)/, value);
  }
});

Deno.test("a reflector that answers nobody, twice, or everybody", () => {
  assert.deepEqual(wrong("[bfd_reflector]\ndiscriminators = []\n"), [
    "2:18 error: A reflector without discriminators answers nobody",
  ]);
  assert.deepEqual(wrong('[bfd_reflector]\ndiscriminators = [5, "0.0.0.5"]\n'), [
    '2:22 error: "0.0.0.5" stands twice in `discriminators`: first at site.toml:2:19',
  ]);
  const far = "[bfd_reflector]\ndiscriminators = [5]\nmin_ttl = 250\n";
  assert.deepEqual(wrong(far), [
    "3:11 warning: Everybody within reach may ask, under any sender: the answers go to that one",
  ]);
  assert.deepEqual(wrong(`${far}allow = ["192.0.2.0/24"]\n`), []);
  assert.deepEqual(wrong("[bfd_reflector]\nmin_ttl = 255\n").length, 1);
});

Deno.test("unsolicited sessions need an interface; keys are checked as those of any session", () => {
  assert.deepEqual(wrong("[bfd_unsolicited]\ninterfaces = []\n"), [
    "2:14 error: Without an interface nobody may begin a session (RFC 9468 section 2)",
  ]);
  const keyless = '[bfd_unsolicited]\ninterfaces = ["eth0"]\nauth = { type = "keyed-md5" }\n';
  assert.deepEqual(wrong(keyless), [
    '3:1 error: Authentication of type "keyed-md5" needs at least one key in `auth.keys`',
  ]);
});

Deno.test("what means nothing to an initiator is refused where it is written for it", () => {
  for (const line of ["passive = true", "demand = true", 'receive_interval = "50ms"']) {
    const [key] = line.split(" ");
    assert.deepEqual(wrong(`${SEAMLESS}${line}\n`), [
      `6:1 error: \`${key}\` means nothing with \`seamless\` (site.toml:5:1): a reflector agrees ` +
      "to nothing, it answers",
    ]);
  }
});
