/**
 * What the script of a simulation may say: networks, nodes, events and expectations, as documented
 * schemas like those of site.toml.
 *
 * @module
 */

import * as v from "valibot";
import {
  choice,
  type Doc,
  documented,
  duration,
  flag,
  text,
  VALUE,
  whole,
} from "../../config/fields.ts";
import { name } from "../../config/names.ts";
import { LARGEST_NUMBER } from "../vrrp/tracker.ts";

/** Longest simulated time. */
export const LONGEST = "3660d";
/** Most events, and most expectations. */
const MOST = 100_000;

function time(doc: Doc) {
  return duration({ min: "0s", max: LONGEST }, doc);
}

/** Something of a node: `a:eth0`. */
function part(what: string, example: string, words: string) {
  return text(what, { text: words, example, range: "NODE:NAME" }, (value) => {
    const [node = "", ...rest] = value.split(":");
    if (node !== "" && rest.join(":") !== "") return undefined;
    return { message: `${VALUE} is not ${what}`, advice: `write \`"${example}"\` instead` };
  });
}

function node(words: string) {
  return name({ text: words, example: "a" });
}

function share(words: string) {
  const described = documented(
    v.number(),
    "a share from 0 to 1",
    { text: words, example: 0.01, range: "0 to 1" },
    { minimum: 0, maximum: 1 },
  );
  return v.pipe(
    described,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed || (dataset.value >= 0 && dataset.value <= 1)) return;
      addIssue({ message: `${VALUE} is not a share from 0 to 1` });
    }),
  );
}

const LAN_KEYS = {
  delay: v.exactOptional(
    duration({ min: "0s", max: "10s" }, { text: "How long each packet takes.", example: "100us" }),
  ),
  jitter: v.exactOptional(
    duration({ min: "0s", max: "10s" }, { text: "Up to so much more, by chance.", example: "1ms" }),
  ),
  loss: v.exactOptional(share("Share of the packets that each receiver does not hear.")),
  duplicate: v.exactOptional(share("Share of the packets that each receiver hears twice.")),
};

const INTERFACE = part("an interface of a node", "a:eth0", "An interface of a node.");

function interfaces(words: string) {
  const list = v.pipe(v.array(INTERFACE), v.minLength(1, "Name at least one interface"));
  return documented(list, "a list of interfaces of nodes", {
    text: words,
    example: ["a:eth0", "b:eth0"],
  });
}

export const NETWORK_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name.", example: "lan" }),
    members: interfaces("The interfaces that hear each other; each is in one network."),
    ...LAN_KEYS,
  }),
  "a table",
  {
    text: "A network. Interfaces that none names share one with those of the same name.",
    example: { name: "lan", members: ["a:eth0", "b:eth0"], loss: 0.01 },
  },
);

const ADDRESS = text(
  "an IP address",
  { text: "An address of the host's own.", example: "192.0.2.2" },
  (value) =>
    /^[0-9a-fA-F.:]+$/.test(value) ? undefined : { message: `${VALUE} is not an IP address` },
);

export const NODE_SCHEMA = documented(
  v.strictObject({
    name: node("The node."),
    start_at: v.optional(time({ text: "When its agent first starts.", example: "2s" }), "0s"),
    addresses: v.optional(
      documented(v.record(v.string(), v.array(ADDRESS)), "a table of lists of addresses", {
        text: "The host's own addresses, by interface.",
        example: { eth0: ["192.0.2.2"] },
      }),
      {},
    ),
  }),
  "a table",
  {
    text: "What is not usual with a host.",
    example: { name: "b", start_at: "2s", addresses: { eth0: ["192.0.2.3"] } },
  },
);

const ROUTER = part("a virtual router or sync group of a node", "a:gateway", "Of a node.");
const TRACKER = part("something that a node tracks", "a:uplink", "The name of a tracker.");
const SESSION = part("a BFD session of a node", "a:to-b", "The name of a session.");
const SERVER = text(
  "a real server",
  { text: "As its virtual server calls it.", example: "198.51.100.11:8080" },
  (value) => value === "" ? { message: `${VALUE} is not a real server` } : undefined,
);

