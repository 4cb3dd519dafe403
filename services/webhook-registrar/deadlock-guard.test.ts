import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations } from "../../contracts/names.ts";
import type { StatusIntent } from "../../runtime/control/plan.ts";
import { type Guard, guardFor } from "./deadlock-guard.ts";
import { planRegistration } from "./plan.ts";
import { desired, factsOf, reachable, rollingOut, stored, V } from "./test-objects.ts";

const since = "2030-01-01T00:00:00Z";
const at = (seconds: number) => new Date(Date.parse(since) + seconds * 1000);
const asking = (after: string) => ({
  metadata: { name: "psp", annotations: { [annotations.relaxWhenUnavailableAfter]: after } },
});

const cases: [string, Guard | undefined, Guard | undefined][] = [
  [
    "is off without its annotation",
    guardFor({ metadata: { name: "psp" } }, { unavailableSince: since, now: at(1e6) }),
    undefined,
  ],
  [
    "does nothing while a pod is ready, nor while nobody says that none is",
    guardFor(asking("2m"), { unavailableSince: undefined, now: at(1e6) }),
    { after: "2m" },
  ],
  [
    "waits for its time",
    guardFor(asking("2m"), { unavailableSince: since, now: at(119) }),
    { after: "2m", dueInMs: 1000 },
  ],
  [
    "relaxes when it is over, also if it was over before this process started",
    guardFor(asking("2m"), { unavailableSince: since, now: at(120) }),
    { after: "2m", relaxedSince: since },
  ],
  [
    "waits longer where the clocks of two processes differ, never less than nothing",
    guardFor(asking("30s"), { unavailableSince: since, now: at(-5) }),
    { after: "30s", dueInMs: 35_000 },
  ],
  [
    "does not trust a time it cannot read",
    guardFor(asking("2m"), { unavailableSince: "yesterday", now: at(1e6) }),
    { after: "2m" },
  ],
];
for (const [what, guard, expected] of cases) {
  test(`guard: ${what}`, () => assert.equal(guard, expected));
}

test("guard: a time it does not know, or out of bounds, is told and has no effect", () => {
  for (const after of ["", "soon", "120", "29s", "25h", "-2m"]) {
    const guard = guardFor(asking(after), { unavailableSince: since, now: at(1e6) })!;
    assert.match(guard.problem!, `"${after}" and has no effect`);
    assert.is(guard.relaxedSince, undefined);
    const [told] = planRegistration(factsOf({ status: reachable(2) }, { guard })).status;
    assert.match(told!.conditions[0]!.message, "has no effect");
    assert.is(told!.conditions[0]!.reason, "PolicyActive");
  }
  for (const after of ["30s", "24h", "1h30m"]) {
    assert.is(guardFor(asking(after), { unavailableSince: undefined, now: at(0) })!.problem, undefined);
  }
});

const relaxing: Guard = { after: "2m", relaxedSince: since };
const entryOf = (object: KubeObject | undefined) => (object?.webhooks as { failurePolicy: string }[] | undefined)?.[0];
const saidBy = ([intent]: StatusIntent[]) => intent?.conditions[0];

test("guard: a relaxed webhook differs in its failure policy and in the mark of it", () => {
  const plan = planRegistration(factsOf({ status: rollingOut }, { guard: relaxing, webhooks: { [V]: stored(V) } }));
  const [applied] = plan.apply;
  assert.is(entryOf(applied)!.failurePolicy, "Ignore");
  assert.is(applied!.metadata.annotations![annotations.relaxedSince], since);
  const { [annotations.relaxedSince]: _, ...others } = applied!.metadata.annotations!;
  const [entry] = applied!.webhooks as object[];
  assert.equal({
    ...applied,
    metadata: { ...applied!.metadata, annotations: others },
    webhooks: [{ ...entry, failurePolicy: "Fail" }],
  }, desired(V));
});

