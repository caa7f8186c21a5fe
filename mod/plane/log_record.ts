/**
 * A line of the log, before anybody knows where it goes.
 *
 * @module
 */

/** A log record from a synchronous plane; control writes it. Rate-limited at the source. */
export interface LogRecord {
  readonly type: "log";
  readonly level: "debug" | "info" | "warning" | "error";
  /** Such as `["vrrp", "web"]` or `["kernel"]`. */
  readonly category: readonly string[];
  readonly message: string;
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
  /** It stands for so many like records that were left out, and for no other. */
  readonly suppressed?: number;
  /** Within how long they came; a record that stands for others has both. */
  readonly repeated?: { readonly seconds: number };
}
