/**
 * Health checks: the table `[[check]]`, and `check` of whoever uses some. One table takes the keys
 * of all types; what a type needs and has no use for is in `check_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { plainAddress } from "./network_fields.ts";
import { QUESTION_KEYS } from "./check_questions.ts";
import { choice, type Doc, documented, duration, flag, whole } from "./fields.ts";
import { interfaceName, name, namespaceName } from "./names.ts";

/** Most checks of one agent. */
export const MOST_CHECKS = 20_000;
/** Most checks of one server. */
const MOST_USES = 32;

/** What there is to ask. */
export const CHECK_TYPES = [
  "tcp",
  "http",
  "grpc",
  "smtp",
  "dns",
  "udp",
  "ping",
  "script",
  "file",
  "bfd",
  "agent",
] as const;

export type CheckType = (typeof CHECK_TYPES)[number];

const time = (min: string, max: string, doc: Doc) => duration({ min, max }, doc);

/** When to ask, and what to believe. */
const judgement = {
  interval: v.optional(
    time("10ms", "1d", {
      text: "From one start to the next; a probe that lasts longer leaves out beats.",
      example: "2s",
    }),
    "5s",
  ),
  timeout: v.exactOptional(time("1ms", "1h", {
    text: "A probe that lasts longer is a failure; without the key, as long as the interval, 5 s " +
      "at most.",
    example: "1s",
  })),
  rise: v.optional(
    whole(1, 1000, { text: "Successes in a row that bring it up.", example: 2 }),
    1,
  ),
  fall: v.optional(
    whole(1, 1000, {
      text: "Failures in a row that take it down: one more than keepalived's `retry`.",
      example: 3,
    }),
    2,
  ),
  retry_interval: v.exactOptional(time("1ms", "1d", {
    text:
      "From the end of a failed probe to the next start; without the key 1 s, or the interval " +
      "where that is shorter.",
    example: "500ms",
  })),
  warmup: v.exactOptional(time("0s", "1d", {
    text: "The first probe comes within this time, each check at a place of its own; without the " +
      "key 1 s, or the interval where that is shorter.",
    example: "10s",
  })),
  hold_down: v.optional(
    time("0s", "1d", { text: "Once down, it stays so at least this long.", example: "30s" }),
    "0s",
  ),
  damping: v.exactOptional(documented(
    v.strictObject({
      suppress: v.optional(
        whole(1, 1000, {
          text:
            "Points at which it counts as flapping. Each fall is a point, and points melt: with 4 " +
            "it is the fifth fall in short order.",
          example: 4,
        }),
        4,
      ),
      reuse: v.optional(
        whole(1, 1000, { text: "Points at which it may come back.", example: 1 }),
        1,
      ),
      half_life: v.optional(
        time("1s", "1d", { text: "In this time half of the points go.", example: "1m" }),
        "1m",
      ),
      longest: v.optional(
        time("1s", "7d", {
          text: "Never kept down longer than this after its last fall.",
          example: "10m",
        }),
        "5m",
      ),
    }),
    "a table",
    {
      text: "Keep down what comes and goes (after RFC 2439), and name it. Without the table it " +
        "may come back each time; `damping = {}` has the defaults.",
      example: { suppress: 4, half_life: "1m" },
    },
  )),
  start_failed: v.optional(
    flag({
      text:
        "Count it as failed until it has succeeded `rise` times. Otherwise what uses it waits " +
        "for the first verdict.",
      example: true,
    }),
    false,
  ),
} as const;

