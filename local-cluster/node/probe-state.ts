// pure
import type { Probe } from "../workloads/pod.ts";

/** What a probe has established so far, and how many equal answers came in a row. */
export type ProbeState = { established: boolean | undefined; last?: boolean; inARow: number };

export const freshProbe: ProbeState = { established: undefined, inARow: 0 };

/** Takes one answer in: a verdict changes only after `successThreshold` or `failureThreshold` equal answers in a row. */
export function stepProbe(probe: Probe, state: ProbeState, succeeded: boolean): ProbeState {
  const inARow = state.last === succeeded ? state.inARow + 1 : 1;
  const threshold = succeeded ? probe.successThreshold ?? 1 : probe.failureThreshold ?? 3;
  return { established: inARow >= threshold ? succeeded : state.established, last: succeeded, inARow };
}

/** `httpGet.port`: a number, or the name of one of the container's ports. */
export function probePort(
  port: number | string,
  ports: readonly { name?: string; containerPort: number }[],
): number | undefined {
  return typeof port === "number" ? port : ports.find((each) => each.name === port)?.containerPort;
}
