import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../contracts/errors.ts";
import { parseGroupExpression } from "../../../contracts/group-expression.ts";
import { createLog, silentLog } from "../../../runtime/telemetry/log.ts";
import type { TaskOutcome } from "../guest/protocol.ts";
import type { CataloguedPolicy } from "../policies/catalogue.ts";
import { runnableWith } from "../testing/runnable.ts";
import { evaluate } from "./evaluate.ts";
import { deadlineMessage } from "./run-policy.ts";
import type { VerdictRules } from "./verdict-rules.ts";

const never = new AbortController().signal;
const runnable = (policy: string) => runnableWith({ policy, settings: '{"big":9007199254740993}' });

function single(rules: Partial<VerdictRules> = {}): CataloguedPolicy {
  return {
    kind: "policy",
    runnable: runnable("p"),
    rules: { policy: "p", mode: "protect", allowedToMutate: false, ...rules },
  };
}

function group(expression: string, rules: Partial<VerdictRules> = {}): CataloguedPolicy {
  const members = ["a", "b", "c"];
  return {
    kind: "group",
    rules: { policy: "g", mode: "protect", allowedToMutate: false, ...rules },
    message: "the group says no",
    expression: parseGroupExpression(expression, members),
    members: new Map(members.map((name) => [name, runnable(`g/${name}`)])),
  };
}

type Case = {
  policy: CataloguedPolicy;
  outcomes: Record<string, TaskOutcome>;
  purpose?: "audit";
  original?: "object" | "request";
  namespace?: string;
  log?: typeof silentLog;
};

/** Evaluates against guests that answer as told, and says which of them ran. */
async function ask(
  { policy, outcomes, purpose, original = "object", namespace, log = silentLog }: Case,
  policyId = "x",
) {
  const ran: string[] = [];
  const payloads: string[] = [];
  const evaluation = await evaluate(
    { policyId, uid: "U", text: '{"n":1.0}', original, purpose: purpose ?? "validate", namespace },
    {
      catalogue: new Map([["x", policy]]),
      log,
      alwaysAcceptNamespace: "kubewarden",
      run: (each, task) => {
        ran.push(each.policy);
        payloads.push(new TextDecoder().decode(task.payload));
        return Promise.resolve(outcomes[each.policy] ?? { kind: "timed-out" });
      },
    },
    never,
  );
  return { evaluation, ran, payloads, response: evaluation.kind === "answered" ? evaluation.response : undefined };
}

const yes: TaskOutcome = { kind: "validated", answer: { accepted: true } };
const no = (message: string): TaskOutcome => ({ kind: "validated", answer: { accepted: false, message } });

const boom: TaskOutcome = { kind: "validated", answer: { accepted: false, message: "boom", code: 500 } };
const modes = ["protect", "monitor"] as const;
const purposes = [undefined, "audit"] as const;

test("AT-035: a policy that accepts lets pass in both modes, in validation and in audit", async () => {
  for (const mode of modes) {
    for (const purpose of purposes) {
      const input = { policy: single({ mode }), outcomes: { p: yes }, ...purpose && { purpose } };
      const { response } = await ask(input);
      assert.equal([response?.allowed, response?.status], [true, undefined]);
    }
  }
});

test("AT-036: a policy that rejects lets pass in monitor mode only, and an audit hears of it in both", async () => {
  const said = async (mode: "protect" | "monitor", purpose?: "audit") => {
    const input = { policy: single({ mode }), outcomes: { p: boom }, ...purpose && { purpose } };
    const { response } = await ask(input);
    return [response?.allowed, response?.status];
  };
  const rejection = [false, { message: "boom", code: 500 }];
  assert.equal(await said("protect"), rejection);
  assert.equal(await said("monitor"), [true, undefined]);
  assert.equal(await said("protect", "audit"), rejection);
  assert.equal(await said("monitor", "audit"), rejection);
});

test("AT-037: raw requests are accepted, and rejected with message and code", async () => {
  const accepted = (await ask({ policy: single(), outcomes: { p: yes }, original: "request" })).response;
  assert.equal([accepted?.allowed, accepted?.status], [true, undefined]);
  const rejected = (await ask({ policy: single(), outcomes: { p: boom }, original: "request" })).response;
  assert.equal([rejected?.allowed, rejected?.status], [false, { message: "boom", code: 500 }]);
});

test("AT-038: in the always accepted namespace a rejecting policy lets pass, in validation and in audit", async () => {
  for (const purpose of purposes) {
    const input = { policy: single(), outcomes: { p: boom }, namespace: "kubewarden", ...purpose && { purpose } };
    const { response } = await ask(input);
    assert.equal([response?.allowed, response?.status], [true, undefined]);
    const elsewhere = (await ask({ ...input, namespace: "default" })).response;
    assert.is(elsewhere?.allowed, false);
  }
});

