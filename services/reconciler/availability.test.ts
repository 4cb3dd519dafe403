import { test } from "uvu";
import * as assert from "uvu/assert";
import { availabilityOf } from "./availability.ts";
import { deployment, observed, pod, ready, replicaSet, starting } from "./test-objects.ts";

const facts = (...pods: ReturnType<typeof pod>[]) =>
  availabilityOf(
    observed({ deployment: deployment("new"), replicaSets: [replicaSet("new"), replicaSet("old")], pods }),
  );
const leaving = { deletionTimestamp: "2026-01-01T00:00:00Z" };
const evicted = { ...ready, phase: "Failed" };

const cases: [string, ReturnType<typeof facts>, boolean][] = [
  ["no pod at all", facts(), false],
  ["pods that start", facts(pod("a", "new", starting), pod("b", "new", starting)), false],
  ["one ready pod among others", facts(pod("a", "new", starting), pod("b", "new")), true],
  ["a ready pod of an older configuration only", facts(pod("a", "new", starting), pod("b", "old")), true],
  ["a ready pod that is terminating", facts(pod("a", "new", ready, leaving)), false],
  ["a pod that was evicted", facts(pod("a", "new", evicted)), false],
];
for (const [what, { is, reason }, expected] of cases) {
  test(`availability: with ${what} ${expected ? "somebody answers" : "nobody answers"}`, () => {
    assert.equal([is, reason], expected ? [true, "PodReady"] : [false, "NoPodReady"]);
  });
}

test("availability: pods are judged although there is no Deployment any more", () => {
  assert.is(availabilityOf(observed({ pods: [pod("a", "old")] })).is, true);
});

test.run();
