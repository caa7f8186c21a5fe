/**
 * Writes docs/reference.md, every key of site.toml, out of the schema.
 *
 * Usage: `deno run -A scripts/reference.ts > docs/reference.md && deno fmt docs/reference.md`
 *
 * @module
 */

import { type KeyReference, reference, type SectionReference } from "../config/reference.ts";

const HEAD = `# Reference of site.toml

Made by \`scripts/reference.ts\` out of the schema that the agent itself reads by, which
\`halb schema\` prints for editors. Durations are texts with a unit (\`"100ms"\`, \`"5m"\`). In place of
any value may stand \`{ by_host = { NAME = VALUE }, default = VALUE }\`, \`{ env = "VARIABLE" }\` or
\`{ file = "PATH" }\`. Unknown keys are errors.
`;

function anchor({ path }: Pick<SectionReference, "path">): string {
  return path === "" ? "the-file-itself" : path.replaceAll(".", "-");
}

/** No character of an example is markup. */
function quoted(text: string): string {
  return text.replace(/ Example: (.*)\.$/s, " Example: `$1`.");
}

function keyText({ name, kind, text, required, preset, section }: KeyReference): string {
  const facts = [kind];
  if (required) facts.push("**required**");
  if (preset !== null) facts.push(`default \`${preset}\``);
  const more = section === null ? "" : ` Its keys: [${section}](#${anchor({ path: section })}).`;
  return `- **\`${name}\`** (${facts.join(", ")}): ${quoted(text)}${more}`;
}

function titleOf({ path, title }: SectionReference): string {
  return path === "" ? title : `\`${title}\``;
}

function sectionText(section: SectionReference): string {
  const keys = section.keys.map(keyText).join("\n");
  return `## <a id="${anchor(section)}"></a>${titleOf(section)}\n\n${
    quoted(section.text)
  }\n\n${keys}\n`;
}

/** The page, not yet formatted. */
export function referencePage(): string {
  const sections = reference();
  const contents = sections.map((one) => `[${titleOf(one)}](#${anchor(one)})`).join(",\n");
  return [HEAD, `${contents}\n`, ...sections.map(sectionText)].join("\n");
}

if (import.meta.main) console.log(referencePage());
