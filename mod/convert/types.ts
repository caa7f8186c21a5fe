/**
 * What the converter passes around: places, lines, statements of a keepalived.conf, and notes on
 * what became of each.
 *
 * @module
 */

/** A line of a file, from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** A line that counts: comments apart, conditions decided, variables replaced. */
export interface Line extends Place {
  readonly text: string;
  /** Comment lines above it, without their `#` or `!`. */
  readonly before: readonly string[];
  /** The comment behind it. */
  readonly behind?: string;
}

/** A keyword with its values, and where it opens a block, what is in there. */
export interface Statement extends Place {
  readonly keyword: string;
  readonly args: readonly string[];
  /** Which of `args` were in quotes, wholly or in part. */
  readonly quoted: readonly boolean[];
  /** `args` as keepalived has them where it takes no escapes. */
  readonly plain: readonly string[];
  /** Absent: no block. */
  children?: Statement[];
  readonly before: readonly string[];
  behind?: string;
}

/**
 * What became of a statement: it has its equivalent (`translated`), or one that is not quite the
 * same (`approximated`); halb does so anyway, or has nothing that the keyword is about
 * (`needless`); the converted site lacks something (`dropped`); it could not be read (`unread`).
 */
export type Verdict = "translated" | "approximated" | "needless" | "dropped" | "unread";

/** What is said of one statement. */
export interface Note extends Place {
  readonly verdict: Verdict;
  /** The keyword as it is written. */
  readonly keyword: string;
  /** Why; absent for what is translated. */
  readonly reason?: string;
  /** What to do instead. */
  readonly instead?: string;
}

/** Files, as the converter sees them. */
export interface ConfigFiles {
  /** The files that a path or glob means, in order; none: an empty list. */
  readonly find: (pattern: string) => readonly string[];
  /** The text of a file. @throws {Error} in words, where it cannot be read */
  readonly read: (path: string) => string;
}

/** What a conversion depends on beside the files. */
export interface ConvertOptions extends ConfigFiles {
  /** The host name without its domain: keepalived's configuration id unless another is given. */
  readonly hostname: string;
  /** Value of an environment variable, or undefined. */
  readonly environment: (name: string) => string | undefined;
  /** Whether the host has such a user. */
  readonly hasUser: (name: string) => boolean;
}
