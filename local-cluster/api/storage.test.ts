import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { Storage } from "./storage.ts";
import { WatchHub } from "./watch-hub.ts";

const object = (name: string): KubeObject => ({ apiVersion: "v1", kind: "Thing", metadata: { name, namespace: "n" } });

test("storage: an update or removal counts only against the object that was read", () => {
  const storage = new Storage();
  const first = storage.create("things", object("a"));
  assert.ok(first);
  const second = storage.update("things", first, object("a"));
  assert.ok(second);
  assert.is(storage.update("things", first, object("a")), undefined);
  assert.is(storage.remove("things", first), undefined);
  assert.is(storage.remove("things", second)?.metadata.resourceVersion, String(storage.revision));
});

test("storage: what is stored cannot be changed from outside", () => {
  const stored = new Storage().create("things", object("a"));
  assert.throws(() => stored!.metadata.name = "b", TypeError);
});

test("storage: events before the remembered ones are gone", () => {
  const storage = new Storage();
  let last = storage.create("things", object("a"))!;
  const since = storage.revision;
  for (let count = 0; count < 2001; count++) last = storage.update("things", last, object("a"))!;
  assert.is(storage.eventsSince("things", since), "gone");
  assert.is(storage.eventsSince("things", since + 1).length, 2000);
});

test("watch hub: a lagging event keeps later ones behind it, and other collections are not held up", async () => {
  const storage = new Storage();
  const lags = [30, 0];
  const hub = new WatchHub(storage, () => lags.shift() ?? 0);
  const seen: number[] = [];
  hub.onVisible("things", () => seen.push(hub.visibleRevision("things")));
  storage.create("things", object("a"));
  const before = storage.revision - 1;
  storage.create("things", object("b"));
  storage.create("others", object("c"));
  assert.is(hub.visibleRevision("things"), before);
  assert.is(hub.visibleRevision("others"), storage.revision);
  await new Promise<void>((resolve) => hub.onVisible("things", () => seen.length > 0 && resolve()));
  assert.is(hub.visibleRevision("things"), storage.revision);
  hub.stop();
});

test.run();
