/**
 * Paths and globs of `include`: joined to the directory of the file that names them, and matched
 * segment by segment. `*` stands for any characters, `?` for one, `[a-c]` for one of a set; none
 * of them matches a slash or a leading dot, as in a shell.
 *
 * @module
 */

/** The names in a directory, in any order; throws where it cannot be read. */
export type ListDirectory = (path: string) => readonly string[];

/** The directory part of a path as it is written, with its slash; empty: the working directory. */
export function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/** `path` as seen from the directory of `file`. */
export function beside(file: string, path: string): string {
  return path.startsWith("/") ? path : directoryOf(file) + path.replace(/^(\.\/+)+/, "");
}

/** Whether two paths lead to the same file, links aside: `conf.d/../a.toml` is `a.toml`. */
export function sameFile(a: string, b: string): boolean {
  return a === b || normalized(a) === normalized(b);
}

function normalized(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "." || (part === "" && parts.length > 0)) continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== ".." && parts.at(-1) !== "") {
      parts.pop();
    } else parts.push(part);
  }
  return parts.join("/");
}

/** Whether the text has glob characters. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text);
}

/** One segment of a glob as a regular expression. */
function segmentPattern(segment: string): RegExp {
  let pattern = segment.startsWith(".") ? "" : "(?!\\.)";
  for (let i = 0; i < segment.length; i++) {
    const character = segment[i] ?? "";
    const end = character === "[" ? segment.indexOf("]", i + 2) : -1;
    if (character === "*") {
      pattern += ".*";
      // Several stars mean the same as one, and would make the expression slow.
      while (segment[i + 1] === "*") i++;
    } else if (character === "?") pattern += ".";
    else if (end > 0) {
      const set = segment.slice(i + 1, end).replace(/^!/, "^").replace(/[\\\]]/g, "\\$&");
      pattern += `[${set}]`;
      i = end;
    } else pattern += character.replace(/[\\^$.|+(){}[\]]/g, "\\$&");
  }
  try {
    return new RegExp(`^${pattern}$`, "u");
  } catch {
    // A set such as [z-a] matches nothing.
    return /(?!)/;
  }
}

/** The paths that a glob matches, in name order; none where a directory is missing. */
export function expandGlob(glob: string, list: ListDirectory): string[] {
  const segments = glob.split("/");
  let found = [""];
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    const slash = last ? "" : "/";
    if (!isGlob(segment)) {
      found = found.map((path) => path + segment + slash);
      return;
    }
    const pattern = segmentPattern(segment);
    found = found.flatMap((path) =>
      names(path, list).filter((name) => pattern.test(name)).map((name) => path + name + slash)
    );
  });
  // Without a glob in it the last segment was not looked up.
  if (isGlob(segments.at(-1) ?? "")) return found;
  return found.filter((path) => names(directoryOf(path), list).includes(segments.at(-1) ?? ""));
}

function names(directory: string, list: ListDirectory): readonly string[] {
  try {
    return [...list(directory === "" ? "." : directory)].sort((a, b) => a < b ? -1 : a > b ? 1 : 0);
  } catch {
    return [];
  }
}
