/**
 * `halb convert` beside keepalived on what is found in the wild (tests/lab/sites/ipvs): in the end
 * the same table by `ipvsadm`.
 */

import { lab } from "../lib/mod.ts";
import { compareAll } from "./convert_compare.ts";
import { wildConfigurations } from "./convert_ipvs_sites.ts";

lab(
  "what is found in the wild gives the table that keepalived makes of it",
  (lab) => compareAll(lab, wildConfigurations(lab.directory)),
  { timeoutMs: 600_000 },
);
