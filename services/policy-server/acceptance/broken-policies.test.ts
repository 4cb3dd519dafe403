import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { exampleUrl } from "../testing/guests.ts";

// Port 1 of loopback: nobody listens there.
const wrongUrl = "127.0.0.1:1/kubewarden/tests/not_existing:v0.1.0";
const server = await startPolicyServerProcess({
  policies: {
    "sleeping-policy": { module: exampleUrl("sleep/policy"), settings: { sleepMilliseconds: "abc" } },
    "wrong_url": { module: wrongUrl },
    "pod-privileged": { module: exampleUrl("privileged-pods/policy") },
  },
  env: { KUBEWARDEN_CONTINUE_ON_ERRORS: "true" },
});
test.after(() => server.stop());

const ask = async (path: string) =>
  verdictOf(await send(`${server.url}/${path}`, { body: reviewOf(pod({ privileged: true })) }));

test("AT-022: with --continue-on-errors a policy that cannot read its settings rejects and says why", async () => {
  const { allowed, status } = await ask("validate/sleeping-policy");
  assert.equal([allowed, status?.code], [false, 500]);
  assert.match(
    status?.message ?? "",
    /Policy settings are invalid:.*Error decoding validation payload.*invalid type: string.*expected u64/,
  );
});

test("AT-023: with --continue-on-errors a policy whose module cannot be fetched rejects and says from where", async () => {
  const { allowed, status } = await ask("audit/wrong_url");
  assert.equal([allowed, status?.code], [false, 500]);
  assert.match(status?.message ?? "", `Error while downloading policy 'wrong_url' from ${wrongUrl}`);
});

test("broken policies: with --continue-on-errors the others answer as ever", async () => {
  assert.equal((await ask("validate/pod-privileged")).status, { message: "Privileged container is not allowed" });
});

test.run();
