/**
 * What the flight recorder keeps: events, how many of them are folded into one, who asks for which.
 *
 * @module
 */

export {
  EVENT_TYPES,
  type EventDetails,
  type EventDraft,
  type EventLevel,
  eventLine,
  type EventType,
  type FlightEvent,
  readEvent,
  trimmed,
} from "./event.ts";
export { Folder, type Repeated } from "./fold.ts";
export { isAbout, isAfter, isSelected, newest, type Place, type Selection } from "./select.ts";
