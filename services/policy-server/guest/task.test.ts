import { applyPatch, createPatch } from "rfc6902";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { responseTo } from "../admission/verdict-rules.ts";
import { performTask } from "./task.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** What becomes of a waPC guest's answer to a request about an object; without one it is a DELETE. */
function responseFor(answer: Record<string, unknown>, object?: unknown) {
  const payload = bytes({ request: object === undefined ? {} : { object }, settings: {} });
  const outcome = performTask({
    task: { operation: "validate", payload, original: "object" },
    mode: "kubewarden-wapc",
  }, () => ({ kind: "answered", bytes: bytes(answer) }));
  assert.is(outcome.kind, "validated");
  return responseTo("U", outcome.kind === "validated" ? outcome.answer : { accepted: false });
}

test("AT-052: a mutated object that equals the original is no mutation", () => {
  const object = { hello: "world", list: [1, { deep: null }] };
  const response = responseFor({ accepted: true, mutated_object: object }, object);
  assert.equal([response.allowed, response.patch, response.patchType, response.status], [
    true,
    undefined,
    undefined,
    undefined,
  ]);
});

test("AT-053: a mutated object where there is none, as in a DELETE, is a rejection without a patch", () => {
  const response = responseFor({ accepted: true, mutated_object: { hello: "world" } });
  assert.equal([response.allowed, response.patch, response.patchType], [false, undefined, undefined]);
  assert.match(response.status?.message ?? "", "Incoming object is null");
});

test("AT-054: a mutated object becomes the JSON Patch that makes it of the original", () => {
  const [original, mutated] = [{ hello: "world" }, { hello: "world", ciao: "mondo" }];
  const response = responseFor({ accepted: true, mutated_object: mutated }, original);
  assert.equal([response.allowed, response.patchType], [true, "JSONPatch"]);
  const patch = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(response.patch ?? "")));
  assert.equal(patch, createPatch(original, mutated));
  applyPatch(original, patch);
  assert.equal(original, mutated);
});

test.run();
