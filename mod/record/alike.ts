/**
 * Inputs and decisions as they are recorded, and whether two are alike.
 *
 * @module
 */

type Fields = Readonly<Record<string, unknown>>;

/** A copy without generations, whose times count from `now`. */
export function relative(value: unknown, now: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => relative(one, now));
  const copy: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    if (key === "generation" || field === undefined) continue;
    copy[key] = key === "at" && typeof field === "number" ? field - now : relative(field, now);
  }
  return copy;
}

/** Whether `relative(live, now)` would be what is recorded; makes nothing. */
export function isAlike(recorded: unknown, live: unknown, now: number): boolean {
  if (typeof live !== "object" || live === null) return recorded === live;
  if (typeof recorded !== "object" || recorded === null) return false;
  if (Array.isArray(live)) {
    if (!Array.isArray(recorded) || recorded.length !== live.length) return false;
    for (let i = 0; i < live.length; i++) {
      if (!isAlike(recorded[i], live[i], now)) return false;
    }
    return true;
  }
  if (Array.isArray(recorded)) return false;
  const [one, other] = [recorded as Fields, live as Fields];
  for (const key in other) {
    if (key === "generation") continue;
    const field = other[key];
    if (key === "at" && typeof field === "number") {
      if (one[key] !== field - now) return false;
    } else if (!isAlike(one[key], field, now)) return false;
  }
  for (const key in one) {
    if (other[key] === undefined) return false;
  }
  return true;
}
