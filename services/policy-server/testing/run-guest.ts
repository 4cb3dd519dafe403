import { guestInput } from "../admission/guest-input.ts";
import { Deadline } from "../guest/deadline.ts";
import type { HostCall } from "../guest/guest.ts";
import { KeptGuests } from "../guest/kept-guests.ts";
import type { GuestTask, TaskOutcome } from "../guest/protocol.ts";
import { performTask } from "../guest/task.ts";
import { compileModule } from "../modules/compile.ts";

export type GuestRun = { outcome: TaskOutcome; printed: string[] };
export type GuestRunOptions = { timeoutMs?: number; hostCall?: HostCall; maxMemoryPages?: number };

/** Runs a module's tasks in this thread, on guests that are kept as a sandbox thread keeps them. */
export async function guestRunner(
  bytes: Uint8Array<ArrayBuffer>,
  { timeoutMs = 5000, hostCall = noHost, maxMemoryPages }: GuestRunOptions = {},
) {
  const bound = maxMemoryPages === undefined ? {} : { maxMemoryPages };
  const { module, metadata } = await compileModule(bytes, { serverVersion: "1.36.0", ...bound });
  const mode = metadata.executionMode;
  const guests = new KeptGuests({ maxBytes: 1 << 27 });
  const perform = (task: GuestTask): GuestRun => {
    const printed: string[] = [];
    const outcome = performTask({ task, mode }, (call) =>
      guests.call({ digest: "d", mode, module }, call, {
        deadline: new Deadline(timeoutMs),
        hostCall,
        write: (text, level = "info") => printed.push(`${level} ${text}`),
        retired: () => {},
      }));
    guests.tidy(() => {});
    return { outcome, printed };
  };
  return {
    mode,
    validate: (request: unknown, settings: unknown = {}): GuestRun => {
      const given = guestInput(mode, { request: JSON.stringify(request), settings: JSON.stringify(settings) });
      return perform({ operation: "validate", ...given, original: "object" });
    },
    validateSettings: (settings: unknown): GuestRun =>
      perform({ operation: "validate_settings", payload: new TextEncoder().encode(JSON.stringify(settings)) }),
    perform,
  };
}

function noHost(): never {
  throw new Error("no host");
}
