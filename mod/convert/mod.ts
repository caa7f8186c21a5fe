/**
 * From keepalived.conf to site.toml: text in, text and a report out.
 *
 * @module
 */

export { convert, type Converted } from "./convert.ts";
export { countNotes, type Counts, countsText, noteText, remarkable } from "./summary.ts";
export type { ConvertOptions, Note, Verdict } from "./types.ts";
