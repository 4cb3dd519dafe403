// A thousand evaluations that ask the host, whose threads are killed again and again in the middle of it.
import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseCapabilities } from "../../../contracts/capabilities.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { garbageCollector } from "../../../runtime/collect-garbage.ts";
import { silentLog } from "../../../runtime/telemetry/log.ts";
import { MemoryKube } from "../../../runtime/testing/memory-kube.ts";
import type { TaskOutcome } from "../guest/protocol.ts";
import { startGuestPool } from "../testing/guest-pool.ts";
import { runnableOf } from "../testing/guests.ts";
import { mortalThreads } from "../testing/mortal-threads.ts";
import { answerQuestions } from "./answers.ts";
import { hostCallAnswerer } from "./dispatch.ts";
import { Collections, type CollectionsLimits } from "./kubernetes/collections.ts";
import { ContextMemory } from "./kubernetes/context-memory.ts";
import { KubernetesHost, type KubernetesQuestion } from "./kubernetes/kubernetes.ts";

const evaluations = 1_000;
const concurrent = 40;
const namespaces = 50;
const killEvery = 45;
const limits: CollectionsLimits = {
  startMs: 30_000,
  staleMs: 60_000,
  silentMs: 60_000,
  maxCollections: 10,
  idleMs: 600_000,
  failureMs: 1,
};

const opened: { close(): void }[] = [];
// Also after a failure: what is open would keep the runtime from ending.
test.after(() => opened.forEach((each) => each.close()));

/** A cluster that takes a moment for each access review, and allows it to those whose name is even. */
class ReviewingKube extends MemoryKube {
  override async create(object: KubeObject): Promise<KubeObject> {
    if (object.kind !== "SubjectAccessReview") return await super.create(object);
    await new Promise((resolve) => setTimeout(resolve, 1));
    const { user } = object.spec as { user: string };
    return { ...object, status: { allowed: Number(user.slice(1)) % 2 === 0 } };
  }
}

/** Counts in a set the listeners for its end that a signal still has; who has the set does not have the signal. */
function watch(signal: AbortSignal): ReadonlySet<unknown> {
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  // Listeners are called once, and are gone then; those that come later are never called.
  addEventListener.call(signal, "abort", () => listeners.clear(), { once: true });
  Object.assign(signal, {
    addEventListener(...args: Parameters<typeof addEventListener>) {
      if (!signal.aborted) listeners.add(args[1]);
      addEventListener.apply(signal, args);
    },
    removeEventListener(...args: Parameters<typeof removeEventListener>) {
      listeners.delete(args[1]);
      removeEventListener.apply(signal, args);
    },
  });
  return listeners;
}

