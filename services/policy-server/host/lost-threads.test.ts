// A thousand evaluations that ask the host, whose threads are killed again and again in the middle of it.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseCapabilities } from "../../../contracts/capabilities.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { silentLog } from "../../../runtime/log.ts";
import { MemoryKube } from "../../../runtime/testing/memory-kube.ts";
import { GuestPool, type GuestWorker, type WorkerEvents } from "../guest/pool.ts";
import type { TaskOutcome } from "../guest/protocol.ts";
import { spawnGuestWorker } from "../guest/spawn.ts";
import { runnableOf } from "../testing/guests.ts";
import { answerQuestions } from "./answers.ts";
import { hostCallAnswerer } from "./dispatch.ts";
import { Collections } from "./kubernetes/collections.ts";
import { ContextMemory } from "./kubernetes/context-memory.ts";
import { KubernetesHost } from "./kubernetes/kubernetes.ts";

const evaluations = 1_000;
const concurrent = 40;
const namespaces = 50;
const killEvery = 45;

/** A cluster that takes a moment for each access review, and allows it to those whose name is even. */
class ReviewingKube extends MemoryKube {
  override async create(object: KubeObject): Promise<KubeObject> {
    if (object.kind !== "SubjectAccessReview") return await super.create(object);
    await new Promise((resolve) => setTimeout(resolve, 1));
    const { user } = object.spec as { user: string };
    return { ...object, status: { allowed: Number(user.slice(1)) % 2 === 0 } };
  }
}

/** Which listeners for its end a signal still has. */
function watched(signal: AbortSignal): () => number {
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  Object.assign(signal, {
    addEventListener(...args: Parameters<typeof addEventListener>) {
      listeners.add(args[1]);
      addEventListener.apply(signal, args);
    },
    removeEventListener(...args: Parameters<typeof removeEventListener>) {
      listeners.delete(args[1]);
      removeEventListener.apply(signal, args);
    },
  });
  // Listeners are called once, and are gone then.
  return () => signal.aborted ? 0 : listeners.size;
}

/** Threads that die in every so-manieth host call. */
function mortalThreads() {
  const alive = new Set<GuestWorker>();
  let calls = 0, killed = 0;
  const spawn = (events: WorkerEvents): GuestWorker => {
    const thread = spawnGuestWorker({
      failed: events.failed,
      message(message) {
        events.message(message);
        if (message.type !== "host-call" || ++calls % killEvery !== 0) return;
        killed++;
        end();
        events.failed(new Error("killed"));
      },
    });
    const end = () => {
      alive.delete(counted);
      thread.terminate();
    };
    const counted = { post: thread.post, terminate: end };
    alive.add(counted);
    return counted;
  };
  return { spawn, alive: () => alive.size, killed: () => killed };
}

test("host: threads that die in host calls cost their own evaluation only, and leave nothing behind", async () => {
  const kube = new ReviewingKube();
  for (let index = 0; index < namespaces; index++) {
    await kube.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: `n${index}` } });
  }
  const collections = new Collections(kube, {
    limits: {
      startMs: 30_000,
      staleMs: 60_000,
      silentMs: 60_000,
      maxCollections: 10,
      idleMs: 600_000,
      failureMs: 1,
    },
    memory: new ContextMemory(1e8),
    log: silentLog,
  });
  const cluster = new KubernetesHost(kube, { collections, maxBytes: 1e7 });
  const outstanding: (() => number)[] = [];
  const answerHostCall = hostCallAnswerer({
    answer: answerQuestions({
      kubernetes: (question, signal) => {
        outstanding.push(watched(signal));
        return cluster.answer(question, signal);
      },
    }),
    isNamespaced: () => Promise.resolve(true),
    confineNamespacedPolicies: false,
    refused: () => {},
    log: silentLog,
  });
  const threads = mortalThreads();
  const pool = await GuestPool.start({
    workers: 3,
    maxWaiting: 10_000,
    spawn: threads.spawn,
    answerHostCall,
    log: silentLog,
  });
  const runnable = {
    ...await runnableOf("context-aware/policy", { timeoutMs: 60_000 }),
    capabilities: parseCapabilities(["kubernetes/*"]),
    contextAwareResources: [{ apiVersion: "v1", kind: "Namespace" }],
  };
  const request = new AbortController();
  outstanding.push(watched(request.signal));
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

  let next = 0, lost = 0;
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: concurrent }, async () => {
    while (next < evaluations) {
      const [index, outcome] = await evaluate(next++);
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
  const [copy] = collections.states();
  assert.equal([copy?.kind, copy?.objects, copy?.ageMs], ["Namespace", namespaces, 0]);
  assert.is(outstanding.reduce((sum, each) => sum + each(), 0), 0, "listeners");
  assert.ok(threads.alive() <= 4, `${threads.alive()} threads`);
  pool.close();
  assert.is(threads.alive(), 0);
  collections.close();
  assert.equal(collections.states(), []);
});

test.run();
