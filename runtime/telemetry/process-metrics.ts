import type { Meter } from "@opentelemetry/api";
import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";

/** Instruments for this process, under the names that Prometheus' own clients use; read when metrics are collected. */
export function observeProcess(meter: Meter): void {
  const gauge = (name: string, description: string, read: () => number | Promise<number>) =>
    meter.createObservableGauge(name, { description }).addCallback(async (result) => result.observe(await read()));
  meter.createObservableCounter("process_cpu_seconds_total", { description: "User and system CPU time in seconds" })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe((user + system) / 1e6);
    });
  gauge("process_resident_memory_bytes", "Resident memory in bytes", () => process.memoryUsage().rss);
  gauge("process_start_time_seconds", "Start of the process in seconds since 1970", () => startSeconds);
  gauge("nodejs_heap_size_total_bytes", "JavaScript heap in bytes", () => process.memoryUsage().heapTotal);
  gauge("nodejs_heap_size_used_bytes", "JavaScript heap in use in bytes", () => process.memoryUsage().heapUsed);
  gauge(
    "nodejs_external_memory_bytes",
    "Memory of buffers and the like in bytes",
    () => process.memoryUsage().external,
  );
  gauge("nodejs_eventloop_lag_seconds", "How late the event loop was when asked, in seconds", eventLoopLag);
  if (canListOpenFiles()) gauge("process_open_fds", "Open file descriptors", openFiles);
}

const startSeconds = performance.timeOrigin / 1000;

async function eventLoopLag(): Promise<number> {
  const asked = performance.now();
  await setImmediate();
  return (performance.now() - asked) / 1000;
}

const openFilesFolder = "/proc/self/fd";

function canListOpenFiles(): boolean {
  try {
    readdirSync(openFilesFolder);
    return true;
  } catch {
    // Not Linux; or Deno, which shows this folder only to a process that may do everything.
    return false;
  }
}

async function openFiles(): Promise<number> {
  // Listing the folder takes one itself.
  return (await readdir(openFilesFolder)).length - 1;
}
