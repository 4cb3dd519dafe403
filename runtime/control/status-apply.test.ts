import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { StatusIntent } from "./plan.ts";
import { isAtLeast, statusApplyFor, statusIsApplied } from "./status-apply.ts";

const earlier = "2026-01-01T00:00:00Z", now = new Date("2026-02-02T02:02:02.345Z");
const target = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer", name: "default", uid: "u1" };
const ready = { type: "Ready", status: "True", reason: "Done", message: "All is well" } as const;
const intent: StatusIntent = { target, conditions: [ready], fields: { caBundle: "pem", absent: undefined } };

function server(status: Record<string, unknown>, owned?: Record<string, unknown>): KubeObject {
  const entry = { manager: "certs", operation: "Apply", subresource: "status", fieldsV1: { "f:status": owned } };
  return {
    apiVersion: target.apiVersion,
    kind: target.kind,
    metadata: { name: "default", uid: "u1", ...(owned ? { managedFields: [entry] } : {}) },
    status,
  };
}
const ownedExactly = { "f:caBundle": {}, "f:conditions": { ".": {}, 'k:{"type":"Ready"}': { ".": {}, "f:type": {} } } };

test("status: carries the uid, the defined fields and the conditions, and nothing else", () => {
  assert.equal(statusApplyFor(intent, server({}), now), {
    apiVersion: target.apiVersion,
    kind: target.kind,
    metadata: { name: "default", uid: "u1" },
    status: { caBundle: "pem", conditions: [{ ...ready, lastTransitionTime: "2026-02-02T02:02:02Z" }] },
  });
});

test("status: a condition keeps its time while its status stays, though its message changes", () => {
  const current = server({ conditions: [{ ...ready, message: "older words", lastTransitionTime: earlier }] });
  const { conditions } = statusApplyFor(intent, current, now).status as {
    conditions: { lastTransitionTime: string }[];
  };
  assert.is(conditions[0]?.lastTransitionTime, earlier);
});

test("status: a condition whose status changes gets the present time", () => {
  const current = server({ conditions: [{ ...ready, status: "False", lastTransitionTime: earlier }] });
  const { conditions } = statusApplyFor(intent, current, now).status as {
    conditions: { lastTransitionTime: string }[];
  };
  assert.is(conditions[0]?.lastTransitionTime, "2026-02-02T02:02:02Z");
});

test("status: a message is cut to what an API server takes", () => {
  const conditions = [{ ...ready, message: "x".repeat(40_000) }];
  const applied = statusApplyFor({ ...intent, conditions }, server({}), now).status as typeof intent;
  assert.is(applied.conditions[0]?.message.length, 32_768);
  assert.is(applied.conditions[0]?.message.at(-1), "…");
});

const present = { ...ready, lastTransitionTime: earlier };
const cases: [string, KubeObject, boolean][] = [
  ["is applied when all is there and owned", server({ caBundle: "pem", conditions: [present] }, ownedExactly), true],
  [
    "is applied whatever others own besides",
    server({ caBundle: "pem", theirs: 1, conditions: [{ ...present, type: "Other" }, present] }, ownedExactly),
    true,
  ],
  ["is not applied when a value differs", server({ caBundle: "old", conditions: [present] }, ownedExactly), false],
  [
    "is not applied when a condition differs",
    server({
      caBundle: "pem",
      conditions: [{ ...present, reason: "Other" }],
    }, ownedExactly),
    false,
  ],
  ["is not applied when nobody says who owns it", server({ caBundle: "pem", conditions: [present] }), false],
  [
    "is not applied when a field is owned that is now left out and must be pruned",
    server({ caBundle: "pem", old: 1, conditions: [present] }, { ...ownedExactly, "f:old": {} }),
    false,
  ],
  [
    "is not applied when a condition is there but owned by someone else",
    server({ caBundle: "pem", conditions: [present] }, { "f:caBundle": {} }),
    false,
  ],
];
for (const [name, current, expected] of cases) {
  test(`status: ${name}`, () =>
    assert.is(statusIsApplied(statusApplyFor(intent, current, now), current, "certs"), expected));
}

test("status: key order and large numbers do not count as a difference", () => {
  const fields = { servedBy: parseJson('{"b":9007199254740993,"a":1}') };
  const current = server({ servedBy: parseJson('{"a":1,"b":9007199254740993}'), conditions: [] }, {
    "f:servedBy": {},
    "f:conditions": {},
  });
  const body = statusApplyFor({ target, conditions: [], fields }, current, now);
  assert.ok(statusIsApplied(body, current, "certs"));
});

test("versions: compared as numbers of any length, and not at all where they are none", () => {
  assert.is(isAtLeast("10", "9"), true);
  assert.is(isAtLeast("9", "10"), false);
  assert.is(isAtLeast("9007199254740993", "9007199254740992"), true);
  assert.is(isAtLeast("x", "1"), undefined);
});

test.run();
