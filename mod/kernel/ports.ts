/**
 * Where the kernel plane's messages go, and what it uses of the shared memory.
 *
 * @module
 */

import type { KernelToControl, KernelToProtocol } from "../plane/messages.ts";
import type { Pulse } from "./gate.ts";

/** Where the plane's messages go. */
export interface KernelPorts {
  control(message: KernelToControl): void;
  protocol(message: KernelToProtocol): void;
  /** The protocol plane was restarted and listens here. */
  reconnect(port: MessagePort): void;
}

/** What the plane uses of the shared memory (`SharedWords`). */
export interface KernelWords extends Pulse {
  beatKernel(): void;
}
