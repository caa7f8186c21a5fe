/**
 * file: a number in a file of the operator's, as keepalived's track_file: times `weight` it is added
 * to the server's weight. With weight 0 any number but 0 takes the server out. A file that is not
 * there counts as 0.
 *
 * @module
 */

import { failed, type Outcome, passed } from "../outcome.ts";
import { showText } from "../../text/mod.ts";

/** How a number counts. */
export interface FileSettings {
  /** -254 to 254; 0: the number is a switch. */
  readonly weight: number;
  readonly reverse: boolean;
}

/** Bytes of a file that are read: a number and some space. */
export const FILE_LIMIT = 128;

/** The outcome of a look. @param text `null`: there is no file */
export function judgeFile(text: string | null, { weight, reverse }: FileSettings): Outcome {
  const trimmed = text?.trim() ?? "0";
  const output = showText(trimmed);
  if (!/^[+-]?\d{1,6}$/.test(trimmed)) return failed("the file holds no number", { output });
  const value = Number(trimmed);
  const shown = text === null ? "no file" : `${value}`;
  if (weight !== 0) {
    const added = value * weight * (reverse ? -1 : 1) + 0;
    return passed(`${shown}: ${added} to the weight`, {
      output,
      weight: { kind: "add", value: added },
    });
  }
  return (value === 0) !== reverse ? passed(shown, { output }) : failed(shown, { output });
}
