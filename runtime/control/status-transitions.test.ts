import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { transitionsOf } from "./status-transitions.ts";

const object = (status?: object): KubeObject => ({
  apiVersion: "policies.kubewarden.io/v1",
  kind: "AdmissionPolicy",
  metadata: { name: "p" },
  ...(status ? { status } : {}),
});
const active = (status: string, reason: string, message = "") =>
  object({ conditions: [{ type: "PolicyActive", status, reason, message }] });

test("transitions: another status, another reason and a first condition count, other words do not", () => {
  const waiting = active("False", "WaitingForPolicyServer", "one pod");
  const count = (before: KubeObject, after: KubeObject) => transitionsOf(before, after).length;
  assert.is(count(object(), waiting), 1);
  assert.is(count(waiting, active("True", "PolicyActive")), 1);
  assert.is(count(waiting, active("False", "WebhookRefused")), 1);
  assert.is(count(waiting, active("False", "WaitingForPolicyServer", "two pods")), 0);
  assert.is(count(waiting, object({ conditions: [] })), 0, "conditions of others");
});

test("transitions: False is a warning unless the reason passes by itself; the words name the condition", () => {
  assert.equal(transitionsOf(object(), active("False", "WebhookRefused", "bad\nselector")), [{
    type: "Warning",
    action: "PolicyActive",
    reason: "WebhookRefused",
    message: "PolicyActive is False: bad\nselector",
  }]);
  assert.is(transitionsOf(object(), active("False", "WaitingForPolicyServer"))[0]?.type, "Normal");
  assert.equal(transitionsOf(object(), active("True", "PolicyActive")), [{
    type: "Normal",
    action: "PolicyActive",
    reason: "PolicyActive",
    message: "PolicyActive is True",
  }]);
});

test("transitions: a webhook that lets requests pass is a warning although its policy is active", () => {
  const [change] = transitionsOf(active("True", "PolicyActive"), active("True", "WebhookRelaxed"));
  assert.equal([change?.type, change?.reason], ["Warning", "WebhookRelaxed"]);
  assert.is(transitionsOf(active("True", "WebhookRelaxed"), active("True", "PolicyActive"))[0]?.type, "Normal");
});

test("transitions: policyStatus", () => {
  const [change] = transitionsOf(object({ policyStatus: "pending" }), object({ policyStatus: "active" }));
  assert.equal(change, {
    type: "Normal",
    action: "PolicyStatusActive",
    reason: "PolicyStatusChanged",
    message: "policyStatus is active, it was pending",
  });
  assert.equal(transitionsOf(object({ policyStatus: "active" }), object({ policyStatus: "active" })), []);
  assert.equal(transitionsOf(object({ policyStatus: "active" }), object({})), [], "the status of others");
});

test.run();
