import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { followKind } from "./follow-kind.ts";
import type { Kube, WatchEvent } from "./kube.ts";
import { silentLog } from "../telemetry/log.ts";
import { failure } from "../testing/memory-kube.ts";

const object = (name: string, resourceVersion: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, resourceVersion },
});
const page = (first: boolean, resourceVersion: string, ...names: string[]) => ({
  first,
  resourceVersion,
  items: names.map((name) => object(name, resourceVersion)),
});
type Watch = { resourceVersion: string; signal: AbortSignal; opened?: () => void };

/** Follows a scripted server until it says so, and tells what the sink heard. */
async function follow(
  script: { pages: () => AsyncIterable<unknown>; watch: (watch: Watch, stop: () => void) => AsyncIterable<WatchEvent> },
  silentMs?: number,
): Promise<string[]> {
  const heard: string[] = [];
  const stop = new AbortController();
  const kube = {
    pages: script.pages,
    watch: (_kind: unknown, watch: Watch) => script.watch(watch, () => stop.abort()),
  } as unknown as Kube;
  await followKind(kube, { apiVersion: "v1", kind: "Pod" }, {
    sink: {
      listing: () => heard.push("listing"),
      listed: ({ metadata }) => heard.push(`listed ${metadata.name}`),
      complete: () => heard.push("complete"),
      put: ({ metadata }) => heard.push(`put ${metadata.name}`),
      drop: ({ metadata }) => heard.push(`drop ${metadata.name}`),
      connected: () => heard.push("connected"),
      disconnected: (error) => heard.push(`disconnected ${(error as Error)?.message ?? ""}`.trim()),
    },
    signal: stop.signal,
    log: silentLog,
    minBackoffMs: 1,
    maxBackoffMs: 2,
    silentMs,
  });
  return heard;
}

test("follow: hears a list page by page, also one that begins anew, then every change, and when it is connected", async () => {
  const heard = await follow({
    async *pages() {
      yield page(true, "1", "a", "b");
      yield page(true, "2", "a");
      yield page(false, "3", "c");
    },
    async *watch({ resourceVersion, opened }, stop) {
      assert.is(resourceVersion, "3");
      opened?.();
      yield { type: "BOOKMARK", object: object("", "4") };
      yield { type: "ADDED", object: object("d", "5") };
      yield { type: "DELETED", object: object("a", "6") };
      stop();
    },
  });
  const listed = ["listing", "listed a", "listed b", "listing", "listed a", "listed c", "complete"];
  assert.equal(heard, [...listed, "connected", "put d", "drop a", "disconnected"]);
});

test("follow: says why it is not connected", async () => {
  let lists = 0;
  const heard = await follow({
    // deno-lint-ignore require-yield
    async *pages() {
      if (lists++ === 0) throw failure("KUBE_FORBIDDEN");
    },
    // deno-lint-ignore require-yield
    async *watch({ opened }, stop) {
      opened?.();
      stop();
    },
  });
  assert.equal(heard, ["disconnected KUBE_FORBIDDEN", "complete", "connected", "disconnected"]);
});

test("follow: a watch that says nothing is opened anew where it was", async () => {
  const from: string[] = [];
  await follow({
    async *pages() {
      yield page(true, "7");
    },
    async *watch({ resourceVersion, signal }, stop) {
      from.push(resourceVersion);
      if (from.length > 2) return stop();
      yield { type: "BOOKMARK", object: object("", "8") };
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  }, 20);
  assert.equal(from, ["7", "8", "8"]);
});

for (const [code, lists] of [["KUBE_BUSY", 1], ["KUBE_UNREACHABLE", 1], ["KUBE_GONE", 2]] as const) {
  test(`follow: after ${code} it ${lists === 1 ? "goes on where it was" : "lists anew"}`, async () => {
    const from: string[] = [];
    const heard = await follow({
      async *pages() {
        yield page(true, "7");
      },
      async *watch({ resourceVersion }, stop) {
        from.push(resourceVersion);
        if (from.length > 1) return stop();
        yield { type: "BOOKMARK", object: object("", "8") };
        throw failure(code);
      },
    });
    assert.equal(from, ["7", lists === 1 ? "8" : "7"]);
    assert.is(heard.filter((each) => each === "complete").length, lists);
  });
}

test.run();
