import { test } from "uvu";
import * as assert from "uvu/assert";
import { isRawNumber, parseJson, stringifyJson } from "./json.ts";

const texts = [
  "9007199254740993",
  "1.0",
  "-0",
  "1e400",
  "12345678901234567890",
  "0.1",
  "[1,2.50]",
  '{"a":"1.0","b":1.0}',
  '{"a":{"b":[1,[-0,"x"]]}}',
  '{"image":"nginx:1.27","cpu":1.50}',
  '["a",1E3]',
  '[{"x":-12345678901234567890}]',
];

for (const text of texts) {
  test(`json: ${text} comes out as it went in`, () => assert.is(stringifyJson(parseJson(text)), text));
}

test("json: white space does not hide a number", () => {
  assert.is(stringifyJson(parseJson('{ "a" :\n 1.0 , "b": [ -0 , 1e2 ] }')), '{"a":1.0,"b":[-0,1e2]}');
});

test("json: ordinary numbers stay JavaScript numbers", () => {
  assert.is(parseJson("9007199254740991"), 9007199254740991);
  assert.ok(isRawNumber(parseJson("9007199254740993")));
});

test.run();