/** How many threads the system runs for this process; 0 where it does not say. */
function systemThreads(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/task").length : 0;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const selection = { label_selector: null, field_selector: null, field_masks: null };
const attributes = { verb: "get", resource: "namespaces", group: null, version: null, name: null, subresource: null };

/** What a policy would be told now: all namespaces, and what some users may do. */
async function toldBy(cluster: KubernetesHost): Promise<string> {
  const questions: KubernetesQuestion[] = [
    { type: "KubernetesListResourceAll", api_version: "v1", kind: "Namespace", ...selection },
    ...["u990", "u993", "u996", "u999"].map((user) => ({
      type: "KubernetesCanI" as const,
      request: { user, groups: null, resource_attributes: { ...attributes, namespace: null } },
      disable_cache: false,
    })),
  ];
  const { signal } = new AbortController();
  const answers = await Promise.all(questions.map((each) => cluster.answer(each, signal)));
  const [list, ...reviews] = answers.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
  const objects = (list.items as unknown[]).map((each) => JSON.stringify(each)).sort();
  return JSON.stringify([objects, reviews]);
}

test("host: threads that die in host calls cost their own evaluation only, and leave nothing behind", async () => {
  const kube = new ReviewingKube();
  for (let index = 0; index < namespaces; index++) {
    await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: `n${index}` } });
  }
  const copies = () => new Collections(kube, { limits, memory: new ContextMemory(1e8), log: silentLog });
  const collections = copies();
  opened.push(collections);
  const cluster = new KubernetesHost(kube, { collections, maxBytes: 1e7 });
  const listeners: ReadonlySet<unknown>[] = [];
  let unanswered = 0;
  const answerHostCall = hostCallAnswerer({
    answer: answerQuestions({
      kubernetes: (question, signal) => {
        listeners.push(watch(signal));
        unanswered++;
        return cluster.answer(question, signal).finally(() => unanswered--);
      },
    }),
    isNamespaced: () => Promise.resolve(true),
    confineNamespacedPolicies: false,
    refused: () => {},
    log: silentLog,
  });
  const before = systemThreads();
  const threads = mortalThreads(killEvery);
  const pool = await startGuestPool({ workers: 3, maxWaiting: 10_000, spawn: threads.spawn, answerHostCall });
  opened.push(pool);
  const runnable = {
    ...await runnableOf("context-aware/policy", { timeoutMs: 60_000 }),
    capabilities: parseCapabilities(["kubernetes/*"]),
    contextAwareResources: [{ apiVersion: "v1", kind: "Namespace" }],
  };
  const request = new AbortController();
  listeners.push(watch(request.signal));
  const evaluate = async (index: number): Promise<[number, TaskOutcome]> => {
    const payload = JSON.stringify({
      request: { namespace: `n${index % (2 * namespaces)}`, userInfo: { username: `u${index}` } },
      settings: index % 3 === 0 ? { mayGetNamespaces: true } : {},
    });
    const task = {
      operation: "validate" as const,
      original: "object" as const,
      payload: new TextEncoder().encode(payload),
    };
    return [index, await pool.run(runnable, task, request.signal)];
  };
  const expected = (index: number): string => {
    if (index % 3 === 0 && index % 2 === 1) return `'u${index}' may not get namespaces`;
    const namespace = index % (2 * namespaces);
    return namespace < namespaces ? "accepted" : `There is no namespace 'n${namespace}'`;
  };

  /** What the policy lists changes meanwhile, but not what it looks for. */
  const changeSomething = async (count: number) => {
    await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: `x${count}` } });
    if (count % 40 === 0) await kube.remove({ apiVersion: "v1", kind: "Namespace", name: `x${count}` });
  };

  let next = 0, lost = 0;
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: concurrent }, async () => {
    while (next < evaluations) {
      const count = next++;
      if (count % 20 === 0) await changeSomething(count);
      const [index, outcome] = await evaluate(count);
      const shown = outcome.kind === "validated"
        ? outcome.answer.accepted ? "accepted" : outcome.answer.message ?? ""
        : outcome.kind === "failed"
        ? outcome.message
        : outcome.kind;
      if (shown === "the sandbox failed: killed") lost++;
      else if (shown !== expected(index)) wrong.push(`${index}: ${shown}`);
    }
  }));
  assert.equal(wrong, []);
  assert.ok(threads.killed() > 10, `${threads.killed()} were killed`);
  assert.is(lost, threads.killed());
  await until("all host calls are over", () => unanswered === 0);
  assert.is(listeners.reduce((sum, { size }) => sum + size, 0), 0, "listeners");
  const fresh = copies();
  const truth = await toldBy(new KubernetesHost(kube, { collections: fresh, maxBytes: 1e7 }));
  await until("what is kept equals what is asked anew", async () => await toldBy(cluster) === truth);
  fresh.close();
  assert.equal(collections.states().map(({ kind, ageMs }) => [kind, ageMs]), [["Namespace", 0]]);
  assert.ok(threads.alive() <= 4, `${threads.alive()} threads`);
  const collectGarbage = garbageCollector();
  const isCollected = () => (collectGarbage(), threads.channels() <= threads.alive());
  await until("nothing keeps the channels of dead threads", isCollected);
  pool.close();
  assert.is(threads.alive(), 0);
  // A runtime may have started a few of its own meanwhile.
  await until("the system's threads are gone", () => systemThreads() <= before + 6);
  collections.close();
  assert.equal(collections.states(), []);
});

test.run();
