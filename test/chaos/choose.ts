import { seededRandom } from "../../local-cluster/api/random.ts";
import { type Controller, controllers, type Kill } from "./run.ts";

/** The kill that a seed stands for, somewhere among the writes of an undisturbed run. */
export function killFor(seed: number, writes: Record<Controller, number>): Kill {
  const random = seededRandom(seed);
  const controller = controllers[random.between(0, controllers.length - 1)] ?? "reconciler";
  const k = random.between(1, writes[controller]);
  return { controller, k, phase: random.chance(0.5) ? "before" : "after" };
}

export function named({ controller, k, phase }: Kill): string {
  return `${controller} ${phase} its write ${k}`;
}
