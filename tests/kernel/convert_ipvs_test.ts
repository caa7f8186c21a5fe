/**
 * `halb convert` beside keepalived: each with its own file in front of the same real servers, and
 * in the end the same table by `ipvsadm`.
 */

import { lab } from "../lib/mod.ts";
import { compareAll } from "./convert_compare.ts";
import { sampleSites } from "./convert_ipvs_sites.ts";

lab(
  "every sample with virtual servers gives the table that keepalived makes of it",
  (lab) => {
    const script = `${lab.directory}/script.sh`;
    Deno.writeTextFileSync(script, "#!/bin/sh\ntest $# = 0\n", { mode: 0o755 });
    return compareAll(lab, sampleSites(script));
  },
  { timeoutMs: 900_000 },
);
