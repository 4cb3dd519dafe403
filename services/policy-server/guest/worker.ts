import { garbageCollector } from "../../../runtime/collect-garbage.ts";
import { workerPort } from "../../../runtime/worker-port.ts";
import { Deadline } from "./deadline.ts";
import { KeptGuests } from "./kept-guests.ts";
import type { FromWorker, HostRequest, PrintLevel, ToWorker } from "./protocol.ts";
import { callHost, isStopped } from "./sync-channel.ts";
import { performTask } from "./task.ts";

/**
 * A sandbox thread: does one task after the other, each with a guest in the state of a fresh one. Its module graph holds no Kubernetes client,
 * no file access and no secret; what a guest may know of the world comes through the pool.
 */
const port = workerPort();
const modules = new Map<string, WebAssembly.Module>();
const collectGarbage = garbageCollector();
const tolerableGarbageBytes = 64 * 1024 * 1024;
const guests = new KeptGuests({ maxBytes: 64 * 1024 * 1024 });
let garbageBytes = 0;
let channel: SharedArrayBuffer | undefined;

port.onMessage((message) => receive(message as ToWorker));
send({ type: "ready" });

function receive(message: ToWorker): void {
  if (message.type === "channel") channel = message.buffer;
  else perform(message);
}

function perform({ task, digest, mode, module = modules.get(digest), timeoutMs }: ToWorker & { type: "task" }): void {
  const buffer = channel;
  if (module === undefined || buffer === undefined) throw new Error(`No module or channel for the task ${digest}`);
  modules.set(digest, module);
  const deadline = new Deadline(timeoutMs, () => isStopped(buffer));
  const post = (request: HostRequest) => send({ type: "host-call", request });
  let memoryBytes = 0;
  const outcome = performTask({ task, mode }, (call) =>
    guests.call({ digest, mode, module }, call, {
      deadline,
      hostCall: (binding, namespace, operation, payload) =>
        callHost({ buffer, post, deadline }, { binding, namespace, operation, payload }),
      write: boundedPrinter((text, level) => send({ type: "printed", text, level })),
      retired,
      measured: (bytes) => memoryBytes = bytes,
    }));
  send({ type: "done", outcome, memoryBytes });
  guests.tidy(retired);
  if (garbageBytes < tolerableGarbageBytes) return;
  collectGarbage();
  garbageBytes = 0;
}

function retired(memoryBytes: number): void {
  garbageBytes += memoryBytes;
}

function send(message: FromWorker): void {
  port.post(message);
}

/** Lets through what a chatty guest prints, but not what a flood would cost the log. */
function boundedPrinter(print: (text: string, level: PrintLevel) => void): (text: string, level?: PrintLevel) => void {
  let left = 64 * 1024;
  return (text, level = "info") => {
    if (left <= 0) return;
    // Every line costs something of its own, so that empty ones do not come for free.
    left -= text.length + 64;
    print(left > 0 ? text.trimEnd() : "(this guest prints too much, the rest is dropped)", level);
  };
}
