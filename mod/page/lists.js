/**
 * The lists of the page: which columns, what is searched.
 *
 * @module
 */

import { KIND_WORDS, rate, short, since, whole } from "./format.js";
import { stateOf, worst } from "./model.js";
import { Table } from "./table.js";

const FAMILIES = { ipv4: "IPv4", ipv6: "IPv6" };

function pill(kind) {
  return {
    title: "State",
    text: (row) => stateOf(kind, row),
    look: (row) => `pill state-${stateOf(kind, row)}`,
    sort: (row) => stateOf(kind, row),
  };
}

function named(kind, open) {
  return {
    title: "Name",
    head: true,
    text: ({ name }) => name,
    sort: ({ name }) => name,
    press: ({ name }) => open(kind, name),
  };
}

function wrongText({ wrong }) {
  return wrong.length === 0 ? "" : wrong.map(({ text }) => text).join("; ");
}

const WRONG = {
  title: "What is wrong",
  class: "what",
  text: wrongText,
  look: (row) => `what ${worst(row) ?? ""}`,
};

/** Text that is searched: all that stands in the row. */
function words(row) {
  return JSON.stringify(row).toLowerCase();
}

function heardFrom({ state, sessions }) {
  return sessions.map(({ family, master, peers }) => {
    const prefix = sessions.length > 1 ? `${FAMILIES[family] ?? family}: ` : "";
    if (state !== "master") {
      return master === null ? "" : `${prefix}${master.address} (${master.priority})`;
    }
    const heard = peers.filter(({ silent_since: silent }) => silent === null).map(({ address }) =>
      address
    );
    return heard.length === 0 ? "" : `${prefix}here; ${heard.join(", ")}`;
  }).filter((text) => text !== "").join("; ") || (state === "master" ? "here" : "");
}

function more(list, count) {
  return count > list.length ? `${list.join(", ")} +${count - list.length}` : list.join(", ");
}

/**
 * @param open shows all of one thing
 * @param now milliseconds since 1970 by the agent's clock
 * @param model whose rates are shown
 */
export function makeLists(open, now, model) {
  const age = {
    title: "Since",
    class: "number",
    text: (row) => since(row.since, now()),
    sort: (row) => -Date.parse(row.since ?? 0),
  };
  const changes = {
    title: "Changes",
    class: "number minor",
    text: (row) => whole(row.transitions),
    sort: (row) => -row.transitions,
  };
  const list = (kind, title, columns) =>
    new Table({
      title,
      columns: [pill(kind), named(kind, open), ...columns],
      keyOf: ({ name }) => name,
      textOf: words,
    });
  return {
    vrrp: list("vrrp", "Virtual routers", [
      {
        title: "Interface",
        class: "short",
        text: (row) => row.interface,
        sort: (row) => row.interface,
      },
      {
        title: "ID",
        class: "number minor",
        text: (row) => `${row.virtual_router_id}`,
        sort: (row) => row.virtual_router_id,
      },
      {
        title: "Priority",
        class: "short minor",
        text: (row) =>
          row.effective_priority === row.priority
            ? `${row.priority}`
            : `${row.effective_priority} of ${row.priority}`,
        sort: (row) => -row.effective_priority,
      },
      {
        title: "Addresses",
        text: (row) => more(row.addresses, row.address_count),
        sort: (row) => row.addresses[0] ?? "",
      },
      { title: "Master; who is heard", class: "minor", text: heardFrom },
      age,
      changes,
      WRONG,
    ]),
    group: list("group", "Sync groups", [
      { title: "Needs", class: "short", text: (row) => `${row.need}` },
      { title: "Members", text: (row) => more(row.members, row.member_count) },
      age,
      WRONG,
    ]),
    bfd: list("bfd", "BFD sessions", [
      { title: "Peer", text: (row) => row.peer, sort: (row) => row.peer },
      {
        title: "Interface",
        class: "short minor",
        text: (row) => row.interface ?? (row.multihop ? "several hops" : ""),
      },
      {
        title: "Interval",
        class: "number minor",
        text: (row) => `${row.transmit_interval_ms} ms`,
        sort: (row) => row.transmit_interval_ms,
      },
      {
        title: "Detection",
        class: "number minor",
        text: (row) => row.detection_time_ms === null ? "–" : `${row.detection_time_ms} ms`,
        sort: (row) => row.detection_time_ms ?? 0,
      },
      age,
      changes,
      WRONG,
    ]),
    virtual_server: list("virtual_server", "Pools", [
      {
        title: "Listens on",
        text: (row) => more(row.listen, row.listen_count),
        sort: (row) => row.listen[0] ?? "",
      },
      {
        title: "Servers up",
        class: "number",
        text: ({ servers: { up, all, draining } }) =>
          `${up} of ${all}${draining > 0 ? ` (${draining} drain)` : ""}`,
        sort: ({ servers: { up, all } }) => up / Math.max(1, all),
      },
      {
        title: "Quorum",
        class: "number minor",
        text: ({ quorum }) => `${quorum.current} of ${quorum.required}`,
      },
      {
        title: "Open",
        class: "number",
        text: (row) => short(row.active_connections),
        sort: (row) => -row.active_connections,
      },
      {
        title: "New",
        class: "number",
        text: (row) => rate(model.rate(row.name, "connections")),
        sort: (row) => -(model.rate(row.name, "connections") ?? -1),
      },
      {
        title: "In",
        class: "number minor",
        text: (row) => rate(model.rate(row.name, "bytes_in"), "B"),
        sort: (row) => -(model.rate(row.name, "bytes_in") ?? -1),
      },
      {
        title: "Out",
        class: "number minor",
        text: (row) => rate(model.rate(row.name, "bytes_out"), "B"),
        sort: (row) => -(model.rate(row.name, "bytes_out") ?? -1),
      },
      age,
      WRONG,
    ]),
    check: list("check", "Checks", [
      { title: "Type", class: "short", text: (row) => row.type, sort: (row) => row.type },
      { title: "Asks", text: (row) => row.target ?? "this host" },
      age,
      changes,
      WRONG,
    ]),
  };
}

