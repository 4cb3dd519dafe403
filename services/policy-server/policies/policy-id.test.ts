import { test } from "uvu";
import * as assert from "uvu/assert";
import { silentLog } from "../../../runtime/telemetry/log.ts";
import { evaluate } from "../admission/evaluate.ts";
import { parsePolicyId } from "./policy-id.ts";

test("AT-049: an id is a policy's name, or a group's and a member's; nothing and three parts are none", async () => {
  assert.equal(parsePolicyId("policy1"), { name: "policy1" });
  assert.equal(parsePolicyId("group1/policy1"), { name: "group1", member: "policy1" });
  for (const policyId of ["", "a/b/c", "/a", "a/"]) {
    assert.is(parsePolicyId(policyId), undefined);
    const question = { policyId, uid: "U", text: "{}", original: "object", purpose: "validate" } as const;
    const context = { catalogue: new Map(), log: silentLog, run: () => Promise.reject(new Error("must not run")) };
    assert.equal(await evaluate(question, context, new AbortController().signal), {
      kind: "failed",
      message: `Not a valid Policy ID: ${policyId}`,
    });
  }
});

test.run();
