import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PolicyKind } from "./names.ts";
import { parsePolicy, type Policy } from "./policy.ts";
import { nameCollisions, policyFinding, policyKey, policyServerNameProblem } from "./policy-checks.ts";

const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }];

function policy(kind: PolicyKind, name: string, namespace?: string, more: Record<string, unknown> = {}): Policy {
  const group = { expression: "a()", message: "no", policies: { a: { module: "m" } } };
  const spec = { rules, ...(kind.endsWith("Group") ? group : { module: "m", mutating: false }), ...more };
  const creationTimestamp = more.created as string | undefined;
  return parsePolicy({
    apiVersion: "policies.kubewarden.io/v1",
    kind,
    metadata: { name, namespace, creationTimestamp },
    spec,
  });
}

test("policy checks: a plain policy and a plain group have no finding", () => {
  assert.is(policyFinding(policy("ClusterAdmissionPolicy", "a")), undefined);
  assert.is(policyFinding(policy("AdmissionPolicyGroup", "a", "ns")), undefined);
});

test("policy checks: an expression that calls no member of the group is invalid", () => {
  const finding = policyFinding(policy("AdmissionPolicyGroup", "a", "ns", { expression: "a() && b()" }));
  assert.is(finding?.reason, "PolicyInvalid");
  assert.match(
    finding?.message ?? "",
    "spec.expression: Invalid group expression at character 8: Function not found: b ()",
  );
});

test("policy checks: a member called like a reserved word is invalid", () => {
  const members = { policies: { a: { module: "m" }, while: { module: "m" } } };
  const finding = policyFinding(policy("ClusterAdmissionPolicyGroup", "a", undefined, members));
  assert.is(finding?.message, 'spec.policies: "while" cannot be the name of a member');
});

test("policy checks: a name whose webhook name would be too long is invalid", () => {
  const longest = 253 - "clusterwide-".length - ".kubewarden.admission".length;
  assert.is(policyFinding(policy("ClusterAdmissionPolicy", "a".repeat(longest))), undefined);
  assert.equal(policyFinding(policy("ClusterAdmissionPolicy", "a".repeat(longest + 1))), {
    reason: "NameTooLong",
    message: "the name of its webhook is 1 characters too long: recreate it under a shorter name",
  });
});

const pairs: [Policy, Policy, boolean][] = [
  [policy("AdmissionPolicy", "c", "a-b"), policy("AdmissionPolicy", "b-c", "a"), true],
  [policy("AdmissionPolicy", "x", "group-a"), policy("AdmissionPolicyGroup", "x", "a"), true],
  [policy("ClusterAdmissionPolicy", "group-x"), policy("ClusterAdmissionPolicyGroup", "x"), true],
  [policy("ClusterAdmissionPolicy", "x"), policy("ClusterAdmissionPolicyGroup", "x"), false],
  [policy("AdmissionPolicy", "x", "a"), policy("AdmissionPolicy", "x", "b"), false],
];
for (const [first, second, collide] of pairs) {
  test(`policy checks: ${policyKey(first)} and ${policyKey(second)} ${collide ? "collide" : "do not collide"}`, () => {
    assert.is(nameCollisions([first, second]).size, collide ? 1 : 0);
  });
}

test("policy checks: the older policy keeps the name, in whatever order they come", () => {
  const older = policy("ClusterAdmissionPolicyGroup", "x", undefined, { created: "2026-01-01T00:00:00Z" });
  const younger = policy("ClusterAdmissionPolicy", "group-x", undefined, { created: "2026-01-02T00:00:00Z" });
  for (const list of [[older, younger], [younger, older]]) {
    const findings = nameCollisions(list);
    assert.equal([...findings.keys()], ["ClusterAdmissionPolicy//group-x"]);
    assert.match([...findings.values()][0]?.message ?? "", 'taken by ClusterAdmissionPolicyGroup "x"');
  }
});

test("policy checks: of two policies of one second the one with the lower uid keeps the name", () => {
  const created = "2026-01-01T00:00:00Z";
  const lower = policy("ClusterAdmissionPolicyGroup", "x", undefined, { created });
  const higher = policy("ClusterAdmissionPolicy", "group-x", undefined, { created });
  lower.metadata.uid = "1";
  higher.metadata.uid = "2";
  for (const list of [[lower, higher], [higher, lower]]) {
    assert.equal([...nameCollisions(list).keys()], ["ClusterAdmissionPolicy//group-x"]);
  }
});

const serverNames: [string, boolean][] = [
  ["default", true],
  ["a".repeat(38), true],
  ["a".repeat(39), false],
  ["a.b", false],
];
for (const [name, usable] of serverNames) {
  test(`policy checks: objects ${usable ? "can" : "cannot"} be named after the PolicyServer ${name}`, () => {
    assert.is(policyServerNameProblem(name) === undefined, usable);
  });
}

test.run();