/** @param now as above */
export function makeEvents(now, timeOf) {
  return new Table({
    title: "Events",
    level: "h3",
    size: 12,
    columns: [
      { title: "Time", class: "short", text: ({ time }) => timeOf(Date.parse(time), now()) },
      {
        title: "About",
        head: true,
        text: ({ type, name }) => `${KIND_WORDS[type] ?? type} ${name ?? ""}`.trim(),
      },
      {
        title: "What",
        text: ({ text, count = 1 }) => count > 1 ? `${text} (${whole(count)} times)` : text,
        look: ({ level }) => level === "info" ? "" : `what ${level}`,
      },
      { title: "Why", text: ({ cause }) => cause ?? "" },
    ],
    keyOf: ({ run, seq }) => `${run}:${seq}`,
    textOf: ({ type, name, text, cause, level }) =>
      `${type} ${name ?? ""} ${text} ${cause ?? ""} ${level}`.toLowerCase(),
    // The newest stand first already.
    by: () => 0,
    empty: "No event is recorded, or none is found.",
  });
}

/** The real servers of one pool; the agent searches and pages them. */
export function makeServers(now, ask) {
  return new Table({
    title: "Real servers",
    level: "h3",
    size: 25,
    ask,
    columns: [
      { title: "State", text: ({ state }) => state, look: ({ state }) => `pill state-${state}` },
      { title: "Address", head: true, text: ({ address }) => address },
      {
        title: "Weight",
        class: "number",
        text: ({ weight, effective_weight: now }) =>
          now === weight ? `${weight}` : `${now} of ${weight}`,
      },
      {
        title: "Open",
        class: "number",
        text: ({ counters }) => short(counters.active_connections ?? 0),
      },
      {
        title: "Connections",
        class: "number minor",
        text: ({ counters }) => short(counters.connections),
      },
      {
        title: "Answers in",
        class: "number minor",
        text: ({ latency_ms: ms }) => ms === null ? "–" : `${Math.round(ms * 10) / 10} ms`,
      },
      { title: "Since", class: "number", text: (row) => since(row.since, now()) },
      { title: "Why", text: ({ reason }) => reason },
    ],
    keyOf: ({ address }) => address,
    textOf: words,
  });
}
