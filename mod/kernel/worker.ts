/**
 * The kernel plane's Worker: the first message says what to start with, and from then on the
 * thread belongs to the loop.
 *
 * @module
 */

import { runToTheEnd } from "../plane/crash.ts";
import type { KernelStart } from "../plane/start.ts";
import { runKernelPlane } from "./loop.ts";

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = (event: MessageEvent<KernelStart>) => {
  const start = event.data;
  runToTheEnd(start.control, () => runKernelPlane(start));
  self.close();
};
