import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { sha256Hex } from "../../../runtime/digest.ts";
import { type ObservedDefault, planDefaults, problemsAnnotation } from "./plan.ts";
import { readDefaults } from "./read.ts";

const head = "apiVersion: policies.kubewarden.io/v1\nkind: PolicyServer\n";
const server = (name: string, spec = "{ replicas: 1 }") => `${head}metadata: { name: ${name} }\nspec: ${spec}\n`;
const configMap = (data: Record<string, string>, metadata: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "kubewarden-defaults", namespace: "kubewarden", uid: "u", ...metadata },
  data,
});
const namesIn = (data: Record<string, string>) =>
  readDefaults(configMap(data)).servers.map(({ metadata }) => metadata.name);

test("defaults: every document of every key", () => {
  assert.equal(namesIn({ "a.yaml": `${server("a")}---\n${server("b")}---\n`, "c.yaml": server("c"), "d.yaml": "" }), [
    "a",
    "b",
    "c",
  ]);
  assert.equal(readDefaults(undefined), { servers: [], problems: [] });
});

for (
  const [title, text, problem] of [
    ["text that is no YAML", "a: [", /^bad.yaml: /],
    ["a list", "- a", /expected a PolicyServer/],
    ["a scalar", "hello", /expected a PolicyServer/],
    ["another kind", "apiVersion: v1\nkind: Pod\nmetadata: { name: x }", /expected a PolicyServer/],
    ["no name", `${head}spec: {}`, /metadata.name is missing/],
  ] as const
) {
  test(`defaults: ${title} is a problem of its key alone`, () => {
    const { servers, problems } = readDefaults(configMap({ "bad.yaml": text, "good.yaml": server("good") }));
    assert.equal(servers.map(({ metadata }) => metadata.name), ["good"]);
    assert.is(problems.length, 1);
    assert.match(problems[0]!, problem);
  });
}

const wanted = readDefaults(configMap({ "a.yaml": server("default") })).servers[0]!;
const planned = (facts: ObservedDefault) => planDefaults(facts, sha256Hex).apply;
const [applied] = planned({ wanted });

test("defaults: a missing server is applied, without an image of its own, so that it follows the reconciler's", () => {
  const { metadata, spec } = applied!;
  assert.equal(spec, { replicas: 1 });
  assert.equal(metadata.labels, { "kubewarden.io/managed-by": "kubewarden-controller-defaults" });
  assert.match(metadata.annotations!["kubewarden.io/defaults-digest"]!, /^[0-9a-f]{32}$/);
});

test("defaults: an image that is given stays", () => {
  const given = readDefaults(configMap({ "a.yaml": server("default", "{ replicas: 1, image: theirs }") })).servers[0]!;
  assert.equal(planned({ wanted: given })[0]!.spec, { replicas: 1, image: "theirs" });
});

test("defaults: people's own edits stay until the defaults change", () => {
  const present = { ...applied!, spec: { replicas: 3 } };
  assert.equal(planned({ wanted, present }), []);
  const more = readDefaults(configMap({ "a.yaml": server("default", "{ replicas: 2 }") })).servers[0]!;
  assert.is(planned({ wanted: more, present }).length, 1);
});

test("defaults: a server of that name that someone else made stays as it is", () => {
  const theirs = { ...applied!, metadata: { name: "default" }, spec: { replicas: 3, image: "theirs" } };
  assert.equal(planned({ wanted, present: theirs }), []);
});

test("defaults: a terminating server is left alone, one that is not listed too", () => {
  const present = { ...applied!, metadata: { ...applied!.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  assert.equal(planned({ wanted, present }), []);
  assert.equal(planned({ present: applied! }), []);
});

test("defaults: problems are said on the ConfigMap, and taken back", () => {
  const bare = configMap({});
  const said = configMap({}, { annotations: { [problemsAnnotation]: "a: wrong" } });
  const plan = (object: KubeObject | undefined, problems: string[]) =>
    planDefaults({ configMap: object, problems }, sha256Hex).apply;
  assert.equal(plan(bare, ["a: wrong"]).map(({ metadata }) => metadata), [
    {
      name: "kubewarden-defaults",
      namespace: "kubewarden",
      uid: "u",
      annotations: { [problemsAnnotation]: "a: wrong" },
    },
  ]);
  assert.equal(plan(said, ["a: wrong"]), []);
  assert.equal(plan(said, []).map(({ metadata }) => metadata.annotations), [undefined]);
  assert.equal(plan(undefined, []), []);
});

test.run();
