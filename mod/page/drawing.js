/**
 * Draws the topology and the timeline.
 *
 * @module
 */

import { el, svg } from "./dom.js";
import { clock, KIND_WORDS, moment } from "./format.js";
import { lanesOf, marksOf, ticksOf } from "./timeline.js";
import { cut, describe, layout } from "./topology.js";

/** Lanes of the timeline. */
const MOST_LANES = 14;
const LANE = 24;

/** @param place where it is drawn; its width is the drawing's */
export function drawTopology(place, model) {
  const width = Math.max(280, place.clientWidth);
  const { height, shapes } = layout(model, width);
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    height,
    role: "img",
    "aria-label": describe(model),
  });
  for (const shape of shapes) drawing.append(...drawn(shape));
  place.replaceChildren(drawing);
}

function drawn({ kind, x, y, w = 0, h = 0, text = "", look, end, parts = [] }) {
  switch (kind) {
    case "rect":
      return [svg("rect", { x, y, width: w, height: h, rx: 5, class: look })];
    case "line":
      return [svg("line", { x1: x, y1: y, x2: x + w, y2: y + h, class: look })];
    case "dot":
      return [svg("circle", { cx: x, cy: y, r: 5, class: `mark ${look}` })];
    case "bar": {
      const all = parts.reduce((sum, [, count]) => sum + count, 0);
      let at = x;
      return parts.filter(([, count]) => count > 0).map(([state, count]) => {
        const width = w * count / all;
        const part = svg("rect", {
          x: at,
          y,
          width: Math.max(1, width - 1),
          height: h,
          class: `mark state-${state}`,
        });
        at += width;
        return part;
      });
    }
    default:
      return [svg("text", { x, y, class: look, "text-anchor": end ? "end" : null }, text)];
  }
}

/**
 * @param events oldest first
 * @param present how things stand now
 * @param window `from`, `to`: milliseconds since 1970 by the agent's clock
 */
export function drawTimeline(place, events, present, { from, to }) {
  const width = Math.max(280, place.clientWidth);
  const narrow = width < 640;
  const { lanes, left } = lanesOf(events, present, { from, to, most: MOST_LANES });
  if (lanes.length === 0) {
    place.replaceChildren(el("p", { class: "quiet" }, "Nothing has a state yet."));
    return;
  }
  const start = narrow ? 112 : 230;
  const end = width - 14;
  const scale = (at) => start + (end - start) * (at - from) / (to - from);
  const bottom = 10 + lanes.length * LANE;
  const height = bottom + (left > 0 ? 40 : 24);
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    height,
    role: "img",
    "aria-label": spoken(lanes),
  });
  const offset = -new Date(to).getTimezoneOffset() * 60_000;
  for (const at of ticksOf(from, to, narrow ? 4 : 8, offset)) {
    const x = scale(at);
    drawing.append(svg("line", { x1: x, y1: 6, x2: x, y2: bottom, class: "thin" }));
    const text = clock(at, to - from < 600_000);
    if (x > start + 20 && x < end - 20) {
      drawing.append(
        svg("text", { x, y: bottom + 15, class: "quiet", "text-anchor": "middle" }, text),
      );
    }
  }
  lanes.forEach((lane, i) =>
    drawing.append(...laneOf(lane, 10 + i * LANE, { start, scale, narrow }))
  );
  for (const { at, text } of marksOf(events, from)) {
    const x = scale(at);
    const line = svg("line", { x1: x, y1: 4, x2: x, y2: bottom, class: "event" });
    line.append(svg("title", {}, `${moment(at, to)} ${text}`));
    drawing.append(line);
  }
  if (left > 0) {
    drawing.append(
      svg("text", { x: 12, y: bottom + 32, class: "quiet" }, `and ${left} more that changed less`),
    );
  }
  place.replaceChildren(drawing);
}

function laneOf({ type, name, spans }, y, { start, scale, narrow }) {
  const kind = KIND_WORDS[type] ?? type;
  const kindWidth = narrow ? 0 : 60;
  const shapes = [
    ...(narrow ? [] : [svg("text", { x: 12, y: y + 15, class: "quiet" }, kind)]),
    svg(
      "text",
      { x: 12 + kindWidth, y: y + 15, class: "strong" },
      cut(name, start - 24 - kindWidth),
    ),
  ];
  for (const { from, to, state, cause } of spans) {
    const [x, after] = [scale(from), scale(to)];
    const width = Math.max(1, after - x - 0.5);
    const rect = svg("rect", {
      x,
      y: y + 3,
      width,
      height: LANE - 8,
      class: `span state-${state}`,
    });
    const times = `${clock(from)} to ${clock(to)}`;
    rect.append(svg("title", {}, `${name}: ${state}, ${times}${cause === "" ? "" : `: ${cause}`}`));
    shapes.push(rect);
  }
  return shapes;
}

/** The timeline in words. */
function spoken(lanes) {
  return `Timeline. ${
    lanes.map(({ type, name, changes, spans }) => {
      const state = spans[spans.length - 1]?.state ?? "unknown";
      return `${KIND_WORDS[type] ?? type} ${name}: ${state}, ${changes} changes`;
    }).join("; ")
  }. Each change is in the list of events below.`;
}
