import { test } from "uvu";
import * as assert from "uvu/assert";
import { stringifyJson } from "../../../contracts/json.ts";
import type { PolicyAnswer } from "./policy-answer.ts";
import { applyVerdictRules, responseTo, type VerdictRules } from "./verdict-rules.ts";

const patch: PolicyAnswer["mutation"] = { kind: "patch", patch: "[]" };
const nulls = '"auditAnnotations":null,"warnings":null';
const mutationText = "Request rejected by policy p. The policy attempted to mutate the request, but it is currently " +
  "configured to not allow mutations.";

const plain: [string, PolicyAnswer, string][] = [
  ["an acceptance", { accepted: true }, `{"uid":"U","allowed":true,${nulls}}`],
  [
    "a rejection with message and code",
    { accepted: false, message: "no", code: 400 },
    `{"uid":"U","allowed":false,"status":{"message":"no","code":400},${nulls}}`,
  ],
  [
    "a mutation",
    { accepted: true, mutation: patch },
    `{"uid":"U","allowed":true,"patchType":"JSONPatch","patch":"W10=",${nulls}}`,
  ],
  [
    "a mutation of a deleted object",
    { accepted: true, mutation: { kind: "nothing-to-mutate" }, warnings: ["w"] },
    '{"uid":"U","allowed":false,"status":{"message":"Incoming object is null, which happens only with DELETE ' +
    `operations, but the policy is attempting a mutation. This is not allowed"},${nulls}}`,
  ],
  [
    "warnings and annotations",
    { accepted: true, warnings: ["w"], auditAnnotations: { a: "b" } },
    '{"uid":"U","allowed":true,"auditAnnotations":{"a":"b"},"warnings":["w"]}',
  ],
];
for (const [name, answer, expected] of plain) {
  test(`verdict: the plain response to ${name}`, () => assert.is(stringifyJson(responseTo("U", answer)), expected));
}

test("AT-050: a rejection has message and code, and no patch", () => {
  const response = responseTo("U", { accepted: false, message: "no", code: 500 });
  assert.equal([response.uid, response.allowed, response.patch, response.patchType], [
    "U",
    false,
    undefined,
    undefined,
  ]);
  assert.equal(response.status, { message: "no", code: 500 });
});

test("AT-051: message, code, audit annotations and warnings of a rejection are the policy's", () => {
  const answer: PolicyAnswer = {
    accepted: false,
    message: "no",
    code: 500,
    auditAnnotations: { key: "value" },
    warnings: ["hello", "world"],
  };
  const response = responseTo("U", answer);
  assert.equal([response.uid, response.allowed, response.status], ["U", false, { message: "no", code: 500 }]);
  assert.equal([response.auditAnnotations, response.warnings], [{ key: "value" }, ["hello", "world"]]);
  assert.equal([response.patch, response.patchType], [undefined, undefined]);
});

/** Every combination of mode, permission to mutate, and custom message. */
const combinations: VerdictRules[] = (["protect", "monitor"] as const).flatMap((mode) =>
  [true, false].flatMap((allowedToMutate) =>
    [undefined, "custom"].map((message) => ({ policy: "p", mode, allowedToMutate, message }))
  )
);
const custom = (message: string) => ({
  message: "custom",
  details: { causes: [{ reason: null, message, field: null }] },
});

test("AT-055: an acceptance stays as it is under all eight combinations of rules", () => {
  const accepted = responseTo("U", { accepted: true });
  assert.is(combinations.length, 8);
  for (const rules of combinations) assert.equal(applyVerdictRules(accepted, rules), accepted);
});

test("AT-056: a rejection is waved through in monitor mode, else kept, behind a custom message as its cause", () => {
  const rejected = responseTo("U", { accepted: false, message: "no" });
  for (const rules of combinations) {
    const { allowed, status } = applyVerdictRules(rejected, rules);
    if (rules.mode === "monitor") assert.equal([allowed, status], [true, undefined]);
    else assert.equal([allowed, status], [false, rules.message === undefined ? { message: "no" } : custom("no")]);
  }
});

test("AT-057: a mutation is taken away in monitor mode, kept where it is allowed, and else a rejection", () => {
  const mutated = responseTo("U", { accepted: true, mutation: patch });
  for (const rules of combinations) {
    const response = applyVerdictRules(mutated, rules);
    if (rules.mode === "protect" && rules.allowedToMutate) {
      assert.equal(response, mutated);
      continue;
    }
    assert.equal([response.patch, response.patchType], [undefined, undefined]);
    assert.is(response.allowed, rules.mode === "monitor");
    if (rules.mode === "monitor") assert.is(response.status, undefined);
    else {
      const message = rules.message === undefined ? { message: mutationText } : custom(mutationText);
      assert.equal(response.status, message);
    }
  }
});

const protect: VerdictRules = { policy: "p", mode: "protect", allowedToMutate: false };
const ruled: [string, PolicyAnswer, VerdictRules, string][] = [
  [
    "monitor mode lets a rejection pass and keeps its warnings",
    { accepted: false, message: "no", warnings: ["w"], mutation: patch },
    { ...protect, mode: "monitor", message: "custom" },
    '{"uid":"U","allowed":true,"auditAnnotations":null,"warnings":["w"]}',
  ],
  [
    "a patch that is not allowed rejects",
    { accepted: true, mutation: patch, code: 200 },
    protect,
    `{"uid":"U","allowed":false,"status":{"message":"${mutationText}"},${nulls}}`,
  ],
  [
    "an allowed patch passes",
    { accepted: true, mutation: patch },
    { ...protect, allowedToMutate: true },
    `{"uid":"U","allowed":true,"patchType":"JSONPatch","patch":"W10=",${nulls}}`,
  ],
  [
    "a custom message replaces the policy's, which becomes a cause, and keeps the code",
    { accepted: false, message: "no", code: 403 },
    { ...protect, message: "custom" },
    '{"uid":"U","allowed":false,"status":{"message":"custom","details":{"causes":[{"reason":null,"message":"no",' +
    `"field":null}]},"code":403},${nulls}}`,
  ],
  [
    "a custom message stands before the text on mutation, too",
    { accepted: true, mutation: patch },
    { ...protect, message: "custom" },
    `{"uid":"U","allowed":false,"status":{"message":"custom","details":{"causes":[{"reason":null,"message":` +
    `"${mutationText}","field":null}]}},${nulls}}`,
  ],
  [
    "a custom message leaves acceptances alone",
    { accepted: true },
    { ...protect, message: "custom" },
    `{"uid":"U","allowed":true,${nulls}}`,
  ],
];
for (const [name, answer, rules, expected] of ruled) {
  test(`verdict: ${name}`, () => {
    assert.is(stringifyJson(applyVerdictRules(responseTo("U", answer), rules)), expected);
  });
}

test.run();
