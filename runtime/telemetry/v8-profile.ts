// pure
import type { CallFrame, Measured } from "./pprof-types.ts";

/** What `Profiler.stop` answers; ids of samples are ids of nodes, times are microseconds. */
export type CpuProfile = {
  nodes: readonly { id: number; callFrame: CallFrame; children?: readonly number[] }[];
  samples?: readonly number[];
  timeDeltas?: readonly number[];
};

/** What `HeapProfiler.getSamplingProfile` answers: bytes that are alive, by where they were allocated. */
export type HeapNode = { callFrame: CallFrame; selfSize: number; children: readonly HeapNode[] };

/** Samples and nanoseconds by stack. Time without work is left out: a CPU profile tells of the CPU. */
export function cpuSamples({ nodes, samples = [], timeDeltas = [] }: CpuProfile, thread: string): Measured[] {
  const counts = new Map<number, { samples: number; us: number }>();
  for (const [index, id] of samples.entries()) {
    const count = counts.get(id) ?? { samples: 0, us: 0 };
    // The first tells how long it took to begin.
    const us = index === 0 ? 0 : Math.max(0, timeDeltas[index] ?? 0);
    counts.set(id, { samples: count.samples + 1, us: count.us + us });
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  return [...counts].flatMap(([leaf, { samples, us }]) => {
    const stack: CallFrame[] = [];
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
      const frame = byId.get(id)?.callFrame;
      if (frame && frame.functionName !== "(root)") stack.push(frame);
    }
    const idle = stack.length === 0 || stack[0]?.functionName === "(idle)";
    return idle ? [] : [{ stack, values: [samples, us * 1000], thread }];
  });
}

/** Bytes by stack. */
export function heapSamples(root: HeapNode, thread: string): Measured[] {
  const measured: Measured[] = [];
  const open: { node: HeapNode; above: readonly CallFrame[] }[] = [{ node: root, above: [] }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { node: { callFrame, selfSize, children }, above } = next;
    const stack = callFrame.functionName === "(root)" ? above : [callFrame, ...above];
    if (selfSize > 0 && stack.length > 0) measured.push({ stack, values: [selfSize], thread });
    for (const node of children) open.push({ node, above: stack });
  }
  return measured;
}
