import { test } from "uvu";
import * as assert from "uvu/assert";
import { policiesFileFrom } from "../../contracts/policy-config-writer.ts";
import { entriesIn } from "./entries.ts";

const texts: [string, string][] = [
  [
    "clusterwide-a",
    `{"namespacedName":{"Namespace":"","Name":"a"},"policyMode":"monitor","settings":{"big":12345678901234567890}}`,
  ],
  [
    "namespaced-ns-b",
    `{"namespacedName":{"Namespace":"ns","Name":"b"},"policyMode":"protect","settings":{"9":1,"10":[2,{}]}}`,
  ],
  [
    "odd",
    `{"namespacedName":{"Namespace":"","Name":"odd"},"expression":"a() \\u0026\\u0026 b()","message":"}, \\"x\\": {"}`,
  ],
];

test("entries: are the very bytes of the file, so that a kept entry rolls out nothing", () => {
  const file = policiesFileFrom(texts);
  const entries = entriesIn(file);
  assert.equal([...entries].map(([unique, { text }]) => [unique, text]), texts);
  assert.is(policiesFileFrom([...entries].map(([unique, { text }]) => [unique, text] as const)), file);
});

test("entries: tell the mode and whose policy it is", () => {
  const entries = entriesIn(policiesFileFrom(texts));
  const { text: _, ...facts } = entries.get("clusterwide-a")!;
  assert.equal(facts, { mode: "monitor", namespace: "", name: "a" });
  assert.is(entries.get("namespaced-ns-b")!.namespace, "ns");
});

for (const text of ["", "{", "[]", "null", "7", "a: b", "{}", " { } "]) {
  test(`entries: there are none in ${JSON.stringify(text)}`, () => assert.is(entriesIn(text).size, 0));
}

test("entries: are found in a file with white space", () => {
  assert.equal([...entriesIn('{ "a" : {"x": 1} , "b" : null }').keys()], ["a", "b"]);
  assert.is(entriesIn('{ "a" : {"x": 1} , "b" : null }').get("b")!.text, "null");
});

test.run();
