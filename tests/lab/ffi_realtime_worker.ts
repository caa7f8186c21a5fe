/** Goes real-time and reports what the kernel says of its thread: ffi_test.ts. */

import { getScheduler, setScheduler } from "../../ffi/mod.ts";

setScheduler("fifo", 50, { resetOnFork: true });
self.postMessage(getScheduler());
