import { test } from "uvu";
import * as assert from "uvu/assert";
import { stringifyJson } from "../../../contracts/json.ts";
import { parseConfigText } from "./config-text.ts";

const values: [string, string][] = [
  ['{"a": 9007199254740993, "b": 1.0}', '{"a":9007199254740993,"b":1.0}'],
  [
    "a: 9007199254740993\nb: 1.0\nc: '1.0'\nd: 0x10\ne: [1, 2]",
    '{"a":9007199254740993,"b":1.0,"c":"1.0","d":16,"e":[1,2]}',
  ],
  [
    "a: 0xffffffffffffffffff\nb: +9007199254740993\nc: 0o17",
    '{"a":4722366482869645213695,"b":9007199254740993,"c":15}',
  ],
  ["{a: 1, b: yes}", '{"a":1,"b":"yes"}'],
  ["1.0: a\n1: b", '{"1":"b","1.0":"a"}'],
  ["a: &x {b: 1.0}\nc: *x", '{"a":{"b":1.0},"c":{"b":1.0}}'],
  ["a: &x {b: 1}\nc:\n  <<: *x", '{"a":{"b":1},"c":{"<<":{"b":1}}}'],
  ['{"__proto__": {"a": 1}}', '{"__proto__":{"a":1}}'],
  ["__proto__: {a: 1}", '{"__proto__":{"a":1}}'],
  ["", "null"],
  ["# nothing\n", "null"],
  ["a: |\n  line\n  two\n", '{"a":"line\\ntwo\\n"}'],
];
for (const [text, expected] of values) {
  test(`config text: ${JSON.stringify(text)} is read exactly`, () => {
    const { value, source } = parseConfigText(text);
    assert.is(stringifyJson(value), expected);
    assert.equal(source.problems, []);
  });
}

/** Each line ten times the one before: ten lines for ten thousand million values. */
const bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" +
  [..."bcdefghij"].map((name, index) => {
    const alias = `*${"abcdefghi"[index]}`;
    return `${name}: &${name} [${Array(10).fill(alias).join(", ")}]\n`;
  }).join("");

const refused: [string, string, string][] = [
  ["a tab", "a:\n\tb: 1\n", "Tabs are not allowed as indentation (line 2)"],
  ["a second document", "a: 1\n---\nb: 1", "a second document: a file holds one (line 2)"],
  ["an open list", "a: [", "(line 1)"],
  ["JSON with a comma missing", '{\n"a": 1\n"b": 2}', "(line 2)"],
  ["an unknown tag", "a: 1\nb: !foo 1", "Unresolved tag: !foo (line 2)"],
  ["a binary", "a: !!binary aGk=", "Unresolved tag"],
  ["an alias without anchor", "a: 1\nb: *x", 'alias "x" has no anchor before it (line 2)'],
  ["an alias that holds itself", "a: &x [*x]", 'alias "x" holds itself (line 1)'],
  ["aliases that multiply", bomb, "its aliases stand for too many values"],
  ["a deep list of YAML", `a: ${"[".repeat(200)}${"]".repeat(200)}`, "nested deeper than 128 levels"],
  ["a very deep list", "[".repeat(50_000), "nested deeper than 128 levels"],
  ["deep JSON", `{"a":${"[".repeat(200)}${"]".repeat(200)}}`, "nested deeper than 128 levels"],
  ["very deep JSON", `${"[".repeat(50_000)}1.0${"]".repeat(50_000)}`, "nested deeper than 128 levels"],
];
for (const [what, text, message] of refused) {
  test(`config text: ${what} is refused`, () => {
    assert.throws(() => parseConfigText(text), (error: Error) => error.message.includes(message));
  });
}

const doubtful: [string, string, string[]][] = [
  ["a key twice in YAML", "a: 1\nb:\n  c: 1\n  c: 2\na: 2", ["a 1,5", "c 3,4"]],
  ["a key three times", "a: 1\na: 2\na: 3", ["a 1,2,3"]],
  ["a quoted key and a plain one", "'a': 1\na: 2", ["a 1,2"]],
  ["a key twice in JSON", '{"a":{"b":[0,{"c":"}","c":2}]},\n"x":1,\n"a":2}', ["a.b.1.c 1,1", "a 1,3"]],
  ["keys that are the same text", '{"a":1,\n"\\u0061":2}', ["a 1,2"]],
  ["a key that is a map", "a: 1\n? {b: 1}\n: 2", [" 2"]],
  ["a key that is nothing", "~: 1", [" 1"]],
  ["what is no number to JSON", "a: .nan\nb: -.inf", [" 1", " 2"]],
];
for (const [what, text, expected] of doubtful) {
  test(`config text: ${what} is a problem with its lines`, () => {
    const found = parseConfigText(text).source.problems.map(({ path, subject = path.join("."), lines }) =>
      `${subject} ${lines}`
    );
    assert.equal(found, expected);
  });
}

const places: [string, (string | number)[], number][] = [
  ["a:\n  b:\n  - c: 1\n  - d: 1\n", ["a", "b", 1, "d"], 4],
  ["a:\n  b:\n  - c: 1\n  - d: 1\n", ["a", "x"], 1],
  ["x: &x\n  y: 1\na: *x\n", ["a", "y"], 2],
  ['{\n"a": [{},\n[],\n{"b":\n1}]}', ["a", 2, "b"], 4],
  ['{"a": "\\"{",\n"b": [1,\n2]}', ["b", 1], 3],
  ['{"a": 1}', [], 1],
];
for (const [text, path, line] of places) {
  test(`config text: ${path.join(".")} of ${JSON.stringify(text)} is on line ${line}`, () => {
    assert.is(parseConfigText(text).source.lineOf(path), line);
  });
}

test.run();
