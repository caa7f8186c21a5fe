/**
 * Values that differ from host to host or must not stand in the file: `{ by_host = { … } }`,
 * `{ env = "NAME" }`, `{ file = "PATH" }`, each as a table's sole key, with a `default` beside it
 * if wanted. They are replaced before validation, so that the schema sees only the value; the
 * value of a file or variable is marked as one that no message may show.
 *
 * @module
 */

import type { Report } from "./finding.ts";
import { beside } from "./glob.ts";
import { type FileAccess, readFailure } from "./include.ts";
import { nearest } from "./nearest.ts";
import { secretAt } from "./secrets.ts";
import { readableByOthers, untrusted } from "./security.ts";
import {
  FAILED,
  keyPlace,
  type Place,
  plant,
  shown,
  type TableNode,
  type TreeNode,
  valuePlace,
  writeKey,
} from "./tree.ts";

/** What substitution depends on. */
export interface SubstituteOptions extends FileAccess {
  /** The agent's name: `by_host` selects by it. */
  readonly name: string;
  /** Value of an environment variable, or undefined. */
  readonly environment: (key: string) => string | undefined;
}

/** Longest value out of a file, in UTF-16 units. */
const LONGEST_VALUE = 64 * 1024;

/** The words that replace a table by a value. */
const WORDS: readonly string[] = ["by_host", "env", "file"];

/** The word of a substitution table, or undefined for any other table. */
export function substitutionWord(node: TableNode): string | undefined {
  const keys = [...node.entries.keys()].filter((key) => key !== "default");
  const word = keys[0];
  return keys.length === 1 && word !== undefined && WORDS.includes(word) ? word : undefined;
}

/** Replaces substitution tables in a tree. */
class Substituter {
  readonly #options: SubstituteOptions;
  readonly #report: Report;

  constructor(options: SubstituteOptions, report: Report) {
    this.#options = options;
    this.#report = report;
  }

  /** The tree with values, or {@link FAILED}, in place of substitutions. */
  resolve(node: TreeNode): TreeNode {
    if (node.kind === "scalar") return node;
    if (node.kind === "list") {
      return { ...node, items: node.items.map((item) => this.resolve(item)) };
    }
    const word = substitutionWord(node);
    return word === undefined ? this.resolveEntries(node) : this.#substitute(node, word);
  }

  /** A table that is none of the substitutions. */
  resolveEntries(node: TableNode): TableNode {
    const entries = new Map<string, TreeNode>();
    for (const [key, entry] of node.entries) entries.set(key, this.resolve(entry));
    return { ...node, entries };
  }

