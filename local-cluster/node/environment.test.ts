import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Container, Pod } from "../workloads/pod.ts";
import { environmentFor, type ReadSource } from "./environment.ts";
import { expandVariables } from "./expand.ts";
import { parseQuantity } from "./quantity.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "n", uid: "u", labels: { app: "a" }, annotations: { "x/y": "z" } },
  spec: { containers: [], nodeName: "node" },
  status: { podIP: "127.1.2.3" },
};
const objects: Record<string, KubeObject> = {
  "ConfigMap settings": {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { A: "1", "b.c": "2" },
  },
  "Secret keys": { apiVersion: "v1", kind: "Secret", metadata: { name: "keys" }, data: { key: btoa("s3cret") } },
};
const read: ReadSource = (kind, name) => objects[`${kind} ${name}`];
const build = (container: Partial<Container>) =>
  environmentFor({ pod, container: { name: "c", image: "i", ...container }, read });

test("environment: variables expand in order, the last of two equal names wins", () => {
  const env = [
    { name: "A", value: "1" },
    { name: "B", value: "$(A)-$(C)-$$(A)" },
    { name: "C", value: "late" },
    { name: "A", value: "2" },
  ];
  assert.equal(build({ env }), { env: { A: "2", B: "1-$(C)-$(A)", C: "late" } });
});

test("environment: envFrom comes first and takes a prefix", () => {
  const found = build({
    envFrom: [{ prefix: "P_", configMapRef: { name: "settings" } }, { configMapRef: { name: "none", optional: true } }],
    env: [{ name: "P_A", value: "own" }],
  });
  assert.equal(found, { env: { P_A: "own", "P_b.c": "2" } });
});

test("environment: values from fields, keys and resources", () => {
  const found = build({
    resources: { limits: { memory: "1Gi", cpu: "1500m" } },
    env: [
      { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: "XY", valueFrom: { fieldRef: { fieldPath: "metadata.annotations['x/y']" } } },
      { name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "key" } } },
      { name: "NONE", valueFrom: { secretKeyRef: { name: "keys", key: "none", optional: true } } },
      { name: "MIB", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
      { name: "CPUS", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "0" } } },
    ],
  });
  assert.equal(found, { env: { IP: "127.1.2.3", APP: "a", XY: "z", KEY: "s3cret", MIB: "1024", CPUS: "2" } });
});

test("environment: what is missing or unknown is a problem, said in the kubelet's words", () => {
  const key = build({ env: [{ name: "K", valueFrom: { configMapKeyRef: { name: "settings", key: "none" } } }] });
  assert.equal(key, { problem: "couldn't find key none in ConfigMap n/settings" });
  const object = build({ env: [{ name: "K", valueFrom: { secretKeyRef: { name: "gone", key: "k" } } }] });
  assert.equal(object, { problem: 'secret "gone" not found' });
  const field = build({ env: [{ name: "K", valueFrom: { fieldRef: { fieldPath: "spec.nothing" } } }] });
  assert.match("problem" in field ? field.problem : "", /unsupported fieldPath/);
});

test("expansion: unknown names stay, $$ escapes", () => {
  assert.is(expandVariables("$(A) $(B) $$(A) $ $$", { A: "x" }), "x $(B) $(A) $ $");
});

test("quantities: suffixes of ten and of two", () => {
  assert.equal(["100m", "1.5", "2Ki", "3M", "x"].map(parseQuantity), [0.1, 1.5, 2048, 3e6, undefined]);
});

test.run();
