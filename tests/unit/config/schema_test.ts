import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { docOf, entriesOf, isRequired, itemOf, unwrap } from "../../../config/introspect.ts";
import { jsonSchema } from "../../../config/json_schema.ts";
import { SITE_SCHEMA } from "../../../config/schema.ts";
import { schemaCommand } from "../../../mod/cli/schema.ts";
import { schemaKeys } from "./schema_keys.ts";
import { FAMILIES, load, router, VALID } from "./fixtures.ts";

type Json = Record<string, unknown>;

Deno.test("every key says what it means, with an example and, but for tables, its range", () => {
  let count = 0;
  for (const [name, schema] of schemaKeys(SITE_SCHEMA)) {
    const doc = docOf(schema);
    assert.ok(doc, `${name} has no documentation`);
    assert.ok(doc.description.length > 20, name);
    assert.equal(doc.examples.length, 1, name);
    const scalar = entriesOf(schema) === undefined && itemOf(schema) === undefined;
    if (scalar) assert.ok(doc.range, `${name} has no range`);
    count++;
  }
  assert.ok(count > 50, `${count} keys`);
});

Deno.test("every example is itself valid", () => {
  for (const [name, schema] of schemaKeys(SITE_SCHEMA)) {
    const example = docOf(schema)?.examples[0];
    const run = unwrap(schema)["~standard"].validate(example);
    assert.ok(!(run instanceof Promise));
    assert.equal(run.issues, undefined, `${name} = ${JSON.stringify(example)}`);
  }
});

Deno.test("only what cannot have a default is required", () => {
  const required = [...schemaKeys(SITE_SCHEMA)].filter(([, schema]) => isRequired(schema));
  assert.deepEqual(required.map(([name]) => name).filter((name) => name.startsWith("vrrp")), [
    "vrrp.name",
    "vrrp.virtual_router_id",
    "vrrp.addresses",
    "vrrp.addresses.address",
    "vrrp.excluded_addresses.address",
    "vrrp.routes.to",
    "vrrp.routes.encap.type",
    "vrrp.routes.nexthops.encap.type",
    "vrrp.rules.priority",
    "vrrp.interface",
    "vrrp.auth.type",
    "vrrp.auth.keys.id",
    "vrrp.auth.keys.key",
    "vrrp.track.interfaces.name",
    "vrrp.track.scripts.name",
    "vrrp.track.processes.name",
    "vrrp.track.files.name",
    "vrrp.track.routes.name",
    "vrrp.track.addresses.name",
    "vrrp.track.bfd.name",
    "vrrp.track.checks.name",
    "vrrp.track.virtual_servers.name",
    "vrrp.unicast.peers",
    "vrrp.unicast.peers.address",
  ]);
});

/** Whether `value` fits a schema of the keywords that ours uses. */
function fits(value: unknown, schema: Json, root: Json): boolean {
  if (typeof schema["$ref"] === "string") {
    const steps = schema["$ref"].replace("#/", "").split("/");
    return fits(value, steps.reduce((node, step) => node[step] as Json, root), root);
  }
  const all = (schema["anyOf"] ?? schema["oneOf"]) as Json[] | undefined;
  if (all !== undefined && !all.some((one) => fits(value, one, root))) return false;
  const actual = Array.isArray(value)
    ? "array"
    : Number.isInteger(value)
    ? "integer"
    : typeof value;
  const type = schema["type"];
  if (type !== undefined && type !== actual && !(type === "number" && actual === "integer")) {
    return false;
  }
  if (Array.isArray(schema["enum"]) && !schema["enum"].includes(value)) return false;
  if (typeof schema["pattern"] === "string" && typeof value === "string") {
    if (!new RegExp(schema["pattern"], "u").test(value)) return false;
  }
  if (typeof value === "number") {
    if (value < Number(schema["minimum"] ?? -Infinity)) return false;
    if (value > Number(schema["maximum"] ?? Infinity)) return false;
  }
  if (Array.isArray(value)) {
    return value.every((item) => fits(item, (schema["items"] ?? {}) as Json, root));
  }
  if (typeof value !== "object" || value === null) return true;
  const properties = (schema["properties"] ?? {}) as Record<string, Json>;
  const required = (schema["required"] ?? []) as string[];
  if (!required.every((key) => Object.hasOwn(value, key))) return false;
  return Object.entries(value).every(([key, item]) => {
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    return known === undefined ? schema["additionalProperties"] !== false : fits(item, known, root);
  });
}

Deno.test("the JSON Schema accepts what halb accepts and refuses what is misspelt", () => {
  const schema = jsonSchema();
  const good = [
    VALID,
    FAMILIES,
    router("version = 2\n"),
    router(""),
    router("priority = { env = 'X' }\n"),
    router("source = { by_host = { edge-a = '192.0.2.1' }, default = '192.0.2.2' }\n"),
    'include = ["conf.d/*.toml"]\n',
  ];
  for (const text of good) assert.ok(fits(parse(text), schema, schema), text);
  const bad = [
    router("priorty = 1\n"),
    router("priority = 256\n"),
    router('priority = "1"\n'),
    router("advertisement_interval = 1\n"),
    router('advertisement_interval = "1 s"\n'),
    router('checksum = "none"\n'),
    router("version = 4\n"),
    router('v2_compatibility = "yes"\n'),
    router('source = "eth0"\n'),
    router("").replace("192.0.2.10/24", "2001:db8::10/1234"),
    router("priority = { by_hosts = {} }\n"),
    router("track.interfaces = [{ weight = 1 }]\n"),
    router("").replace("virtual_router_id", "id"),
    "[agent]\nname = { env = 'X' }\n",
  ];
  for (const text of bad) {
    assert.ok(!fits(parse(text), schema, schema), text);
    assert.equal(load({ "site.toml": text }).ok, false);
  }
});

/** All nodes below `properties`, with their paths. */
function* properties(node: unknown, path: string): Generator<[string, Json]> {
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === "properties") {
      for (const [name, inner] of Object.entries(value as Json)) {
        yield [`${path}.${name}`, inner as Json];
        yield* properties(inner, `${path}.${name}`);
      }
    } else if (key !== "examples" && key !== "default") yield* properties(value, path);
  }
}

Deno.test("halb schema prints an object whose every property is described", () => {
  const schema = JSON.parse(schemaCommand()) as Json;
  assert.equal(schema["type"], "object");
  assert.equal(schema["$schema"], "http://json-schema.org/draft-07/schema#");
  let count = 0;
  for (const [path, node] of properties(schema, "")) {
    assert.equal(typeof node["description"], "string", path);
    assert.equal("kind" in node, false, path);
    count++;
  }
  assert.ok(count > 50);
});
