/** Prints its effective capabilities: ffi_test.ts. */

import { effectiveCapabilities } from "../../ffi/mod.ts";

console.log(JSON.stringify([...effectiveCapabilities()]));
