/**
 * What this program calls itself.
 *
 * @module
 */

import configuration from "../deno.json" with { type: "json" };

/** Version of this build, as deno.json says. */
export const VERSION: string = configuration.version;
