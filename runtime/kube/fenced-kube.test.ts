import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { fencedKube } from "./fenced-kube.ts";
import type { Kube } from "./kube.ts";

const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "n" } };
const ref = { apiVersion: "v1", kind: "ConfigMap", name: "a", namespace: "n" };

/** A server whose answers come when they are let go. */
function slowServer() {
  const sent: string[] = [];
  const answer = Promise.withResolvers<void>();
  const write = (verb: string) => async (...args: unknown[]) => {
    const { signal } = args.at(-1) as { signal: AbortSignal };
    sent.push(verb);
    await Promise.race([
      answer.promise,
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ]);
    return object;
  };
  const verbs = ["create", "replace", "apply", "patch", "remove"];
  const kube = { ...Object.fromEntries(verbs.map((verb) => [verb, write(verb)])), get: async () => object };
  return { kube: kube as unknown as Kube, sent, answer: () => answer.resolve() };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(() => "done", (error) => error instanceof KubewardenError ? error.code : error.message);

test("fenced kube: reads always, and writes nothing without the Lease", async () => {
  const { kube, sent } = slowServer();
  const fenced = fencedKube(kube, { mayWrite: () => false });
  assert.is(await fenced.get(ref), object);
  const writes = [
    fenced.create(object),
    fenced.replace(object),
    fenced.apply(object, { fieldManager: "m" }),
    fenced.patch(ref, {}, { type: "merge" }),
    fenced.remove(ref),
  ];
  assert.equal(await Promise.all(writes.map(codeOf)), Array(5).fill("LEASE_LOST"));
  assert.equal(sent, []);
});

test("fenced kube: an orderly end waits for the write that was sent, and sends no other", async () => {
  const { kube, answer } = slowServer();
  const stop = new AbortController();
  const fenced = fencedKube(kube, { mayWrite: () => true, graceMs: 60_000 });
  const write = codeOf(fenced.create(object, { signal: stop.signal }));
  stop.abort(new Error("stopped"));
  assert.is(await codeOf(fenced.create(object, { signal: stop.signal })), "stopped");
  answer();
  assert.is(await write, "done");
});

test("fenced kube: an orderly end does not wait without end", async () => {
  const { kube } = slowServer();
  const stop = new AbortController();
  const write = codeOf(fencedKube(kube, { mayWrite: () => true, graceMs: 5 }).remove(ref, { signal: stop.signal }));
  stop.abort(new Error("stopped"));
  assert.is(await write, "stopped");
});

test("fenced kube: a lost Lease ends the write under way at once", async () => {
  const { kube } = slowServer();
  const stop = new AbortController();
  const fenced = fencedKube(kube, { mayWrite: () => true, graceMs: 2 ** 31 - 1 });
  const write = codeOf(fenced.apply(object, { fieldManager: "m", signal: stop.signal }));
  stop.abort(new KubewardenError("LEASE_LOST", "gone"));
  assert.is(await write, "LEASE_LOST");
});

test.run();
