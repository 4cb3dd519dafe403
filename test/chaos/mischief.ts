// pure
import { seededRandom } from "../../local-cluster/api/random.ts";

export const controllers = ["certs", "reconciler", "webhook-registrar"] as const;
export type Controller = (typeof controllers)[number];

/** Around a controller's k-th write (from 1); Leases and Events do not count. */
export type Moment = { controller: Controller; k: number; phase: "before" | "after" };

/**
 * Who gets SIGKILL: the replica that makes the write, another one, all of them; the writer whose pod is deleted with it,
 * so that the other one must take over; a policy server.
 */
export type Victim = "writer" | "standby" | "all" | "writer's pod" | "a policy server";

/** What goes wrong at one moment. */
export type Blow =
  | { what: "kill"; victim: Victim }
  /** The API server is gone for so long, its connections break. */
  | { what: "API server restarts"; downMs: number };

/** What goes wrong all the time: the share of the controllers' requests that fail so, or that are late. */
export type Weather = {
  /** Optimistic concurrency lost, although nobody else wrote. */
  conflict: number;
  /** Lists and watches that must start over. */
  gone: number;
  tooMany: number;
  /** Refused before anything happened. */
  failed: number;
  /** Stored, and answered as a failure all the same. */
  failedAfter: number;
  slow: number;
  slowMs: number;
};

export type Mischief = {
  seed: number;
  blows: (Moment & Blow)[];
  weather: Weather;
  /** The controller that has a second replica; one of each in every run would mostly cost time. */
  standbyOf: Controller;
};

export const calm: Weather = { conflict: 0, gone: 0, tooMany: 0, failed: 0, failedAfter: 0, slow: 0, slowMs: 0 };

const victims: readonly Victim[] = ["writer", "standby", "all", "writer's pod", "a policy server"];

/** What a seed stands for, given how many writes each controller makes when nothing goes wrong. */
export function mischiefFor(seed: number, writes: Record<Controller, number>): Mischief {
  const random = seededRandom(seed);
  const one = <T>(of: readonly T[]) => of[random.between(0, of.length - 1)] as T;
  const standbyOf = one(controllers);
  const blow = (): Moment & Blow => {
    const controller = random.chance(0.5) ? standbyOf : one(controllers);
    const moment = {
      controller,
      k: random.between(1, writes[controller]),
      phase: one(["before", "after"] as const),
    };
    return random.chance(0.75)
      ? { ...moment, what: "kill", victim: one(victims) }
      : { ...moment, what: "API server restarts", downMs: random.between(100, 1_500) };
  };
  const blows = Array.from({ length: random.between(1, 3) }, blow);
  const share = (most: number) => random.chance(0.5) ? random.next() * most : 0;
  const weather = {
    conflict: share(0.1),
    gone: share(0.3),
    tooMany: share(0.1),
    failed: share(0.1),
    failedAfter: share(0.1),
    slow: share(0.2),
    slowMs: random.between(50, 800),
  };
  return { seed, blows, weather, standbyOf };
}

/** For a line of the log. */
export function named({ blows, weather, standbyOf }: Mischief): string {
  const blowNames = blows.map((blow) => {
    const what = blow.what === "kill" ? `kill ${blow.victim}` : `API server gone ${blow.downMs} ms`;
    return `${what} ${blow.phase} ${blow.controller}'s write ${blow.k}`;
  });
  const percent = ([name, share]: [string, number]) => `${name} ${Math.round(share * 100)}%`;
  const bad = Object.entries(weather).filter(([name, share]) => name !== "slowMs" && share > 0).map(percent);
  return [`standby of ${standbyOf}`, ...blowNames, ...bad].join(", ");
}