/** What can happen; an event has one of these. */
export const ACTION_KEYS = {
  kill: v.exactOptional(node("The process dies; its addresses stay until their leases end.")),
  power_off: v.exactOptional(node("The host is gone, with its addresses and whatever ran there.")),
  stop: v.exactOptional(node("The agent ends in order: it hands over before.")),
  start: v.exactOptional(node("The agent starts again, and its host where that was off.")),
  stall: v.exactOptional(documented(
    v.strictObject({
      node: node("Whose process stands still."),
      for: duration({ min: "1us", max: "1d" }, { text: "For how long.", example: "2s" }),
    }),
    "a table",
    { text: "The process stands still, and goes on.", example: { node: "a", for: "2s" } },
  )),
  link_down: v.exactOptional(INTERFACE),
  link_up: v.exactOptional(INTERFACE),
  cut: v.exactOptional(
    interfaces("They hear each other, and are cut off from the rest of their network and clients."),
  ),
  heal: v.exactOptional(interfaces("They are cut off no longer.")),
  deaf: v.exactOptional(documented(
    v.strictObject({ node: node("Who hears nothing."), to: node("Of whom.") }),
    "a table",
    { text: "One hears nothing of another.", example: { node: "b", to: "a" } },
  )),
  hearing: v.exactOptional(documented(
    v.strictObject({ node: node("Who hears again."), to: node("Of whom.") }),
    "a table",
    { text: "It hears again.", example: { node: "b", to: "a" } },
  )),
  fail: v.exactOptional(TRACKER),
  recover: v.exactOptional(TRACKER),
  number: v.exactOptional(documented(
    v.strictObject({
      file: TRACKER,
      value: whole(-LARGEST_NUMBER, LARGEST_NUMBER, { text: "The number.", example: 3 }),
    }),
    "a table",
    { text: "A tracked file has another number.", example: { file: "a:load", value: 3 } },
  )),
  bfd_cut: v.exactOptional(SESSION),
  bfd_heal: v.exactOptional(SESSION),
  server_down: v.exactOptional(SERVER),
  server_up: v.exactOptional(SERVER),
  clock_step: v.exactOptional(documented(
    v.strictObject({
      node: node("Whose wall clock jumps."),
      by: duration({ min: "1us", max: "3660d" }, { text: "How far ahead.", example: "1h" }),
    }),
    "a table",
    { text: "A wall clock jumps.", example: { node: "a", by: "1h" } },
  )),
  release: v.exactOptional(ROUTER),
  claim: v.exactOptional(ROUTER),
  network: v.exactOptional(documented(
    v.strictObject({ name: name({ text: "Which.", example: "lan" }), ...LAN_KEYS }),
    "a table",
    { text: "A network changes.", example: { name: "lan", loss: 0.5 } },
  )),
} as const;

export type ActionKey = keyof typeof ACTION_KEYS;

export const EVENT_SCHEMA = documented(
  v.strictObject({
    at: time({ text: "When, since the beginning.", example: "10s" }),
    ...ACTION_KEYS,
    for: v.exactOptional(
      duration({ min: "1s", max: "365d" }, {
        text: "With `release`: until when the router stays behind all others.",
        example: "10m",
      }),
    ),
  }),
  "a table",
  { text: "Something that happens.", example: { at: "10s", kill: "a" } },
);

export const EXPECT_SCHEMA = documented(
  v.strictObject({
    address: v.exactOptional(ADDRESS),
    router: v.exactOptional(text(
      "a virtual router",
      {
        text: "By name; of one of both families the second half is `NAME/ipv6` or `NAME/ipv4`.",
        example: "gateway",
      },
      (value) => value === "" ? { message: `${VALUE} is not a virtual router` } : undefined,
    )),
    session: v.exactOptional(name({ text: "A BFD session, by name.", example: "to-b" })),
    server: v.exactOptional(SERVER),
    virtual_server: v.exactOptional(name({ text: "Of which virtual server.", example: "web" })),
    node: v.exactOptional(node("On which node.")),
    held_by: v.exactOptional(name({
      text: 'Which node has the address, and no other; "nobody": none.',
      example: "b",
    })),
    state: v.exactOptional(choice(
      ["init", "backup", "master", "fault", "admin_down", "down", "up"],
      { text: "Of the router or session.", example: "master" },
    )),
    in_service: v.exactOptional(
      flag({ text: "Whether the server is in service.", example: false }),
    ),
    outage_at_most: v.exactOptional(
      time({ text: "The address is without holder no longer than that at a time.", example: "4s" }),
    ),
    outage_total_at_most: v.exactOptional(
      time({ text: "And no longer than that in all.", example: "10s" }),
    ),
    double_at_most: v.exactOptional(
      time({
        text: "Several hosts have the address no longer than that at a time; without `address`, " +
          "any of them.",
        example: "0s",
      }),
    ),
    always_held: v.exactOptional(
      flag({ text: "The address is never without holder.", example: true }),
    ),
    at: v.exactOptional(time({ text: "It is so at that time.", example: "14s" })),
    by: v.exactOptional(time({
      text: "It has become so by then, and is so at that time.",
      example: "15s",
    })),
    from: v.exactOptional(time({ text: "It is so from then on.", example: "10s" })),
    until: v.exactOptional(time({ text: "It is so until then.", example: "20s" })),
  }),
  "a table",
  { text: "What must be so.", example: { address: "192.0.2.1", held_by: "b", at: "14s" } },
);

function list<S extends v.GenericSchema>(item: S, words: string, example: unknown) {
  return v.optional(
    documented(
      v.pipe(v.array(item), v.maxLength(MOST, `There are more than ${MOST} of them`)),
      "a list of tables",
      { text: words, example: [example] },
    ),
    [],
  );
}

/** The whole file. */
export const SCRIPT_SCHEMA = v.strictObject({
  duration: v.exactOptional(
    duration({ min: "1ms", max: LONGEST }, {
      text: "How long the simulation is; without it, half a minute longer than the last event.",
      example: "60s",
    }),
  ),
  seed: v.exactOptional(
    whole(0, 4_294_967_295, { text: "Of all chance; `--seed` comes before it.", example: 1 }),
  ),
  network: list(NETWORK_SCHEMA, "Networks.", { name: "lan", members: ["a:eth0", "b:eth0"] }),
  node: list(NODE_SCHEMA, "Nodes.", { name: "b", start_at: "2s" }),
  event: list(EVENT_SCHEMA, "What happens.", { at: "10s", kill: "a" }),
  expect: list(EXPECT_SCHEMA, "What must be so.", { double_at_most: "0s" }),
});

export type ScriptConfig = v.InferOutput<typeof SCRIPT_SCHEMA>;
export type EventConfig = ScriptConfig["event"][number];
export type ExpectConfig = ScriptConfig["expect"][number];
export type NetworkConfig = ScriptConfig["network"][number];
