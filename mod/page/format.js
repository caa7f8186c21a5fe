/**
 * Numbers and times as people read them. Pure.
 *
 * @module
 */
// @ts-check

/** What things are called, by the type of their events. */
export const KIND_WORDS = /** @type {Record<string, string>} */ ({
  vrrp: "router",
  group: "group",
  bfd: "BFD",
  virtual_server: "pool",
  real_server: "server",
  check: "check",
});

const UNITS = /** @type {const} */ ([["d", 86_400], ["h", 3_600], ["min", 60]]);

/**
 * A length of time, two units at most: `4 s`, `2 min 5 s`, `3 h`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  let rest = Math.max(0, Math.floor(ms / 1000));
  const parts = [];
  for (const [unit, seconds] of UNITS) {
    const count = Math.floor(rest / seconds);
    if (count === 0 && parts.length === 0) continue;
    rest -= count * seconds;
    if (count > 0) parts.push(`${count} ${unit}`);
    if (parts.length === 2 || unit === "d" && count > 9) return parts.join(" ");
  }
  if (parts.length === 0 || rest > 0 && parts.length < 2 && !parts[0]?.includes("d")) {
    parts.push(`${rest} s`);
  }
  return parts.join(" ");
}

/**
 * How long ago something was.
 *
 * @param {string | null} time RFC 3339
 * @param {number} now milliseconds since 1970
 */
export function since(time, now) {
  const at = time === null ? NaN : Date.parse(time);
  return Number.isNaN(at) ? "" : duration(now - at);
}

/** @param {number} us microseconds */
export function micros(us) {
  return us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(1)} ms`;
}

/** @param {number} number */
export function whole(number) {
  return Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * Three digits and a power of a thousand: `12.3 k`.
 *
 * @param {number} number
 */
export function short(number) {
  const powers = ["", " k", " M", " G", " T"];
  let power = 0;
  let rest = Math.abs(number);
  while (rest >= 999.5 && power < powers.length - 1) {
    rest /= 1000;
    power++;
  }
  const digits = rest >= 99.95 || power === 0 && Number.isInteger(rest) ? 0 : rest >= 9.995 ? 1 : 2;
  const text = rest.toFixed(digits);
  return `${number < 0 ? "−" : ""}${text}${powers[power]}`;
}

/** @param {number | null} perSecond */
export function rate(perSecond, unit = "") {
  if (perSecond === null) return "–";
  // What a meter shows is no count: a tenth is enough.
  const rounded = perSecond < 100 ? Math.round(perSecond * 10) / 10 : perSecond;
  const text = short(rounded);
  return `${text}${text.includes(" ") || unit === "" ? "" : " "}${unit}/s`;
}

/** @param {number} at milliseconds since 1970 @param {boolean} seconds with seconds */
export function clock(at, seconds = true) {
  const date = new Date(at);
  const parts = [date.getHours(), date.getMinutes(), ...(seconds ? [date.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** Day and time, the day only where it is another one. @param {number} at @param {number} now */
export function moment(at, now) {
  const [date, today] = [new Date(at), new Date(now)];
  if (date.toDateString() === today.toDateString()) return clock(at);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return `${day.map((part) => String(part).padStart(2, "0")).join("-")} ${clock(at)}`;
}
