import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube, WatchEvent } from "./kube.ts";
import { silentLog } from "../telemetry/log.ts";
import { failure } from "../testing/memory-kube.ts";
import { WatchCache } from "./watch-cache.ts";

type Listing = { items: KubeObject[]; resourceVersion: string };
type Step = { list: () => Listing } | { watch: (from: string, signal: AbortSignal) => AsyncGenerator<WatchEvent> };

/** Answers list and watch by the steps, in order; the test fails if the cache asks for the other one. */
function scripted(steps: Step[]) {
  const stop = new AbortController();
  const done = Promise.withResolvers<void>();
  const wrong: string[] = [];
  const next = <K extends "list" | "watch">(verb: K) => {
    const step = steps.shift();
    if (step && verb in step) return step as Extract<Step, Record<K, unknown>>;
    if (step) wrong.push(`asked to ${verb} instead of ${Object.keys(step)}`);
    done.resolve();
    return undefined;
  };
  const kube = {
    async *pages() {
      const step = next("list");
      yield { first: true, ...(step ? step.list() : { items: [], resourceVersion: "0" }) };
    },
    async *watch(_kind: unknown, { resourceVersion, signal }: { resourceVersion: string; signal: AbortSignal }) {
      const step = next("watch");
      if (step) yield* step.watch(resourceVersion, signal);
      else await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
  } as unknown as Kube;
  const query = { apiVersion: "v1", kind: "Pod" };
  const cache = new WatchCache(kube, query, { log: silentLog, minBackoffMs: 1, maxBackoffMs: 2 });
  const changes: string[] = [];
  cache.onChange(({ before, after }) => changes.push(`${shown(before)}>${shown(after)}`));
  return {
    cache,
    changes,
    /** Runs until the steps are used up. */
    async run() {
      const running = cache.start(stop.signal);
      await done.promise;
      const held = cache.list().map(shown);
      stop.abort();
      await running;
      assert.equal(wrong, []);
      return held;
    },
  };
}

const shown = (object?: KubeObject) => object ? `${object.metadata.name}${object.metadata.resourceVersion}` : "-";
const pod = (name: string, resourceVersion: number, uid = name): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "n", uid, resourceVersion: String(resourceVersion) },
});
const listing = (resourceVersion: number, ...items: KubeObject[]) => ({
  list: () => ({ items, resourceVersion: String(resourceVersion) }),
});
const event = (type: WatchEvent["type"], object: KubeObject): WatchEvent => ({ type, object });

test("cache: holds what was listed and follows every change", async () => {
  const { run, changes, cache } = scripted([
    listing(5, pod("a", 1), pod("b", 2)),
    {
      async *watch(from) {
        assert.is(from, "5");
        yield event("MODIFIED", pod("a", 6));
        yield event("DELETED", pod("b", 7));
        yield event("ADDED", pod("c", 8));
      },
    },
  ]);
  assert.equal(await run(), ["a6", "c8"]);
  assert.equal(changes, ["->a1", "->b2", "a1>a6", "b2>-", "->c8"]);
  assert.is(cache.get("a", "n")?.metadata.resourceVersion, "6");
  assert.is(cache.get("a"), undefined);
});

test("cache: a stream that ends goes on from the last event or bookmark", async () => {
  const { run } = scripted([
    listing(5),
    {
      async *watch() {
        yield event("ADDED", pod("a", 6));
      },
    },
    {
      async *watch(from) {
        assert.is(from, "6");
        yield event("BOOKMARK", pod("", 40));
      },
    },
    {
      // deno-lint-ignore require-yield
      async *watch(from) {
        assert.is(from, "40");
      },
    },
  ]);
  assert.equal(await run(), ["a6"]);
});

test("cache: after 410 it lists again and reports what it missed: changed, deleted, new, replaced", async () => {
  const { run, changes } = scripted([
    listing(5, pod("same", 1), pod("changed", 2), pod("deleted", 3), pod("replaced", 4)),
    {
      // deno-lint-ignore require-yield
      async *watch() {
        throw failure("KUBE_GONE");
      },
    },
    listing(30, pod("same", 1), pod("changed", 20), pod("new", 21), pod("replaced", 22, "other")),
  ]);
  await run();
  assert.equal(changes.slice(4), ["changed2>changed20", "->new21", "replaced4>replaced22", "deleted3>-"]);
});

test("cache: an unreachable server costs no new list, any other failure does", async () => {
  const { run } = scripted([
    listing(5),
    {
      async *watch() {
        yield event("ADDED", pod("a", 6));
        throw failure("KUBE_UNREACHABLE");
      },
    },
    {
      // deno-lint-ignore require-yield
      async *watch(from) {
        assert.is(from, "6");
        throw failure("KUBE_FAILED");
      },
    },
    listing(9, pod("a", 6)),
  ]);
  assert.equal(await run(), ["a6"]);
});

test("cache: is synced only after the first list that succeeds", async () => {
  const script: ReturnType<typeof scripted> = scripted([
    {
      list: () => {
        throw failure("KUBE_NOT_FOUND");
      },
    },
    {
      list: () => {
        assert.not(script.cache.synced);
        return { items: [], resourceVersion: "1" };
      },
    },
  ]);
  const { cache } = script;
  const synced = cache.whenSynced(new AbortController().signal);
  await script.run();
  await synced;
  assert.ok(cache.synced);
});

test("cache: whenSynced gives up with its signal", async () => {
  const stop = new AbortController();
  const waiting = scripted([]).cache.whenSynced(stop.signal).catch((error) => error);
  stop.abort(new Error("enough"));
  assert.is((await waiting).message, "enough");
});

test("cache: a listener that throws does not stop the others", async () => {
  const { run, changes, cache } = scripted([listing(5, pod("a", 1))]);
  cache.onChange(() => {
    throw new Error("mine");
  });
  cache.onChange(() => changes.push("later"));
  await run();
  assert.equal(changes, ["->a1", "later"]);
});

test.run();
