import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { exampleUrl } from "../testing/guests.ts";

const mutation = {
  module: exampleUrl("raw-mutation/policy"),
  settings: { forbiddenResources: ["banana", "carrot"], defaultResource: "hay" },
};
const server = await startPolicyServerProcess({
  policies: {
    "raw-mutation": { ...mutation, allowedToMutate: true },
    "group": {
      policies: { raw_mutation: mutation },
      expression: "raw_mutation() && true",
      message: "The group policy rejected your request",
    },
  },
});
test.after(() => server.stop());

const ask = (id: string, body: string) => send(`${server.url}/validate_raw/${id}`, { body });
const banana = JSON.stringify({ request: { uid: "1", user: "tonio", action: "eats", resource: "banana" } });

test("AT-007: a raw request with a forbidden resource is allowed with a JSON Patch and no status", async () => {
  const { uid, allowed, status, patch, patchType } = verdictOf(await ask("raw-mutation", banana));
  assert.equal([uid, allowed, status, patchType], ["1", true, undefined, "JSONPatch"]);
  const operations = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(patch ?? "")));
  assert.equal(operations, [{ op: "replace", path: "/resource", value: "hay" }]);
});

test("AT-008: a group refuses the member that mutates, names it in its cause and sends no patch", async () => {
  const { allowed, status, patch } = verdictOf(await ask("group", banana));
  assert.equal([allowed, patch, status?.message], [false, undefined, "The group policy rejected your request"]);
  assert.equal(status?.details?.causes?.map(({ message }) => message), [
    "mutation is not allowed inside of policy group",
  ]);
});

test("AT-009: a raw policy that does not exist is 404", async () => {
  assert.is((await ask("does_not_exist", reviewOf(pod({ privileged: true })))).status, 404);
});

test("AT-010: a raw body without a request is 422", async () => {
  assert.is((await ask("raw-mutation", "{}")).status, 422);
});

test.run();
