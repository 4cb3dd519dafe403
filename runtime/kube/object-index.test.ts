import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { silentLog } from "../telemetry/log.ts";
import { indexObjects } from "./object-index.ts";
import { MemoryKube } from "../testing/memory-kube.ts";
import { WatchCache } from "./watch-cache.ts";

const configMap = { apiVersion: "v1", kind: "ConfigMap" };
const secret = { apiVersion: "v1", kind: "Secret" };
const named = (kind: typeof secret, name: string, words: string): KubeObject => ({
  ...kind,
  metadata: { name, namespace: "n", annotations: { words } },
});
const wordsOf = ({ metadata }: KubeObject) => metadata.annotations?.words?.split(" ") ?? [];

test("index: finds objects of several caches by each of their words, and follows every change", async () => {
  const kube = new MemoryKube(), stop = new AbortController();
  await kube.create(named(configMap, "a", "red round"));
  const caches = [configMap, secret].map((kind) => new WatchCache(kube, kind, { log: silentLog, minBackoffMs: 1 }));
  const index = indexObjects(caches, wordsOf);
  const running = caches.map((cache) => cache.start(stop.signal));
  for (const cache of caches) await cache.whenSynced(stop.signal);
  const found = (word: string) => index.get(word).map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
  const until = async (word: string, expected: string[]) => {
    while (found(word).join() !== expected.join()) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  assert.equal(found("red"), ["ConfigMap a"]);
  await kube.create(named(secret, "a", "red"));
  await until("red", ["ConfigMap a", "Secret a"]);
  await kube.replace(named(configMap, "a", "round blue"));
  await until("red", ["Secret a"]);
  assert.equal(found("round"), ["ConfigMap a"]);
  assert.equal(found("blue"), ["ConfigMap a"]);
  await kube.remove({ ...secret, name: "a", namespace: "n" });
  await until("red", []);
  stop.abort();
  await Promise.all(running);
});

test.run();