  #substitute(node: TableNode, word: string): TreeNode {
    const operand = node.entries.get(word) ?? node;
    const preset = node.entries.get("default");
    if (word === "by_host") return this.#byHost(node, operand, preset);
    if (operand.kind !== "scalar" || typeof operand.value !== "string" || operand.value === "") {
      const [kind, example] = word === "env"
        ? ["the name of an environment variable", "VRRP_KEY"]
        : ["the path of a file", "/etc/halb/vrrp.key"];
      return this.#fail(operand, `Invalid \`${word}\`: ${shown(operand)} is not ${kind}`, {
        advice: `write \`{ ${word} = "${example}" }\``,
      });
    }
    return word === "env"
      ? this.#environment(node, operand, operand.value, preset)
      : this.#file(node, operand, operand.value, preset);
  }

  #byHost(node: TableNode, operand: TreeNode, preset: TreeNode | undefined): TreeNode {
    if (operand.kind !== "table") {
      return this.#fail(operand, `Invalid \`by_host\`: ${shown(operand)} is not a table of hosts`, {
        advice: "write `{ by_host = { edge-a = …, edge-b = … } }`",
      });
    }
    const { name } = this.#options;
    const chosen = operand.entries.get(name) ?? preset;
    if (chosen !== undefined) return this.#adopt(node, chosen);
    const hosts = [...operand.entries.keys()];
    const listed = hosts.length === 0 ? "nobody" : hosts.map(writeKey).join(", ");
    const first = name.split(".")[0] ?? name;
    const near = nearest(name, hosts);
    const advice = name !== first && operand.entries.get(first)?.kind === "table"
      ? `put the name in quotes: \`"${name}" = …\``
      : near !== undefined && writeKey(near) === near && name.toLowerCase() === near.toLowerCase()
      ? `write \`${writeKey(name)}\` instead of \`${near}\``
      : `add \`${writeKey(name)} = …\` here, or \`default = …\` beside \`by_host\`, ` +
        "or give the agent one of these names (`--name`)";
    const message = `Host ${writeKey(name)} is not listed here, only ${listed}`;
    return this.#fail(operand, message, { advice, place: keyPlace(operand) });
  }

  #environment(
    node: TableNode,
    operand: TreeNode,
    key: string,
    preset: TreeNode | undefined,
  ): TreeNode {
    let value: string | undefined;
    try {
      value = this.#options.environment(key);
    } catch {
      // A name that no variable can have, with a NUL or an equals sign.
      value = undefined;
    }
    if (value !== undefined) {
      return this.#secret(node, operand, value, `the value of the environment variable ${key}`);
    }
    if (preset !== undefined) return this.#adopt(node, preset);
    return this.#fail(operand, `The environment variable ${key} is not set`, {
      advice: `set it, or write \`{ env = ${JSON.stringify(key)}, default = "…" }\``,
    });
  }

  #file(
    node: TableNode,
    operand: TreeNode,
    name: string,
    preset: TreeNode | undefined,
  ): TreeNode {
    const path = beside(node.source.name, name);
    const { security, readText } = this.#options;
    const reason = security === undefined ? undefined : untrusted(path, security);
    if (reason !== undefined) {
      return this.#fail(operand, `Refusing ${path}: ${reason}`, {
        advice: "only root and the agent's own user may be able to write it",
      });
    }
    const secret = secretAt(node.keyPath);
    const exposed = secret === undefined || security === undefined
      ? undefined
      : readableByOthers(path, security);
    if (exposed !== undefined) {
      return this.#fail(operand, `Refusing ${path} for ${secret}: ${exposed}`, {
        advice:
          `only the agent may be able to read it: \`chmod 0600 ${path}\` where it runs as root, ` +
          `\`chown root:halb ${path} && chmod 0640 ${path}\` where it runs as the package's user`,
      });
    }
    let text: string;
    try {
      text = readText(path);
    } catch (error) {
      const missing = error instanceof Error && error.name === "NotFound";
      if (missing && preset !== undefined) return this.#adopt(node, preset);
      return this.#fail(operand, `Cannot read ${path}: ${readFailure(error)}`);
    }
    if (text.length > LONGEST_VALUE) {
      return this.#fail(operand, `${path} is longer than ${LONGEST_VALUE} characters`);
    }
    return this.#secret(node, operand, text.replace(/\r?\n$/, ""), `the content of ${path}`);
  }

  /** What `by_host` or `default` chose, under the key of the whole substitution. */
  #adopt(node: TableNode, chosen: TreeNode): TreeNode {
    return { ...this.resolve(chosen), keyPath: node.keyPath };
  }

  #secret(node: TableNode, operand: TreeNode, value: string, secret: string): TreeNode {
    const { source, path } = operand;
    return { ...plant(source, value, path), keyPath: node.keyPath, secret };
  }

  #fail(
    operand: TreeNode,
    message: string,
    more: { advice?: string; place?: Place } = {},
  ): TreeNode {
    this.#report({ place: valuePlace(operand), message, ...more });
    const { source, path, keyPath } = operand;
    return { source, path, keyPath, kind: "scalar", value: FAILED };
  }
}

/** `table` with its substitutions replaced; those that cannot be are reported. */
export function substitute(
  table: TableNode,
  options: SubstituteOptions,
  report: Report,
): TableNode {
  return new Substituter(options, report).resolveEntries(table);
}
