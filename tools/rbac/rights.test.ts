import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { accountsOf, isFor, rightsOf, textOf, withoutRight } from "./rights.ts";

const objects = [
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "r", namespace: "n" },
    rules: [
      { apiGroups: ["apps"], resources: ["deployments", "replicasets"], verbs: ["list", "watch"] },
      { apiGroups: [""], resources: ["secrets"], resourceNames: ["s"], verbs: ["get"] },
    ],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "r", namespace: "n" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
    subjects: [{ kind: "ServiceAccount", name: "robot", namespace: "n" }],
  },
] as unknown as KubeObject[];

test("rights: a rule is as many rights as it has resources and verbs", () => {
  assert.equal(rightsOf(objects).map(textOf), [
    "Role r: list deployments.apps",
    "Role r: watch deployments.apps",
    "Role r: list replicasets.apps",
    "Role r: watch replicasets.apps",
    "Role r: get secrets named s",
  ]);
});

test("rights: one is taken out and all others stay", () => {
  const [first, ...others] = rightsOf(objects);
  assert.equal(rightsOf(withoutRight(objects, first!)), others);
});

test("rights: a right with names is for requests that name one of them", () => {
  const right = rightsOf(objects).at(-1)!;
  const use = { account: "robot", group: "", resource: "secrets", verb: "get", allowed: true };
  assert.ok(isFor(right, { ...use, name: "s" }));
  assert.not.ok(isFor(right, { ...use, name: "t" }));
  assert.not.ok(isFor(right, use));
});

test("rights: the accounts of a role are those it is bound to", () => {
  assert.equal(accountsOf("Role r", objects), ["robot"]);
  assert.equal(accountsOf("ClusterRole r", objects), []);
});

test.run();
