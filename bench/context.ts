/**
 * `npm run bench -- context`: a policy that looks through all Services of a cluster at every evaluation, beside one that
 * asks nothing. The cluster is the local one's API server, the policy-server a process of its own.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { startApiServer } from "../local-cluster/api/server.ts";
import { connectKube, type Kube } from "../runtime/kube/kube.ts";
import { exampleUrl } from "../services/policy-server/testing/guests.ts";
import { type PolicyServerProcess, reviewOf, send, startPolicyServerProcess } from "../test/policy-server-process.ts";
import type { RuntimeName } from "../tools/runtimes.ts";

type Sizes = { runtime: RuntimeName; objects: number; evaluations: number };

const policies = {
  context: {
    module: exampleUrl("unique-external-names/policy"),
    hostCapabilities: ["kubernetes/list_resources_all"],
    contextAwareResources: [{ apiVersion: "v1", kind: "Service" }],
  },
  alone: { module: exampleUrl("unique-external-names/policy") },
};
const namespace = "default";

/** Fills a cluster, measures and prints; ends everything it has started. */
export async function benchContext({ runtime, objects, evaluations }: Sizes): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-context-"));
  const api = await startApiServer();
  let server: PolicyServerProcess | undefined;
  try {
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, api.kubeconfig());
    const kube = await connectKube({ kubeconfig });
    await createServices(kube, objects);
    const env = { KUBECONFIG: kubeconfig, KUBEWARDEN_POLICY_TIMEOUT: "30" };
    server = await startPolicyServerProcess({ runtime, policies, env });
    await report(server, { kube, runtime, objects, evaluations });
  } finally {
    await server?.stop();
    await api.stop();
    await rm(folder, { recursive: true });
  }
}

async function report(server: PolicyServerProcess, { kube, runtime, objects, evaluations }: Sizes & { kube: Kube }) {
  const ask = (policy: string, name: string) => verdict(server, policy, name);
  const empty = await memoryMiB(server);
  const started = performance.now();
  if (!await ask("context", "new.example")) throw new Error("a free name was refused");
  const first = performance.now() - started;
  if (await ask("context", nameOf(objects - 1))) throw new Error("a taken name was accepted");
  const few = Math.min(evaluations, 500);
  await measure(few, () => ask("context", "new.example"));
  const alone = await measure(few, () => ask("alone", ""));
  const before = await memoryMiB(server);
  const context = await measure(evaluations, () => ask("context", "new.example"));
  const after = await memoryMiB(server);
  const changing = await whileChanging(kube, () => measure(few, () => ask("context", "new.example")));
  const seen = await measure(50, (round) => changeAndSee(kube, ask, round));
  const ratio = (context.p50 / alone.p50).toFixed(1);
  console.log(`${runtime}: ${objects} Services, ${evaluations} evaluations one after the other
  first one, with the list                ${first.toFixed(0)} ms
  evaluation that looks through all       p50 ${context.p50.toFixed(2)} ms, p99 ${context.p99.toFixed(2)} ms
  the same while Services change          p50 ${changing.p50.toFixed(2)} ms, p99 ${changing.p99.toFixed(2)} ms
  from a change until a verdict shows it  p50 ${seen.p50.toFixed(2)} ms, at most ${seen.max.toFixed(0)} ms
  one that asks nothing                   p50 ${alone.p50.toFixed(2)} ms, p99 ${alone.p99.toFixed(2)} ms (${ratio} x)
  resident memory                         ${empty} MiB at first, ${before} before, ${after} after`);
}

function nameOf(index: number): string {
  return `service-${index}.example.com`;
}

async function createServices(kube: Kube, count: number): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (next < count) await kube.create(service(next++));
  }));
}

function service(index: number): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `service-${index}`, namespace, labels: { app: `app-${index}`, tier: "backend" } },
    spec: { type: "ExternalName", externalName: nameOf(index) },
  };
}

async function verdict(server: PolicyServerProcess, policy: string, externalName: string): Promise<boolean> {
  const spec = externalName === "" ? {} : { externalName };
  const body = reviewOf({ apiVersion: "v1", kind: "Service", metadata: { name: "new", namespace }, spec });
  const answer = await fetch(`${server.url}/validate/${policy}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const { response } = await answer.json() as { response: { allowed: boolean; status?: { message?: string } } };
  const message = response.status?.message ?? "";
  if (!response.allowed && !message.startsWith("There is a Service")) throw new Error(message);
  return response.allowed;
}

type Times = { p50: number; p99: number; max: number };

async function measure(count: number, evaluate: (round: number) => Promise<unknown>): Promise<Times> {
  const times: number[] = [];
  for (let done = 0; done < count; done++) {
    const started = performance.now();
    await evaluate(done);
    times.push(performance.now() - started);
  }
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Gives a Service a new name, and asks until the policy refuses that. */
async function changeAndSee(kube: Kube, ask: (policy: string, name: string) => Promise<boolean>, round: number) {
  const externalName = `changed-${round}.example`;
  await kube.patch({ apiVersion: "v1", kind: "Service", name: "service-0", namespace }, { spec: { externalName } }, {
    type: "merge",
  });
  while (await ask("context", externalName)) continue;
}

/** Changes one Service after the other until the work is done. */
async function whileChanging<T>(kube: Kube, work: () => Promise<T>): Promise<T> {
  let over = false;
  const changing = (async () => {
    for (let round = 0; !over; round++) {
      const ref = { apiVersion: "v1", kind: "Service", name: `service-${round % 10}`, namespace };
      await kube.patch(ref, { metadata: { labels: { round: String(round) } } }, { type: "merge" });
    }
  })();
  try {
    return await work();
  } finally {
    over = true;
    await changing;
  }
}

async function memoryMiB({ readinessUrl }: PolicyServerProcess): Promise<number> {
  const { body } = await send(readinessUrl.replace("/readiness", "/metrics"), { method: "GET" });
  return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(body)?.[1]) / 2 ** 20);
}
