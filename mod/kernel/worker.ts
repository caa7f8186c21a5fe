/**
 * The kernel plane's Worker: the first message says what to start with, and from then on the
 * thread belongs to the loop.
 *
 * @module
 */

import type { KernelStart } from "../plane/messages.ts";
import { runKernelPlane } from "./loop.ts";

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = (event: MessageEvent<KernelStart>) => {
  runKernelPlane(event.data);
  self.close();
};
