import assert from "node:assert/strict";
import { type Expected, load, loadValid, problemsOf, router } from "./fixtures.ts";

const STRICT = "strict = true\n";
const IPV6 = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["2001:db8::10/64"]
`;

/** Name, text, and all problems it must give. */
const BROKEN: readonly (readonly [string, string, readonly Expected[]])[] = [
  ["a delay of a preemption that is off", router('preempt = false\npreempt_delay = "5s"\n'), [[
    "site.toml:7:1",
    "preempt_delay",
    "`preempt_delay` has no effect beside `preempt = false` (site.toml:6:11)",
    "leave one of the two out",
  ]]],
  ["a delay of an owner", router('priority = 255\npreempt_delay = "5s"\n'), [[
    "site.toml:7:1",
    "preempt_delay",
    "`preempt_delay` has no effect at priority 255 (site.toml:6:12): the owner of the addresses " +
    "is master at once",
    "leave the key out, or give a priority below 255",
  ]]],
  ["a delay of more than an hour", router('preempt_delay = "61m"\n'), [[
    "site.toml:6:17",
    '"61m"',
    'Invalid `preempt_delay`: "61m" is not between 0s and 1h',
    'write `"1h"` instead',
  ]]],
  ["no advert missing", router("down_timer_adverts = 0\n"), [[
    "site.toml:6:22",
    "0",
    "Invalid `down_timer_adverts`: 0 is not a whole number from 1 to 100",
    "write `1` instead",
  ]]],
  ["strict and a delay", router(`${STRICT}preempt_delay = "5s"\n`), [[
    "site.toml:7:1",
    "preempt_delay",
    "`strict` (site.toml:6:10) does not allow `preempt_delay`: RFC 9568 has no such delay",
    "leave out one of the two",
  ]]],
  ["strict and another number of adverts", router(`${STRICT}down_timer_adverts = 5\n`), [[
    "site.toml:7:1",
    "down_timer_adverts",
    "`strict` (site.toml:6:10) does not allow `down_timer_adverts`: RFC 9568 has 3",
    "write `3`, or leave it out",
  ]]],
  ["strict and no answer in version 3", router(`${STRICT}answer_lower_priority = false\n`), [[
    "site.toml:7:1",
    "answer_lower_priority",
    "`strict` (site.toml:6:10) does not allow `answer_lower_priority`: RFC 9568 section 6.4.3 " +
    "wants the answer",
    "leave out one of the two",
  ]]],
  [
    "strict and an answer in version 2",
    router(`${STRICT}version = 2\naccept = false\nanswer_lower_priority = true\n`),
    [[
      "site.toml:9:1",
      "answer_lower_priority",
      "`strict` (site.toml:6:10) does not allow `answer_lower_priority`: RFC 3768 section 6.4.3 " +
      "discards such adverts",
      "leave out one of the two",
    ]],
  ],
  [
    "strict and packets to the addresses in version 2",
    router(`${STRICT}version = 2\naccept = true\n`),
    [[
      "site.toml:8:1",
      "accept",
      "`strict` (site.toml:6:10) does not allow `accept`: RFC 3768 section 6.4.3 has only the owner " +
      "take packets to the addresses",
      "write `accept = false`",
    ]],
  ],
  ["strict and packets to the addresses in version 2, unsaid", router(`${STRICT}version = 2\n`), [[
    "site.toml:1:3",
    "vrrp",
    "`strict` (site.toml:6:10) does not allow `accept`: RFC 3768 section 6.4.3 has only the owner " +
    "take packets to the addresses",
    "write `accept = false`",
  ]]],
  ["strict and unicast", router(`${STRICT}unicast = { peers = ["192.0.2.2"] }\n`), [[
    "site.toml:7:1",
    "unicast",
    "`strict` (site.toml:6:10) does not allow `unicast`: RFC 9568 knows multicast only",
    "leave out one of the two",
  ]]],
  ["strict and a last advert", router(`${STRICT}advertise_before_yielding = true\n`), [[
    "site.toml:7:1",
    "advertise_before_yielding",
    "`strict` (site.toml:6:10) does not allow `advertise_before_yielding`: RFC 9568 has a master " +
    "yield in silence",
    "leave out one of the two",
  ]]],
  [
    "strict and an owner that listens",
    router(`${STRICT}priority = 255\nowner_ignore_adverts = false\n`),
    [[
      "site.toml:8:1",
      "owner_ignore_adverts",
      "`strict` (site.toml:6:10) does not allow `owner_ignore_adverts`: RFC 9568 section 7.1 has " +
      "an owner discard all adverts",
      "leave out one of the two",
    ]],
  ],
  ["strict over IPv6 without a link-local address", IPV6 + STRICT, [[
    "site.toml:5:14",
    '"2001:db8::10/64"',
    "The first address of a router over IPv6 must be link-local (RFC 9568 section 5.2.9), and " +
    '"2001:db8::10/64" is not, which `strict` does not allow',
    'put `"fe80::200:5eff:fe00:233"` before it',
  ]]],
  [
    "strict as a default, the delay in the router",
    `[defaults.vrrp]\n${STRICT}\n${router('preempt_delay = "5s"\n')}`,
    [[
      "site.toml:9:1",
      "preempt_delay",
      "`strict` (site.toml:2:10) does not allow `preempt_delay`: RFC 9568 has no such delay",
      "leave out one of the two",
    ]],
  ],
  ["keepalived's word for strict", router("strict_mode = true\n"), [[
    "site.toml:6:1",
    "strict_mode",
    "Unknown key `strict_mode` in `[[vrrp]]`",
    "write `strict = true` instead",
  ]]],
];

for (const [name, text, expected] of BROKEN) {
  Deno.test(`election: broken: ${name}`, () => {
    assert.deepEqual(problemsOf({ "site.toml": text }), expected);
  });
}

Deno.test("election: strict decides what nobody wrote, by version", () => {
  const election = (text: string) => {
    const [one] = loadValid({ "site.toml": router(text) }).vrrp;
    const { answer_lower_priority, advertise_before_yielding, owner_ignore_adverts } = one!;
    return [answer_lower_priority, advertise_before_yielding, owner_ignore_adverts];
  };
  assert.deepEqual(election(""), [true, true, false]);
  assert.deepEqual(election("version = 2\n"), [true, true, false]);
  assert.deepEqual(election(STRICT), [true, false, true]);
  assert.deepEqual(election(`${STRICT}version = 2\naccept = false\n`), [false, false, true]);
  assert.deepEqual(election("advertise_before_yielding = false\n"), [true, false, false]);
  assert.deepEqual(election("priority = 255\nowner_ignore_adverts = true\n"), [true, true, true]);
});

Deno.test("election: values reach the router, from the defaults too", () => {
  const text = `[defaults.vrrp]\npreempt_delay = "90s"\ndown_timer_adverts = 5\n\n${router("")}`;
  const [one] = loadValid({ "site.toml": text }).vrrp;
  assert.equal(one!.preempt_delay, 90_000_000);
  assert.equal(one!.down_timer_adverts, 5);
});

Deno.test("election: owner_ignore_adverts of who owns nothing is doubted", () => {
  const loaded = load({ "site.toml": router("owner_ignore_adverts = true\n") });
  assert.ok(loaded.ok);
  assert.deepEqual(loaded.warnings.map(({ message }) => message), [
    "`owner_ignore_adverts` has no effect at priority 100: it is for owners of addresses, whose " +
    "priority is 255",
  ]);
  const common = load({
    "site.toml": `[defaults.vrrp]\nowner_ignore_adverts = true\n\n${router("")}`,
  });
  assert.ok(common.ok);
  assert.deepEqual(common.warnings, []);
});

Deno.test("election: a lease is judged by how many adverts may be missing", () => {
  const text = router('down_timer_adverts = 10\naddress_lease = "5s"\n');
  const loaded = load({ "site.toml": text });
  assert.ok(loaded.ok);
  assert.match(loaded.warnings[0]!.message, /ends before a backup takes over, after more than 10s/);
});
