import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseCapabilities } from "../../../contracts/capabilities.ts";
import { createLog } from "../../../runtime/log.ts";
import { answerHostCall } from "./dispatch.ts";

async function call(path: string, grants: string[], payload = "{}") {
  const [binding = "", namespace = "", ...operation] = path.split(" ");
  const lines: string[] = [];
  const log = createLog({ level: "debug", write: (line) => lines.push(line) });
  const reply = await answerHostCall(
    { binding, namespace, operation: operation.join(" "), payload: new TextEncoder().encode(payload) },
    { policy: "p", capabilities: parseCapabilities(grants), log },
  );
  return { reply: reply.ok ? "ok" : reply.message, lines: lines.map((line) => JSON.parse(line)) };
}

const denied = (path: string) =>
  `Policy has not been granted access to the '${path}' host capability. The violation has been reported.`;

const refusals: [string, string[], string][] = [
  ["other kubernetes can_i", ["*"], "unknown binding: other"],
  ["kubewarden kubernetes can_i", [], denied("kubernetes/can_i")],
  ["kubewarden kubernetes can_i", ["kubernetes/get_resource", "oci/*"], denied("kubernetes/can_i")],
  ["kubewarden cooking boil", [], denied("cooking/boil")],
  ["kubewarden cooking boil", ["*"], "unknown namespace: cooking"],
  ["kubewarden oci v1/boil", ["oci/*"], "unknown operation: v1/boil"],
  ["kubewarden tracing trace", [], "unknown operation: trace"],
  [
    "kubewarden net v1/dns_lookup_host",
    ["net/*"],
    "host capability 'net/v1/dns_lookup_host' is not available yet in this policy server",
  ],
];
for (const [path, grants, expected] of refusals) {
  test(`host call: ${path} with ${JSON.stringify(grants)} is refused`, async () => {
    assert.is((await call(path, grants)).reply, expected);
  });
}

test("host call: a violation is logged with what was asked and what is granted", async () => {
  const { lines: [line] } = await call("kubewarden kubernetes can_i", ["oci/v1/*", "net/v1/dns_lookup_host"]);
  assert.equal(
    [line.level, line.policy, line.capability, line.allowed_capabilities],
    ["error", "p", "kubernetes/can_i", "[oci/v1/*, net/v1/dns_lookup_host]"],
  );
});

const events: [string, string, string][] = [
  ['{"level":"TRACE","message":"m","a":1}', "debug", "m"],
  ['{"level":"warning"}', "warn", ""],
  ['{"level":"error","message":null}', "error", ""],
  ['{"level":"warn","message":"m"}', "error", "Cannot log event"],
  ["no JSON", "error", "Cannot log event"],
];
for (const [payload, level, message] of events) {
  test(`host call: a policy may always log ${payload}, and always succeeds`, async () => {
    const { reply, lines: [line] } = await call("kubewarden tracing log", [], payload);
    assert.equal([reply, line.level, line.message, line.policy], ["ok", level, message, "p"]);
  });
}

test.run();
