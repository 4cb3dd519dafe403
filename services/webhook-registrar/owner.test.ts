import { test } from "uvu";
import * as assert from "uvu/assert";
import { createLog } from "../../runtime/telemetry/log.ts";
import { failure, MemoryKube } from "../../runtime/testing/memory-kube.ts";
import { ownerOfWebhooks } from "./owner.ts";

function scene() {
  const kube = new MemoryKube(), lines: string[] = [], stop = new AbortController();
  const log = createLog({ format: "json", write: (line) => lines.push(line) });
  return { kube, lines, stop, asked: { kube, namespace: "kubewarden", log, signal: stop.signal } };
}
const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "kubewarden" } };

test("owner: the deployments namespace, as it is now", async () => {
  const { kube, asked, lines } = scene();
  const { metadata: { uid } } = await kube.create(namespace);
  assert.equal(await ownerOfWebhooks(asked), { apiVersion: "v1", kind: "Namespace", name: "kubewarden", uid });
  assert.equal(lines, []);
});

test("owner: a namespace that does not exist owns nothing, with a warning", async () => {
  const { asked, lines } = scene();
  assert.is(await ownerOfWebhooks(asked), undefined);
  assert.is(lines.length, 1);
  assert.match(lines[0]!, "does not exist");
});

test("owner: it is asked again until there is an answer", async () => {
  const { kube, asked, lines } = scene();
  await kube.create(namespace);
  let left = 2;
  kube.intercept = () => {
    if (left-- > 0) throw failure("KUBE_FORBIDDEN");
  };
  assert.is((await ownerOfWebhooks(asked))?.name, "kubewarden");
  assert.is(lines.length, 2);
});

test("owner: asking ends with the process", async () => {
  const { kube, asked, stop } = scene();
  kube.intercept = () => {
    stop.abort(new Error("stopped"));
    throw failure("KUBE_FAILED");
  };
  let said: unknown;
  await ownerOfWebhooks(asked).catch((error) => said = error.message);
  assert.is(said, "stopped");
});

test.run();
