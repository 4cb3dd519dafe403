import { test } from "uvu";
import * as assert from "uvu/assert";
import { reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { exampleUrl } from "../testing/guests.ts";

const policyWith = (hostCapabilities: string[]) => ({
  module: exampleUrl("context-aware/policy"),
  hostCapabilities,
  contextAwareResources: [
    { apiVersion: "apps/v1", kind: "Deployment" },
    { apiVersion: "v1", kind: "Namespace" },
    { apiVersion: "v1", kind: "Service" },
  ],
});
const groupWith = (hostCapabilities: string[]) => ({
  policies: { context_aware: policyWith(hostCapabilities) },
  expression: "context_aware() && true",
  message: "The group policy rejected your request",
});
const server = await startPolicyServerProcess({
  env: { KUBEWARDEN_IGNORE_KUBERNETES_CONNECTION_FAILURE: "true", KUBECONFIG: "", HOME: "/nowhere" },
  policies: {
    "nothing-granted": policyWith([]),
    "everything-granted": policyWith(["*"]),
    "group-nothing-granted": groupWith([]),
    "group-everything-granted": groupWith(["*"]),
  },
});
test.after(() => server.stop());

const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "default" } };
const body = reviewOf(deployment, { resource: "deployments" });
const refusal = "has not been granted access";

async function verdict(id: string) {
  const { allowed, status } = verdictOf(await send(`${server.url}/validate/${id}`, { body }));
  return {
    allowed,
    message: status?.message ?? "",
    causes: status?.details?.causes?.map((each) => each.message ?? ""),
  };
}

test("AT-017: a policy without the capability that it uses is told so, and rejects", async () => {
  const { allowed, message } = await verdict("nothing-granted");
  assert.is(allowed, false);
  assert.match(message, refusal);
});

test("AT-018: a policy with every capability is not refused access, though there is no cluster to ask", async () => {
  assert.not.match((await verdict("everything-granted")).message, refusal);
});

test("AT-019: a group's member without the capability that it uses says so in a cause", async () => {
  const { allowed, causes } = await verdict("group-nothing-granted");
  assert.is(allowed, false);
  assert.ok(causes?.some((each) => each.includes(refusal)));
});

test("AT-020: a group's member with every capability is not refused access, though there is no cluster to ask", async () => {
  const { message, causes = [] } = await verdict("group-everything-granted");
  for (const each of [message, ...causes]) assert.not.match(each, refusal);
});

test.run();
