/**
 * The drawing of who stands where: this node, the wires on which its virtual routers speak, whom they
 * hear there, BFD sessions, and pools. Only where each thing lies; `drawing.js` draws it. Pure.
 *
 * @module
 */
// @ts-check

import { stateOf, worst } from "./model.js";

/** @typedef {import("./model.js").Model} Model */
/**
 * @typedef {object} Shape
 * @property {"rect" | "line" | "dot" | "text" | "bar"} kind
 * @property {number} x
 * @property {number} y
 * @property {number} [w]
 * @property {number} [h] of a line: how far it goes down
 * @property {string} [text]
 * @property {string} [look] classes
 * @property {boolean} [end] a text that ends at x
 * @property {[string, number][]} [parts] of a bar: how much is in which state
 */
/** @typedef {{ name: string, detail: string, state: string, right: string, parts?: [string, number][] }} Chip */
/** @typedef {{ title: string, left: Chip[], right: Chip[] }} Wire */

/** Chips of one column, and wires, at most. */
const MOST_CHIPS = 6;
const MOST_WIRES = 12;
const CHIP = 28;
const GAP = 4;
/** Roughly how wide a character is. */
const LETTER = 7.2;

/** Rows that are wrong come first. @param {any} a @param {any} b */
function byTrouble(a, b) {
  const rank = (/** @type {any} */ row) => ["error", "warning", "notice", null].indexOf(worst(row));
  return rank(a) - rank(b);
}

/**
 * What hangs on which wire.
 *
 * @param {Model} model
 * @returns {{ wires: Wire[], left: number }} how many wires are left out
 */
export function wiresOf(model) {
  /** @type {Map<string, { routers: any[], sessions: any[] }>} */
  const found = new Map();
  const at = (/** @type {string} */ title) => {
    let wire = found.get(title);
    if (wire === undefined) found.set(title, wire = { routers: [], sessions: [] });
    return wire;
  };
  for (const router of model.rows.vrrp.values()) at(router.interface).routers.push(router);
  for (const one of model.rows.bfd.values()) {
    at(one.multihop || one.interface === null ? "routed" : one.interface).sessions.push(one);
  }
  const wires = [...found].map(([title, { routers, sessions }]) => ({
    title,
    routers,
    sessions,
    rank: [...routers, ...sessions].some((row) => worst(row) === "error") ? 0 : 1,
  }));
  wires.sort((a, b) => a.rank - b.rank);
  /** @type {Wire[]} */
  const all = wires.slice(0, MOST_WIRES).map(({ title, routers, sessions }) => ({
    title,
    left: chips(routers.sort(byTrouble).map(routerChip), "virtual routers"),
    right: chips(peerChips(routers, sessions), "peers"),
  }));
  const servers = [...model.rows.virtual_server.values()];
  if (servers.length > 0) {
    const pools = servers.sort(byTrouble).map(poolChip);
    all.push({ title: "virtual servers", left: [], right: chips(pools, "virtual servers") });
  }
  return { wires: all, left: Math.max(0, wires.length - MOST_WIRES) };
}

/** @param {any} row @returns {Chip} */
function routerChip(row) {
  const more = row.address_count > 1 ? ` +${row.address_count - 1}` : "";
  return {
    name: row.name,
    detail: `${row.addresses[0] ?? ""}${more}`,
    state: row.state,
    right: `${row.state} ${row.effective_priority}`,
  };
}