test("AT-039: an id that nobody has is unknown, one that a policy has is known", async () => {
  const input = { policy: single(), outcomes: { p: yes } };
  for (const purpose of purposes) {
    const asked = { ...input, ...purpose && { purpose } };
    assert.equal((await ask(asked, "y")).evaluation, { kind: "unknown-policy" });
    assert.is((await ask(asked, "x")).evaluation.kind, "answered");
  }
});

test("AT-043: a policy that could not be initialized answers with that error", async () => {
  const { response, ran } = await ask({
    policy: {
      kind: "broken",
      rules: { policy: "p", mode: "protect", allowedToMutate: false },
      problems: [{ policy: "x", code: "MODULE_INVALID", message: "error" }],
    },
    outcomes: {},
  });
  assert.equal([response?.allowed, response?.status, ran], [false, { message: "error", code: 500 }, []]);
});

test("AT-086: a group is denied with causes of what denied, is allowed as soon as it can be, and warns of nothing", async () => {
  const unhappy = no("failing as expected");
  const outcomes = { "g/a": unhappy, "g/b": yes, "g/c": unhappy };
  const denied = (await ask({ policy: group("a() || (b() && c())"), outcomes })).response;
  assert.equal([denied?.allowed, denied?.warnings], [false, null]);
  assert.equal(
    denied?.status?.details?.causes?.map(({ field, message }) => [field, message]),
    ["a", "c"].map((member) => [`spec.policies.${member}`, "failing as expected"]),
  );
  const allowed = await ask({ policy: group("a() || b() || c()"), outcomes });
  assert.equal([allowed.response?.allowed, allowed.response?.status, allowed.response?.warnings], [
    true,
    undefined,
    null,
  ]);
  assert.equal(allowed.ran, ["g/a", "g/b"]);
});

test("evaluate: the guest gets request and settings with every digit", async () => {
  const { payloads } = await ask({ policy: single(), outcomes: { p: yes } });
  assert.equal(payloads, ['{"request":{"n":1.0},"settings":{"big":9007199254740993}}']);
});

const outcomes: [string, TaskOutcome, string][] = [
  ["a guest at its deadline", { kind: "timed-out" }, deadlineMessage],
  [
    "a guest that fails",
    { kind: "failed", phase: "call", message: "boom" },
    "internal server error: Guest call failure: boom",
  ],
  ["an answer that is none", { kind: "invalid-answer", message: "bad" }, "internal server error: bad"],
];
for (const [name, outcome, message] of outcomes) {
  test(`evaluate: ${name} rejects with code 500`, async () => {
    const { response } = await ask({ policy: single(), outcomes: { p: outcome } });
    assert.equal([response?.allowed, response?.status], [false, { message, code: 500 }]);
  });

  test(`evaluate: ${name} lets pass in monitor mode`, async () => {
    const { response } = await ask({ policy: single({ mode: "monitor" }), outcomes: { p: outcome } });
    assert.equal([response?.allowed, response?.status], [true, undefined]);
  });
}

test("evaluate: a guest that cannot be started is an error of ours", async () => {
  const { evaluation } = await ask({
    policy: single(),
    outcomes: { p: { kind: "failed", phase: "init", message: "no memory" } },
  });
  assert.is(evaluation.kind, "failed");
});

test("evaluate: audit hears the policy's plain word", async () => {
  const policy = single({ mode: "monitor", message: "custom" });
  const { response } = await ask({ policy, outcomes: { p: no("plain") }, purpose: "audit" });
  assert.equal([response?.allowed, response?.status], [false, { message: "plain" }]);
});

test("evaluate: in monitor mode the log tells the verdict, but not what a patch would have changed", async () => {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const mutation = { kind: "patch" as const, patch: '[{"op":"add","path":"/data/key","value":"c2VjcmV0"}]' };
  const outcome: TaskOutcome = { kind: "validated", answer: { accepted: false, message: "no", mutation } };
  const { response } = await ask({ policy: single({ mode: "monitor" }), outcomes: { p: outcome }, log });
  assert.equal([response?.allowed, response?.patch], [true, undefined]);
  const { mutated, response: logged } = JSON.parse(lines[0]!);
  assert.equal([mutated, logged.allowed, logged.status.message, logged.patch], [true, false, "no", undefined]);
});

test("evaluate: the always accepted namespace asks no policy, but the policy must exist", async () => {
  const input = { policy: single(), outcomes: { p: no("no") }, namespace: "kubewarden" };
  const { response, ran } = await ask(input);
  assert.equal([response?.allowed, ran], [true, []]);
  assert.is((await ask(input, "unknown")).evaluation.kind, "unknown-policy");
});

