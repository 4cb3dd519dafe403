import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Returns a function that collects all garbage of this thread now, some milliseconds of work. For threads that throw away
 * WebAssembly memories: the engine hardly counts them as garbage worth collecting, however large they have grown.
 */
export function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
