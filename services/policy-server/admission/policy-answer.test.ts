import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseGuestAnswer, parseSettingsAnswer } from "./policy-answer.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("answer: all members are read, unknown ones and nulls are not", () => {
  const text = '{"accepted":true,"message":null,"code":403,"mutated_object":{"a":1},"audit_annotations":{"k":"v"},' +
    '"warnings":["w"],"other":1}';
  assert.equal(parseGuestAnswer(bytes(text)), {
    accepted: true,
    code: 403,
    mutatedObject: { a: 1 },
    auditAnnotations: { k: "v" },
    warnings: ["w"],
  });
});

const wrong: [string, RegExp][] = [
  ["", /JSON/],
  ["this is no JSON", /JSON/],
  ["[]", /not a JSON object/],
  ["null", /not a JSON object/],
  ["{}", /missing field `accepted`/],
  ['{"accepted":"yes"}', /`accepted` must be a boolean/],
  ['{"accepted":true,"message":1}', /`message` must be a string/],
  ['{"accepted":true,"code":65536}', /`code`/],
  ['{"accepted":true,"code":-1}', /`code`/],
  ['{"accepted":true,"code":1.5}', /`code`/],
  ['{"accepted":true,"warnings":[1]}', /`warnings`/],
  ['{"accepted":true,"audit_annotations":{"a":1}}', /`audit_annotations`/],
  ['{"accepted":true,"audit_annotations":1.0}', /`audit_annotations`/],
  ["1.0", /not a JSON object/],
];
for (const [text, expected] of wrong) {
  test(`answer: ${text || "nothing"} is refused with a reason`, () => {
    assert.throws(() => parseGuestAnswer(bytes(text)), expected);
  });
}

test("answer: bytes that are not UTF-8 are refused", () => {
  assert.throws(() => parseGuestAnswer(Uint8Array.of(0x22, 0xff, 0x22)));
});

test("answer: settings need to say whether they are valid", () => {
  assert.equal(parseSettingsAnswer(bytes('{"valid":false,"message":"m"}')), { valid: false, message: "m" });
  assert.throws(() => parseSettingsAnswer(bytes("{}")), /missing field `valid`/);
});

test.run();
