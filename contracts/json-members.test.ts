import { test } from "uvu";
import * as assert from "uvu/assert";
import { jsonMembers, maxJsonDepth } from "./json-members.ts";

test("json members: values keep the text they were written in", () => {
  const text = ' { "a" : 1.0 , "b":{"x":[1,"}"]}, "c" : "q\\"\\\\" ,"d":null\n,"e":[ ],"f":-0e1 } ';
  assert.equal([...jsonMembers(text)], [
    ["a", "1.0"],
    ["b", '{"x":[1,"}"]}'],
    ["c", '"q\\"\\\\"'],
    ["d", "null"],
    ["e", "[ ]"],
    ["f", "-0e1"],
  ]);
});

test("json members: an empty object has none, and an object may start inside of a text", () => {
  assert.equal([...jsonMembers("{ }")], []);
  const text = '[7,{"a":true}]';
  assert.equal([...jsonMembers(text, text.indexOf("{"))], [["a", "true"]]);
});

test("json members: of a key that stands twice the last counts, also where it is escaped", () => {
  assert.equal([...jsonMembers('{"a":1,"\\u0061":2}')], [["a", "2"]]);
  assert.equal([...jsonMembers('{"__proto__":{"a":1},"":2}')], [["__proto__", '{"a":1}'], ["", "2"]]);
});

test("json members: nesting is bounded", () => {
  const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  assert.is(jsonMembers(nested(maxJsonDepth)).size, 1);
  assert.throws(() => jsonMembers(nested(maxJsonDepth + 1)), (error: unknown) => error instanceof RangeError);
});

test("json members: what they say is what JSON.parse says, for generated documents", () => {
  let seed = 7;
  const random = (bound: number) => (seed = (seed * 48271) % 2147483647) % bound;
  const texts = ['"', "\\", "a\nb", "{", "]", ",", ":", "é", "\u2028", "", "plain"];
  const value = (depth: number): unknown => {
    const kind = random(depth > 4 ? 4 : 6);
    if (kind === 0) return texts[random(texts.length)];
    if (kind === 1) return random(1000) - 500.5;
    if (kind === 2) return random(2) === 0;
    if (kind === 3) return null;
    const list = Array.from({ length: random(4) }, () => value(depth + 1));
    return kind === 4 ? list : Object.fromEntries(list.map((each, index) => [`${texts[random(11)]}${index}`, each]));
  };
  for (let round = 0; round < 2000; round++) {
    const document = { a: value(0), ...value(0) as object };
    const text = JSON.stringify(document, null, round % 3);
    const members = Object.fromEntries([...jsonMembers(text)].map(([key, each]) => [key, JSON.parse(each)]));
    assert.equal(members, JSON.parse(text), text);
  }
});

test.run();