/** Whom to ask, and from where. */
const place = {
  address: v.exactOptional(plainAddress({
    text: "Whom to ask; without the key, the server that the check stands at.",
    example: "192.0.2.1",
  })),
  port: v.exactOptional(whole(1, 65_535, {
    text: "The port; without the key, that of the server that the check stands at; with an " +
      "`address`, the usual one of http (80, with `tls` 443), smtp (25, with `tls` 465), dns (53) " +
      "and of `preset`.",
    example: 8080,
  })),
  bind_address: v.exactOptional(plainAddress({
    text: "The address of this host to ask from.",
    example: "192.0.2.2",
  })),
  bind_port: v.exactOptional(whole(1, 65_535, {
    text: "The port to ask from; the next probe has to wait until it is free again.",
    example: 2000,
  })),
  bind_interface: v.exactOptional(interfaceName({
    text: "The interface or VRF to ask through; link-local addresses need it.",
    example: "eth1",
  })),
  mark: v.exactOptional(whole(0, 4_294_967_295, {
    text: "The firewall mark of what is sent (`SO_MARK`): for policy routing.",
    example: 7,
  })),
  via_forwarding: v.exactOptional(interfaceName({
    text: "Ask the virtual address, by the load balancer's own way to this real server " +
      "(`direct`, `tunnel`), as clients do: one that does not hold the virtual address fails. " +
      "The interface is that on which its answers come; over IPv4 they are let in there " +
      "(`accept_local`), though they come from an address of this host.",
    example: "eth0",
  })),
  namespace: v.exactOptional(namespaceName({
    text: "The network namespace to ask from; without the key, the agent's.",
    example: "blue",
  })),
} as const;

const type = choice(CHECK_TYPES, {
  text: "What is asked: a connection (`tcp`), a response (`http`, with `tls` https), " +
    "grpc.health.v1 (`grpc`), a dialogue (`smtp`), an answer (`dns`), a reply (`udp`), an echo " +
    "(`ping`), a program (`script`), a number (`file`), a session (`bfd`), HAProxy's agent-check " +
    "(`agent`).",
  example: "http",
});

const keys = { ...judgement, ...place, ...QUESTION_KEYS };

/** One `[[check]]`. */
export const CHECK_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name among the checks.", example: "gateway" }),
    type,
    ...keys,
  }),
  "a table",
  {
    text: "A check that runs once however many servers and routers use it.",
    example: { name: "gateway", type: "ping", address: "192.0.2.1" },
  },
);

/** `[defaults.check]`. */
export const CHECK_DEFAULTS_SCHEMA = documented(
  v.strictObject({ type: v.exactOptional(type), ...keys }),
  "a table",
  {
    text: "Keys for every check, named or not. One that a check's type has no use for is left " +
      "out there.",
    example: { interval: "2s", timeout: "1s" },
  },
);

/** A check that stands where it is used. */
export const INLINE_CHECK_SCHEMA = v.strictObject({ type, ...keys });

const useItem = [
  v.pipe(
    name({ text: "The name of a `[[check]]`.", example: "gateway" }),
    v.transform((written): { readonly name: string } => ({ name: written })),
  ),
  INLINE_CHECK_SCHEMA,
] as const;

/**
 * `check` of a virtual or real server: the name of a `[[check]]`, a check as a table, or a list of
 * both. Resolves to a list; what it names, and what types need, is for `readUses`.
 */
export const CHECK_USES = documented(
  v.union([
    v.pipe(useItem[0], v.transform((one) => [one])),
    v.pipe(useItem[1], v.transform((one) => [one])),
    v.pipe(
      v.array(documented(v.union([...useItem]), "a name, or a table with `type`", {
        text: "A check.",
        example: { type: "tcp" },
      })),
      v.check((list) => list.length <= MOST_USES, `There are more than ${MOST_USES} checks`),
    ),
  ]),
  "a name, a table with `type`, or a list of both",
  {
    text: "What says whether the server is up: names of `[[check]]`, or checks. A list that is " +
      "given replaces the one that would be inherited; an empty one has no checks.",
    example: ["gateway", { type: "http", path: "/healthz" }],
  },
);

/** `require`: how many of several checks must pass. */
export const REQUIRE = documented(
  v.union([v.picklist(["all", "any"]), whole(1, MOST_USES, { text: "So many.", example: 2 })]),
  '"all", "any", or a whole number',
  {
    text: "How many of the checks must pass.",
    range: `all, any, or 1 to ${MOST_USES}`,
    example: "any",
  },
);

/** A check as it was written, without its name. Durations in microseconds. */
export type WrittenCheck = v.InferOutput<typeof INLINE_CHECK_SCHEMA>;
/** An item of `check`. */
export type WrittenUse = { readonly name: string } | WrittenCheck;
