/**
 * Entry of the protocol plane's Worker: takes its start message, makes its thread a real-time one,
 * and enters the loop, which does not return before the agent stops.
 *
 * @module
 */

import {
  bindSymbols,
  setAffinity,
  setScheduler,
  SystemError,
  useDescriptorRegistry,
} from "../../ffi/mod.ts";
import { runToTheEnd } from "../plane/crash.ts";
import type { LogRecord } from "../plane/messages.ts";
import type { ProtocolStart } from "../plane/start.ts";
import { rehearseBfd } from "./bfd_rehearsal.ts";
import { ProtocolLoop } from "./loop.ts";
import { rehearse } from "./rehearsal.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ProtocolStart>) => void) | null;
  close(): void;
};

// While nobody has told us to start: the main thread still reads its configuration.
bindSymbols();
rehearse();

scope.onmessage = ({ data: start }) => {
  scope.onmessage = null;
  runToTheEnd(start.control, () => {
    useDescriptorRegistry(start.registry);
    // Not where peers wait for a plane that has died.
    if (start.bfd === true && start.snapshot === undefined) rehearseBfd();
    new ProtocolLoop(start, becomeRealtime(start)).run();
  });
  start.control.close();
  start.kernel.close();
  scope.close();
};

/** Real-time scheduling for this thread alone; without the privilege we say so and go on. */
function becomeRealtime(start: ProtocolStart): { policy: string; priority: number } {
  const { policy, priority, cpus } = start.realtime;
  try {
    if (cpus.length > 0) setAffinity(cpus);
    if (policy === "other") return { policy, priority: 0 };
    setScheduler(policy, priority, { resetOnFork: true });
    return { policy, priority };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const record: LogRecord = {
      type: "log",
      level: "warning",
      category: ["protocol"],
      message: `No real-time scheduling: ${error.message}`,
    };
    start.control.postMessage(record);
    return { policy: "other", priority: 0 };
  }
}