test("evaluate: unknown ids are unknown, ids that are none fail, members do not answer alone", async () => {
  const input = { policy: group("a()"), outcomes: {} };
  assert.is((await ask(input, "y")).evaluation.kind, "unknown-policy");
  assert.is((await ask(input, "x/a")).evaluation.kind, "unknown-policy");
  assert.is((await ask(input, "x/a/b")).evaluation.kind, "failed");
});

test("group: members run left to right and only as far as needed", async () => {
  const { response, ran } = await ask({
    policy: group("(a() && b()) || c()"),
    outcomes: { "g/a": no("a!"), "g/c": yes },
  });
  assert.equal([response?.allowed, response?.status, ran], [true, undefined, ["g/a", "g/c"]]);
});

test("group: a rejection has the group's message and a cause for each denied member", async () => {
  const patch: TaskOutcome = {
    kind: "validated",
    answer: { accepted: true, mutation: { kind: "patch", patch: "[]" } },
  };
  const { response } = await ask({
    policy: group("a() || b() || c()"),
    outcomes: { "g/a": no("a!"), "g/b": patch, "g/c": { kind: "timed-out" } },
  });
  assert.equal(response, {
    uid: "U",
    allowed: false,
    status: {
      message: "the group says no",
      details: {
        causes: [
          { reason: null, message: "a!", field: "spec.policies.a" },
          { reason: null, message: "mutation is not allowed inside of policy group", field: "spec.policies.b" },
          { reason: null, message: deadlineMessage, field: "spec.policies.c" },
        ],
      },
    },
    auditAnnotations: null,
    warnings: null,
  });
});

test("group: a member that cannot be started is an error in the expression", async () => {
  const { response } = await ask({
    policy: group("!a()"),
    outcomes: { "g/a": { kind: "failed", phase: "init", message: "no memory" } },
  });
  assert.is(response?.allowed, false);
  assert.is(response?.status?.code, 500);
  assert.match(response?.status?.message ?? "", /^error evaluating policy group expression: .*no memory/);
});

test("group: monitor mode lets a rejection pass", async () => {
  const { response } = await ask({ policy: group("a()", { mode: "monitor" }), outcomes: { "g/a": no("a!") } });
  assert.equal([response?.allowed, response?.status], [true, undefined]);
});

test("evaluate: a group one of whose members is refused for overload is no answer, but an overload", async () => {
  const evaluation = await evaluate({ policyId: "x", uid: "U", text: "{}", original: "object", purpose: "validate" }, {
    catalogue: new Map([["x", group("a() || b()", { mode: "monitor" })]]),
    log: silentLog,
    run: () => Promise.reject(new KubewardenError("OVERLOADED", "full")),
  }, never);
  assert.equal(evaluation, { kind: "overloaded" });
});

test("group: what members warn of and annotate is passed on, of those that were run", async () => {
  const saying = (accepted: boolean, name: string): TaskOutcome => ({
    kind: "validated",
    answer: { accepted, warnings: [`${name} warns`], auditAnnotations: { [name]: "1", last: name } },
  });
  const { response } = await ask({
    policy: group("a() || b() || c()"),
    outcomes: { "g/a": saying(false, "a"), "g/b": saying(true, "b"), "g/c": saying(true, "c") },
  });
  assert.is(response?.allowed, true);
  assert.equal(response?.warnings, ["a warns", "b warns"]);
  assert.equal(response?.auditAnnotations, { a: "1", b: "1", last: "b" });
});

const withoutAnswer: [string, TaskOutcome][] = [
  ["ran out of time", { kind: "timed-out" }],
  ["trapped", { kind: "failed", phase: "call", message: "boom" }],
  ["answered nonsense", { kind: "invalid-answer", message: "nonsense" }],
  ["mutated", { kind: "validated", answer: { accepted: true, mutation: { kind: "patch", patch: "[]" } } }],
];
for (const [what, outcome] of withoutAnswer) {
  test(`group: the negation of a member that ${what} lets nothing in, and others may still decide`, async () => {
    const allowedBy = async (expression: string) =>
      (await ask({ policy: group(expression), outcomes: { "g/a": outcome, "g/b": yes, "g/c": no("c") } })).response;
    for (const expression of ["!a()", "!a() && b()", "!(a() && b())", "a() == c()", "a() != b()", "!a() || c()"]) {
      const response = await allowedBy(expression);
      assert.is(response?.allowed, false, expression);
      assert.is(response?.status?.message, "the group says no");
      assert.is(response?.status?.details?.causes?.[0]?.field, "spec.policies.a");
    }
    assert.is((await allowedBy("a() || b()"))?.allowed, true);
    assert.is((await allowedBy("!(a() && c())"))?.allowed, true);
  });
}

test.run();