/** @param {any[]} routers @param {any[]} sessions @returns {Chip[]} */
function peerChips(routers, sessions) {
  /** @type {Map<string, { masters: number, silent: boolean, heard: boolean, bfd: any[] }>} */
  const peers = new Map();
  const at = (/** @type {string} */ address) => {
    let peer = peers.get(address);
    if (peer === undefined) {
      peers.set(address, peer = { masters: 0, silent: false, heard: false, bfd: [] });
    }
    return peer;
  };
  for (const { state, sessions: families } of routers) {
    for (const { source, master, peers: heard } of families) {
      for (const { address, silent_since: silent } of heard) {
        const peer = at(address);
        if (silent === null) peer.heard = true;
        else peer.silent = true;
      }
      if (state === "backup" && master !== null && master.address !== source) {
        at(master.address).masters++;
      }
    }
  }
  for (const session of sessions) at(session.peer).bfd.push(session);
  return [...peers].map(([address, { masters, silent, heard, bfd }]) => {
    const words = [];
    if (masters > 0) words.push(masters === 1 ? "master" : `master of ${masters}`);
    else if (heard) words.push("heard");
    // A backup says nothing: that it was heard once is no trouble, and worth a word without BFD only.
    else if (silent && bfd.length === 0) words.push("heard earlier");
    const down = bfd.filter(({ state }) => state !== "up");
    if (bfd.length > 0) {
      const state = down.length > 0 ? down[0].state : "up";
      words.push(
        bfd.length === 1 ? `BFD ${state}` : `BFD ${bfd.length - down.length} of ${bfd.length} up`,
      );
    }
    const state = down.length > 0
      ? down[0].state
      : bfd.length > 0
      ? "up"
      : masters > 0
      ? "master"
      : heard
      ? "backup"
      : "unknown";
    return { name: address, detail: "", state, right: words.join(" · ") };
  });
}

/** @param {any} row @returns {Chip} */
function poolChip(row) {
  const { up, draining, all } = row.servers;
  return {
    name: row.name,
    detail: row.listen[0] ?? "",
    state: stateOf("virtual_server", row),
    right: `${up} of ${all} up`,
    parts: [["up", up], ["draining", draining], ["down", all - up - draining]],
  };
}

/** @param {Chip[]} all @param {string} what */
function chips(all, what) {
  if (all.length <= MOST_CHIPS) return all;
  const shown = all.slice(0, MOST_CHIPS - 1);
  const rest = all.length - shown.length;
  return [...shown, { name: `and ${rest} more ${what}`, detail: "", state: "unknown", right: "" }];
}

/** @param {string} text @param {number} width pixels that there are */
export function cut(text, width) {
  const most = Math.max(3, Math.floor(width / LETTER));
  // By code points: half of one is none.
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}

/**
 * @param {Model} model
 * @param {number} width pixels
 * @returns {{ height: number, shapes: Shape[] }}
 */
export function layout(model, width) {
  const { wires, left } = wiresOf(model);
  const narrow = width < 640;
  /** @type {Shape[]} */
  const shapes = [];
  const node = narrow ? { x: 10, w: width - 20 } : { x: 14, w: 150 };
  const start = narrow ? 30 : node.x + node.w + 40;
  const end = width - 14;
  const half = narrow ? end - start : (end - start - 30) / 2;
  const right = narrow ? start : start + half + 30;
  let y = narrow ? 66 : 16;
  for (const wire of wires) {
    const line = y + 20;
    shapes.push({
      kind: "text",
      x: start,
      y: y + 12,
      text: cut(wire.title, end - start),
      look: "quiet",
    });
    const from = narrow ? 20 : node.x + node.w;
    shapes.push({ kind: "line", x: from, y: line, w: end - from, look: "wire" });
    const top = line + 10;
    const above = wire.left.length === 0 ? start : right;
    const wide = wire.left.length === 0 && !narrow ? end - start : half;
    wire.left.forEach((chip, i) =>
      shapes.push(...chipShapes(chip, start, top + i * (CHIP + GAP), half))
    );
    const shift = narrow ? wire.left.length * (CHIP + GAP) : 0;
    wire.right.forEach((chip, i) => {
      shapes.push(...chipShapes(chip, above, top + shift + i * (CHIP + GAP), wide));
    });
    for (const [x, count] of [[start, wire.left.length], [above, wire.right.length]]) {
      if (!narrow && count !== 0) {
        shapes.push({ kind: "line", x: (x ?? 0) + 12, y: line, h: 10, look: "wire" });
      }
    }
    const rows = narrow
      ? wire.left.length + wire.right.length
      : Math.max(wire.left.length, wire.right.length);
    y = top + rows * (CHIP + GAP) + 12;
  }
  if (left > 0) {
    const text = `and ${left} more interfaces`;
    shapes.push({ kind: "text", x: start, y: y + 8, text, look: "quiet" });
    y += 20;
  }
  const height = Math.max(y, narrow ? 66 : 70 + 18 * nodeWords(model).length);
  const h = narrow ? 44 : height - 28;
  const name = `${model.agent?.name ?? ""}`;
  shapes.unshift(
    { kind: "rect", x: node.x, y: narrow ? 10 : 14, w: node.w, h, look: "node" },
    {
      kind: "text",
      x: node.x + 12,
      y: narrow ? 38 : 38,
      text: cut(name, node.w - 24),
      look: "strong",
    },
    ...(narrow ? [] : nodeWords(model).map((text, i) => {
      const kind = /** @type {const} */ ("text");
      return { kind, x: node.x + 12, y: 58 + 18 * i, text, look: "quiet" };
    })),
  );
  if (narrow && wires.length > 0) {
    const last = shapes.findLast(({ kind, look }) => kind === "line" && look === "wire");
    shapes.push({ kind: "line", x: 20, y: 54, h: (last?.y ?? 54) - 54, look: "wire" });
  }
  return { height, shapes };
}

