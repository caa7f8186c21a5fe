/**
 * The JSON Schema of site.toml, for editors (Taplo, VS Code's Even Better TOML) and for whoever
 * generates configurations. It describes what is written, not what it resolves to; and because
 * each value may be given by `by_host`, `env` or `file` instead, each key but `include` and
 * `agent.name` takes those tables too.
 *
 * Not part of `mod.ts`: the converter is loaded by `halb schema` alone.
 *
 * @module
 */

import { toJsonSchema } from "@valibot/to-json-schema";
import { SITE_SCHEMA } from "./schema.ts";

/** A node of a JSON Schema. */
interface JsonNode {
  [keyword: string]: unknown;
}

/** Where the alternatives to a value are defined. */
const SUBSTITUTION = "#/definitions/substitution";

/** `by_host`, `env`, `file`: what may stand for any value. */
const SUBSTITUTION_SCHEMA: JsonNode = {
  description: "A value that differs by host, or that is kept elsewhere.",
  oneOf: [
    {
      type: "object",
      description: "The value of the agent's own name; a host that is not listed takes `default`.",
      properties: {
        by_host: {
          type: "object",
          description: "Values by agent name.",
          examples: [{ "edge-a": 150, "edge-b": 100 }],
        },
        default: { description: "Value for hosts that are not listed." },
      },
      required: ["by_host"],
      additionalProperties: false,
    },
    {
      type: "object",
      description: "The value of an environment variable.",
      properties: {
        env: { type: "string", description: "Name of the variable.", examples: ["VRRP_KEY"] },
        default: { description: "Value where the variable is not set." },
      },
      required: ["env"],
      additionalProperties: false,
    },
    {
      type: "object",
      description: "The content of a file, without the newline at its end.",
      properties: {
        file: {
          type: "string",
          description: "Path, relative to the file that names it.",
          examples: ["/etc/halb/vrrp.key"],
        },
        default: { description: "Value where there is no such file." },
      },
      required: ["file"],
      additionalProperties: false,
    },
  ],
};

function isNode(value: unknown): value is JsonNode {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Puts the alternatives beside a key's schema; its documentation stays outside. */
function widen(node: JsonNode): JsonNode {
  const { description, examples, default: preset, ...rest } = node;
  return {
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
    ...(examples === undefined ? {} : { examples }),
    anyOf: [rest, { $ref: SUBSTITUTION }],
  };
}

/** The schema as editors want it: our own metadata removed, values widened below `path`. */
function polish(node: JsonNode, path: readonly string[]): JsonNode {
  const { kind: _kind, unit: _unit, range: _range, ...result } = node;
  if (isNode(result["properties"])) {
    const properties: JsonNode = {};
    for (const [key, value] of Object.entries(result["properties"])) {
      const inner = [...path, key];
      const name = inner.join(".");
      const polished = polish(isNode(value) ? value : {}, inner);
      const fixed = path.length === 0 || name === "agent.name" || name === "defaults.vrrp";
      properties[key] = fixed ? polished : widen(polished);
    }
    result["properties"] = properties;
  }
  if (isNode(result["items"])) result["items"] = polish(result["items"], [...path, "[]"]);
  // Items of the top-level lists are tables or paths, not values.
  if (isNode(result["items"]) && path.length > 1) result["items"] = widen(result["items"]);
  if (Array.isArray(result["anyOf"])) {
    result["anyOf"] = result["anyOf"].map((one) => isNode(one) ? polish(one, path) : one);
  }
  return result;
}

/** The JSON Schema (draft 7) of site.toml as a plain object. */
export function jsonSchema(): Record<string, unknown> {
  // Transformations and checks have no counterpart; what matters of them is in the metadata.
  const converted = toJsonSchema(SITE_SCHEMA, { typeMode: "input", errorMode: "ignore" });
  const schema = polish(converted as JsonNode, []);
  // Required keys may come from `[defaults]` or an include: only the agent knows what is missing.
  const relaxed = relax(schema);
  return { ...relaxed, definitions: { substitution: SUBSTITUTION_SCHEMA } };
}

/** Without `required`, except where nothing could supply the key: in a table inside a list. */
function relax(schema: JsonNode): JsonNode {
  const { required: _required, ...rest } = schema;
  const properties = isNode(rest["properties"]) ? rest["properties"] : {};
  const vrrp = isNode(properties["vrrp"]) ? properties["vrrp"] : {};
  const item = isNode(vrrp["items"]) ? vrrp["items"] : {};
  const required = Array.isArray(item["required"])
    ? item["required"].filter((key) => key !== "interface")
    : [];
  return {
    ...rest,
    properties: { ...properties, vrrp: { ...vrrp, items: { ...item, required } } },
  };
}
