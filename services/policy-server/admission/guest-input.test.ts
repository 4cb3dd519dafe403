import { test } from "uvu";
import * as assert from "uvu/assert";
import { guestInput } from "./guest-input.ts";

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
const parts = { request: '{"n":1.0}', settings: '{"big":9007199254740993,"é":1}' };
const context = new TextEncoder().encode('{"pods":{}}');
const given = (mode: Parameters<typeof guestInput>[0], more: Partial<Parameters<typeof guestInput>[1]> = {}) => {
  const { payload, data } = guestInput(mode, { ...parts, ...more });
  return [text(payload), text(data)];
};

test("input: waPC and WASI guests are given request and settings, digit by digit", () => {
  const both = ['{"request":{"n":1.0},"settings":{"big":9007199254740993,"é":1}}', undefined];
  assert.equal([given("kubewarden-wapc"), given("wasi")], [both, both]);
});

test("input: the settings are the data of an OPA policy", () => {
  assert.equal(given("opa"), ['{"request":{"n":1.0}}', '{"big":9007199254740993,"é":1}']);
});

test("input: what an OPA policy may see of the cluster takes the place of a setting of that name", () => {
  assert.equal(given("opa", { context })[1], '{"big":9007199254740993,"é":1,"kubernetes":{"pods":{}}}');
  assert.equal(given("opa", { context, settings: '{"kubernetes":1,"a":2}' })[1], '{"a":2,"kubernetes":{"pods":{}}}');
  assert.equal(given("opa", { context, settings: "{}" })[1], '{"kubernetes":{"pods":{}}}');
});

test("input: a Gatekeeper policy has parameters and review, and the cluster as inventory", () => {
  const payload = '{"parameters":{"big":9007199254740993,"é":1},"review":{"n":1.0}}';
  assert.equal(given("gatekeeper"), [payload, "{}"]);
  assert.equal(given("gatekeeper", { context }), [payload, '{"inventory":{"pods":{}}}']);
});

test.run();
