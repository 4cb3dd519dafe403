import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { exampleUrl } from "../testing/guests.ts";

const module = exampleUrl("privileged-pods/policy");
const server = await startPolicyServerProcess({
  policies: {
    "pod-privileged": { module },
    "pod-privileged-with-message": { module, message: "Custom error message" },
    "group": {
      policies: { pod_privileged: { module } },
      expression: "pod_privileged() && true",
      message: "The group policy rejected your request",
    },
  },
});
test.after(() => server.stop());

const ask = (id: string, body: string) => send(`${server.url}/validate/${id}`, { body });
const privileged = reviewOf(pod({ privileged: true }));
const original = "Privileged container is not allowed";

test("AT-001: a privileged Pod is rejected with the policy's message and no code", async () => {
  const { uid, allowed, status } = verdictOf(await ask("pod-privileged", privileged));
  assert.is(uid, JSON.parse(privileged).request.uid);
  assert.is(allowed, false);
  assert.equal(status, { message: original });
});

test("AT-002: a custom message takes the place of the policy's, which becomes the one cause", async () => {
  const { allowed, status } = verdictOf(await ask("pod-privileged-with-message", privileged));
  assert.is(allowed, false);
  assert.equal(status, {
    message: "Custom error message",
    details: { causes: [{ reason: null, message: original, field: null }] },
  });
});

test("AT-003: a group rejects with its own message, a cause for the member and no warnings", async () => {
  const { allowed, status, warnings } = verdictOf(await ask("group", privileged));
  assert.is(allowed, false);
  assert.is(warnings, null);
  assert.equal(status, {
    message: "The group policy rejected your request",
    details: { causes: [{ reason: null, message: original, field: "spec.policies.pod_privileged" }] },
  });
});

test("AT-004: a group accepts an unprivileged Pod, without status or warnings", async () => {
  const { allowed, status, warnings } = verdictOf(await ask("group", reviewOf(pod())));
  assert.equal([allowed, status, warnings], [true, undefined, null]);
});

test("AT-005: a policy that does not exist is 404", async () => {
  assert.is((await ask("does_not_exist", privileged)).status, 404);
});

test("AT-006: a body without a request is 422", async () => {
  assert.is((await ask("pod-privileged", "{}")).status, 422);
});

test.run();