test("guard: the policy stays active and says aloud that nothing is judged, why, and until when", () => {
  const facts = factsOf({ status: rollingOut }, { guard: relaxing, webhooks: { [V]: stored(V) } });
  const plan = planRegistration(facts);
  const { status, reason, message } = saidBy(plan.status)!;
  assert.equal([status, reason, plan.status[0]!.fields], ["True", "WebhookRelaxed", { policyStatus: "active" }]);
  for (const word of ["without being judged", "until a pod", since, "2m", annotations.relaxWhenUnavailableAfter]) {
    assert.match(message, word);
  }
});

test("guard: what is relaxed stays so, also for a registrar that has just started, and is not written again", () => {
  const relaxed = factsOf({ status: rollingOut }, { guard: relaxing });
  const plan = planRegistration({ ...relaxed, webhooks: { [V]: stored(V, relaxed) } });
  assert.equal(plan.apply, []);
  assert.is(saidBy(plan.status)!.reason, "WebhookRelaxed");
});

test("guard: it is restored once a pod is ready, nothing is known, or the annotation is gone", () => {
  const standing = stored(V, factsOf({}, { guard: relaxing }));
  for (const guard of [{ after: "2m" }, { after: "2m", dueInMs: 5000 }, undefined]) {
    const plan = planRegistration(factsOf({ status: rollingOut }, { guard, webhooks: { [V]: standing } }));
    assert.equal(plan.apply, [desired(V)]);
    assert.is(saidBy(plan.status)!.reason, "PolicyActive");
  }
});

test("guard: the pass comes again when its time is over", () => {
  const guard = { after: "2m", dueInMs: 5000 };
  const webhooks = { [V]: stored(V) };
  assert.is(planRegistration(factsOf({ status: rollingOut }, { guard, webhooks })).lookAgainAfterMs, 5000);
  assert.is(planRegistration(factsOf({}, { guard, webhooks, invalid: "no" })).lookAgainAfterMs, 5000);
  assert.is(planRegistration(factsOf({}, { guard, webhooks, refusal: "no" })).lookAgainAfterMs, 5000);
});

test("guard: a policy with failurePolicy Ignore is not touched and says nothing of it", () => {
  const spec = { failurePolicy: "Ignore" };
  const webhooks = { [V]: stored(V, factsOf({ spec })) };
  const plan = planRegistration(factsOf({ status: rollingOut, spec }, { guard: relaxing, webhooks }));
  assert.equal(plan.apply, []);
  assert.is(saidBy(plan.status)!.reason, "PolicyActive");
});

test("guard: a relaxed policy that is set to Ignore loses the mark", () => {
  const spec = { failurePolicy: "Ignore" };
  const webhooks = { [V]: stored(V, factsOf({}, { guard: relaxing })) };
  const plan = planRegistration(factsOf({ status: rollingOut, spec }, { guard: relaxing, webhooks }));
  assert.equal(plan.apply, [desired(V, factsOf({ spec }))]);
});

test("guard: it works on a standing webhook whose policy is no longer valid, there and back", () => {
  const invalid = "no";
  const relaxed = planRegistration(factsOf({}, { guard: relaxing, invalid, webhooks: { [V]: stored(V) } }));
  assert.equal(relaxed.apply, [desired(V, factsOf({}, { guard: relaxing }))]);
  assert.is(saidBy(relaxed.status)!.reason, "WebhookRelaxed");
  const standing = stored(V, factsOf({}, { guard: relaxing }));
  const restored = planRegistration(factsOf({}, { guard: { after: "2m" }, invalid, webhooks: { [V]: standing } }));
  assert.equal(restored.apply, [desired(V)]);
  const ignoring = stored(V, factsOf({ spec: { failurePolicy: "Ignore" } }));
  const left = planRegistration(factsOf({}, { guard: relaxing, invalid, webhooks: { [V]: ignoring } }));
  assert.equal(left.apply, []);
});

test("guard: it registers nothing by itself", () => {
  const plan = planRegistration(factsOf({ status: rollingOut }, { guard: relaxing }));
  assert.equal(plan.apply, []);
});

test.run();
