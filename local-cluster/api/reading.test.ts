import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { age } from "./age.ts";
import { duplicateKeys } from "./duplicate-keys.ts";
import { firstAtPath } from "./json-path.ts";
import { representationOf } from "./negotiation.ts";
import { requestInfoOf } from "./request-info.ts";
import { labelFilter } from "./selectors.ts";

const requests: [method: string, path: string, expected: string][] = [
  ["GET", "/api/v1/namespaces/a/pods", "list core/v1 pods in a"],
  ["GET", "/api/v1/namespaces/a", "get core/v1 namespaces in a named a"],
  ["PUT", "/api/v1/namespaces/a/finalize", "update core/v1 namespaces/finalize in a named a"],
  ["GET", "/api/v1/namespaces/a/pods/p/log", "get core/v1 pods/log in a named p"],
  ["GET", "/apis/apps/v1/deployments?watch=true", "watch apps/v1 deployments"],
  ["DELETE", "/apis/apps/v1/namespaces/a/deployments", "deletecollection apps/v1 deployments in a"],
  ["PATCH", "/apis/g.io/v1/things/t/status", "patch g.io/v1 things/status named t"],
];
for (const [method, path, expected] of requests) {
  test(`request info: ${method} ${path} is ${expected}`, () => {
    const { verb, target } = requestInfoOf(method, new URL(`https://host${path}`));
    const { group, version, resource, subresource, namespace, name } = target!;
    const parts = [
      `${verb} ${group || "core"}/${version} ${resource}${subresource ? `/${subresource}` : ""}`,
      ...(namespace ? [`in ${namespace}`] : []),
      ...(name ? [`named ${name}`] : []),
    ];
    assert.is(parts.join(" "), expected);
  });
}

const labelled = { metadata: { name: "x", labels: { app: "web", tier: "a" } } } as unknown as KubeObject;
const selectors: [selector: string, matches: boolean][] = [
  ["", true],
  ["app=web", true],
  ["app==web,tier!=b", true],
  ["app!=web", false],
  ["missing!=x", true],
  ["tier in (a, b)", true],
  ["tier notin (a,b)", false],
  ["missing notin (a)", true],
  ["app", true],
  ["!app", false],
  ["!missing", true],
];
for (const [selector, matches] of selectors) {
  test(`label selector: "${selector}" is ${matches}`, () => assert.is(labelFilter(selector)(labelled), matches));
}

test("label selector: nonsense is refused", () => assert.throws(() => labelFilter("a=b=c"), /unable to parse/));

const texts: [text: string, duplicates: string[]][] = [
  ['{"a":{"b":1,"c":"}\\"b\\":"},"d":[{"x":1},{"x":1}]}', []],
  ['{"a":1,"a":2}', ["a"]],
  ['{"spec":{"list":[{"x":1},{"y":"\\"","y":2}]}}', ["spec.list[1].y"]],
];
for (const [text, duplicates] of texts) {
  test(`duplicate keys of ${text}`, () => assert.equal(duplicateKeys(text), duplicates));
}

const object = {
  status: { conditions: [{ type: "A", status: "False" }, { type: "B", status: "True" }] },
  m: { "a.b": 1 },
};
const paths: [path: string, value: unknown][] = [
  ['.status.conditions[?(@.type=="B")].status', "True"],
  [".status.conditions[0].type", "A"],
  [".status.conditions[*].type", "A"],
  [".m.a\\.b", 1],
  [".missing.x", undefined],
];
for (const [path, value] of paths) {
  test(`JSONPath ${path}`, () => assert.is(firstAtPath(object, path), value));
}

const ages: [seconds: number, text: string][] = [
  [5, "5s"],
  [119, "119s"],
  [200, "3m20s"],
  [1200, "20m"],
  [4 * 3600 + 60, "4h1m"],
  [30 * 3600, "30h"],
  [3 * 86400, "3d"],
  [20 * 86400 + 3600, "20d"],
];
for (const [seconds, text] of ages) {
  test(`age: ${seconds} seconds is ${text}`, () => {
    assert.is(age(new Date(0).toISOString(), new Date(seconds * 1000)), text);
  });
}

test("negotiation: the first type that can be served wins, and none is 406", () => {
  assert.is(representationOf("application/json;as=Table;v=v1;g=meta.k8s.io,application/json"), "table");
  assert.is(representationOf("application/vnd.kubernetes.protobuf,application/json"), "object");
  assert.is(representationOf(null), "object");
  assert.throws(() => representationOf("application/cbor"));
});

test.run();
