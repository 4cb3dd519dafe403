import { KubewardenError } from "../../contracts/errors.ts";
import { type InspectedThread, type Inspector, openInspector } from "./inspector.ts";
import { type Log, silentLog } from "./log.ts";
import { pprofOf } from "./pprof.ts";
import { sleep } from "../sleep.ts";
import { type CpuProfile, cpuSamples, type HeapNode, heapSamples } from "./v8-profile.ts";

// Live memory is sampled all the time; finer would cost more than a server should pay for it.
const heapSampleBytes = 512 * 1024;

/** Profiles of this process's JavaScript as gzipped pprof; on Node with its worker threads, on Deno without. */
export class Profiling {
  readonly #inspector: Inspector;
  readonly #log: Log;
  #busy = false;

  private constructor(inspector: Inspector, log: Log) {
    this.#inspector = inspector;
    this.#log = log;
  }

  /** From now on memory is sampled. */
  static async start(log = silentLog): Promise<Profiling> {
    const sample = (thread: InspectedThread) => {
      thread.send("HeapProfiler.startSampling", { samplingInterval: heapSampleBytes })
        .catch((error) => log.debug("a thread's memory is not sampled", { error, thread: thread.name }));
    };
    return new Profiling(await openInspector(sample), log);
  }

  /** Where time goes for a while. Throws PROFILE_RUNNING while another one is taken, the signal's reason when aborted. */
  async cpu({ seconds, hz, signal }: { seconds: number; hz: number; signal: AbortSignal }) {
    signal.throwIfAborted();
    if (this.#busy) {
      throw new KubewardenError("PROFILE_RUNNING", "Cannot profile the CPU: another profile is being taken");
    }
    this.#busy = true;
    try {
      const at = new Date();
      const threads = await this.#each(this.#inspector.threads(), async (thread) => {
        await thread.send("Profiler.enable");
        await thread.send("Profiler.setSamplingInterval", { interval: Math.round(1e6 / hz) });
        await thread.send("Profiler.start");
        return thread;
      });
      const aborted = await sleep(seconds * 1000, signal).then(() => false, () => true);
      const samples = await this.#each(threads, async (thread) => {
        const { profile } = await thread.send("Profiler.stop") as { profile: CpuProfile };
        await thread.send("Profiler.disable");
        return aborted ? [] : cpuSamples(profile, thread.name);
      });
      signal.throwIfAborted();
      return pprofOf(samples.flat(), {
        types: [["samples", "count"], ["cpu", "nanoseconds"]],
        period: { type: ["cpu", "nanoseconds"], value: Math.round(1e9 / hz) },
        at,
        durationNs: seconds * 1e9,
      });
    } finally {
      this.#busy = false;
    }
  }

  /** What is alive of what was allocated since the start, by sampling. */
  async heap(): Promise<Uint8Array<ArrayBuffer>> {
    const samples = await this.#each(this.#inspector.threads(), async (thread) => {
      const { profile } = await thread.send("HeapProfiler.getSamplingProfile") as { profile: { head: HeapNode } };
      return heapSamples(profile.head, thread.name);
    });
    return pprofOf(samples.flat(), {
      types: [["inuse_space", "bytes"]],
      period: { type: ["space", "bytes"], value: heapSampleBytes },
      at: new Date(),
    });
  }

  close(): void {
    this.#inspector.close();
  }

  /** A thread that does not answer, or ends meanwhile, is left out: a profile of the others is still of use. */
  async #each<T>(threads: readonly InspectedThread[], work: (thread: InspectedThread) => Promise<T>): Promise<T[]> {
    const outcomes = await Promise.all(threads.map(async (thread) => {
      try {
        return [await work(thread)];
      } catch (error) {
        this.#log.warn("A thread is left out of a profile", { error, thread: thread.name });
        return [];
      }
    }));
    return outcomes.flat();
  }
}
