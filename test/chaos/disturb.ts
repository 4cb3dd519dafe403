import { setTimeout } from "node:timers/promises";
import type { RequestSeen, WriteInfo } from "../../local-cluster/api/context.ts";
import { expired, statusErrorOf } from "../../local-cluster/api/failures.ts";
import { seededRandom } from "../../local-cluster/api/random.ts";
import type { LocalCluster } from "../../local-cluster/cluster.ts";
import type { RunningPod } from "../../local-cluster/node/node.ts";
import { StatusError } from "../../local-cluster/schema/status-error.ts";
import { type Controller, controllers, type Mischief, type Moment, type Victim } from "./mischief.ts";

export type Disturbed = {
  /** How many writes each controller made, Leases and Events aside. */
  writes: Record<Controller, number>;
  /** The writes that blows fell on, as `verb resource`; one that was never reached is missing. */
  fell: string[];
  /** How many requests the weather spoilt. */
  spoilt: () => number;
  /** From now on nothing goes wrong; resolves when the API server is there. */
  calmDown(): Promise<void>;
};

const never = { seed: 0, blows: [], weather: undefined } as const;

/** Lets all of it loose on a cluster. */
export function disturb(cluster: LocalCluster, mischief: Mischief | undefined): Disturbed {
  const { seed, blows, weather } = mischief ?? never;
  const random = seededRandom(seed);
  const writes: Record<Controller, number> = { certs: 0, reconciler: 0, "webhook-registrar": 0 };
  const fell: string[] = [];
  let pending = [...blows], spoilt = 0, over = false, restarting = Promise.resolve();

  cluster.api.setOnRequest(async (request) => {
    if (over || !weather || !controllerOf(request)) return;
    const read = ["get", "list", "watch"].includes(request.verb);
    if (random.chance(weather.slow)) await setTimeout(random.between(1, weather.slowMs));
    for (const [share, failure] of [[weather.tooMany, tooMany], [weather.failed, failed]] as const) {
      if (random.chance(share)) spoil(failure());
    }
    if (!read && random.chance(weather.conflict)) spoil(conflict());
    if (["list", "watch"].includes(request.verb) && random.chance(weather.gone)) spoil(expired("started over"));
  });
  cluster.api.setOnWrite((write) => {
    const controller = controllerOf(write);
    if (over || !controller || /^(leases|events)\b/.test(write.resource)) return;
    if (write.phase === "before") writes[controller]++;
    // At the k-th write or the first after it: the k-th itself may be refused, or overtaken by one beside it.
    const due = pending.filter(({ k, phase, ...at }) =>
      at.controller === controller && k <= writes[controller] && phase === write.phase
    );
    pending = pending.filter((each) => !due.includes(each));
    for (const blow of due) {
      fell.push(`${blow.phase} ${write.verb} ${write.resource}: ${blow.what === "kill" ? blow.victim : blow.what}`);
      if (blow.what === "kill") kill(blow.victim, { ...blow, pod: write.pod });
      else restarting = restarting.then(() => restart(blow.downMs));
    }
    if (weather && write.phase === "after" && random.chance(weather.failedAfter)) spoil(failed());
  });
  return {
    writes,
    fell,
    spoilt: () => spoilt,
    async calmDown() {
      over = true;
      await restarting;
    },
  };

  function spoil(error: StatusError): never {
    spoilt++;
    throw error;
  }

  function kill(victim: Victim, { controller, phase, pod }: Moment & { pod: string | undefined }): void {
    const replicas = cluster.node.pods().filter(({ labels }) => Object.values(labels).includes(controller));
    const writer = replicas.filter(({ name }) => name === pod);
    const others = replicas.filter(({ name }) => name !== pod);
    const servers = cluster.node.pods().filter(({ labels }) => "kubewarden/policy-server" in labels);
    const dying = victim === "standby"
      ? others
      : victim === "all"
      ? replicas
      : victim === "a policy server"
      ? servers.slice(0, 1)
      : writer;
    for (const pid of dying.flatMap(({ pids }) => pids)) process.kill(pid, "SIGKILL");
    if (victim === "writer's pod") { for (const each of writer) forget(cluster, each); }
    // Killed before its write: the write must not happen.
    if (phase === "before" && dying.some(({ name }) => name === pod)) {
      throw new Error("the client was killed before this write");
    }
  }

  async function restart(downMs: number): Promise<void> {
    await cluster.api.setAvailable(false);
    await setTimeout(downMs);
    await cluster.api.setAvailable(true);
  }
}

function controllerOf({ user }: RequestSeen | WriteInfo): Controller | undefined {
  return controllers.find((each) => user === `system:serviceaccount:kubewarden:${each}`);
}

/** The pod's object goes as if its node had been lost and cleaned up: nobody with its name comes back. */
function forget({ api }: LocalCluster, { name, namespace }: RunningPod): void {
  const pod = api.storage.get("pods", name, namespace);
  if (pod) api.storage.remove("pods", pod);
}

function conflict(): StatusError {
  return new StatusError(
    409,
    "Conflict",
    "the object has been modified; please apply your changes to the latest version",
  );
}

function tooMany(): StatusError {
  const details = { retryAfterSeconds: 1 };
  return new StatusError(429, "TooManyRequests", "Too many requests, please try again later.", details);
}

function failed(): StatusError {
  return statusErrorOf(new Error("etcdserver: request timed out"));
}