/** What there is on this node. @param {Model} model */
function nodeWords(model) {
  const { vrrp, bfd, virtual_server: pools } = model.rows;
  const words = [];
  const masters = [...vrrp.values()].filter(({ state }) => state === "master").length;
  const up = [...bfd.values()].filter(({ state }) => state === "up").length;
  if (vrrp.size > 0) words.push(`master of ${masters} of ${vrrp.size}`);
  if (bfd.size > 0) words.push(`BFD: ${up} of ${bfd.size} up`);
  if (pools.size > 0) words.push(`${pools.size} pool${pools.size === 1 ? "" : "s"}`);
  return words;
}

/** @param {Chip} chip @param {number} x @param {number} y @param {number} w @returns {Shape[]} */
function chipShapes({ name, detail, state, right, parts }, x, y, w) {
  const middle = y + 18;
  const look = `state-${state}`;
  const bar = parts === undefined || w < 420 ? 0 : 120;
  const rightWidth = right.length * LETTER + 10 + bar;
  const room = Math.max(40, w - 34 - rightWidth);
  const shown = cut(
    name,
    detail === "" ? room : Math.min(room, Math.max(room * 0.55, room - detail.length * LETTER)),
  );
  const used = [...shown].length * LETTER + 14;
  const rest = room - used;
  /** @type {Shape[]} */
  const shapes = [
    { kind: "rect", x, y, w, h: CHIP, look: "box" },
    { kind: "dot", x: x + 14, y: y + CHIP / 2, look },
    { kind: "text", x: x + 26, y: middle, text: shown, look: "strong" },
    { kind: "text", x: x + w - 10 - bar, y: middle, text: right, look: `tint ${look}`, end: true },
  ];
  if (detail !== "" && rest > 50) {
    shapes.push({
      kind: "text",
      x: x + 26 + used,
      y: middle,
      text: cut(detail, rest),
      look: "quiet",
    });
  }
  if (bar > 0 && parts !== undefined) {
    shapes.push({ kind: "bar", x: x + w - bar, y: y + 9, w: bar - 12, h: 10, parts });
  }
  return shapes;
}

/** The drawing in words, for who cannot see it. @param {Model} model */
export function describe(model) {
  const { wires } = wiresOf(model);
  return wires.map(({ title, left, right }) => {
    const words = [...left, ...right].map((chip) => `${chip.name} ${chip.right}`.trim());
    return `${title}: ${words.join(", ")}`;
  }).join(". ");
}
