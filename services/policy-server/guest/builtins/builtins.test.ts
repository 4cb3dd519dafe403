import { readFile } from "node:fs/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../../../contracts/errors.ts";
import { parseJson, stringifyJson } from "../../../../contracts/json.ts";
import { builtins } from "./builtins.ts";
import { parseRego, RegoSet, type RegoValue, renderRego } from "./rego-value.ts";

const host = { print: () => {} };
const answer = (name: string, ...operands: RegoValue[]) => builtins.get(name)?.(operands, host);
const failure = (name: string, ...operands: RegoValue[]) => {
  try {
    return `answered ${stringifyJson(answer(name, ...operands))}`;
  } catch (error) {
    return messageOf(error);
  }
};

/** Keys in order: OPA and JavaScript order them differently. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null || "rawJSON" in value) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, each]) => [key, sorted(each)]),
  );
}
const text = (value: unknown) => stringifyJson(sorted(parseJson(stringifyJson(value))));

// Written by `opa eval` of OPA 1.22.3, in UTC: name, operands, result.
const answers = parseJson(
  await readFile(new URL("opa-answers.json", import.meta.url), "utf8"),
) as [string, RegoValue[], unknown][];

for (const name of new Set(answers.map(([name]) => name))) {
  test(`builtin: ${name} answers as OPA does`, () => {
    for (const [, operands, expected] of answers.filter((each) => each[0] === name)) {
      assert.is(text(answer(name, ...operands)), text(expected), stringifyJson(operands));
    }
  });
}

const failures: [string, RegoValue[], RegExp][] = [
  ["semver.compare", ["1.0", "1.0.0"], /^operand 1: string 1\.0 is not a valid SemVer$/],
  ["sprintf", [1, []], /^operand 1 must be string but got number$/],
  ["sprintf", ["%s", "x"], /^operand 2 must be array but got string$/],
  ["hex.decode", ["6"], /./],
  ["hex.decode", ["zz"], /./],
  ["regex.find_n", ["(", "a", 1], /./],
  ["regex.template_match", ["a{b", "a", "{", "}"], /^unbalanced braces in "a\{b"$/],
  ["regex.template_match", ["a", "a", "{{", "}"], /exactly one character/],
  ["json.patch", [{}, "x"], /^operand 2 must be array but got string$/],
  ["json.patch", [{}, [1]], /^operand 2 must be array of objects but got number$/],
  ["json.patch", [{}, [{ op: "remove", path: "/a" }]], /^patch 0: /],
  ["json.patch", [{}, [{ op: "nonsense", path: "/a" }]], /^patch 0: /],
  ["json.patch", [{ a: 1 }, [{ op: "test", path: "/a", value: 2 }]], /^patch 0: /],
  ["yaml.unmarshal", ["a: [b"], /./],
  ["yaml.unmarshal", ["a: 1\na: 2"], /unique/],
  ["urlquery.decode", ["%zz"], /^invalid URL escape "%zz"$/],
  ["urlquery.encode_object", ["x"], /^operand 1 must be object but got string$/],
  ["urlquery.encode_object", [{ a: 1 }], /must be string/],
  ["time.parse_rfc3339_ns", ["2021-02-29T00:00:00Z"], /out of range/],
  ["time.parse_rfc3339_ns", ["yesterday"], /not such a time/],
  ["time.parse_rfc3339_ns", ["2999-01-01T00:00:00Z"], /^time outside of valid range$/],
  ["time.date", ["x"], /^operand 1 must be either number/],
  ["time.date", [[0, "Atlantis/Poseidonis"]], /./],
  ["time.parse_duration_ns", ["5 minutes"], /^time: invalid duration "5 minutes"$/],
  ["units.parse", ["x"], /^units\.parse: no amount provided$/],
  ["units.parse", ["1 K"], /spaces not allowed/],
  ["units.parse", ["1Q"], /unit Q not recognized/],
  ["units.parse_bytes", ["1q"], /byte unit q not recognized/],
];
for (const [name, operands, message] of failures) {
  test(`builtin: ${name} of ${stringifyJson(operands)} says what is wrong`, () => {
    assert.match(failure(name, ...operands), message);
    assert.not.match(failure(name, ...operands), /^answered/);
  });
}

test("builtin: sprintf writes sets as sets, in order", () => {
  const [labels, empty] = ['{"b","a"}', "set()"].map(parseRego) as [RegoValue, RegoValue];
  assert.is(answer("sprintf", "missing: %v, %v", [labels, empty]), 'missing: {"a", "b"}, set()');
});

test("builtin: sprintf writes sets of objects, lists and numbers in order", () => {
  const dumped = '{{"b":1},{"a":2},[2],[1,5],set(),{1},10,9,2.50,null,true,"z",{"a":1,"c":0}}';
  const ordered = '{null, true, 2.50, 9, 10, "z", [1, 5], [2], {"a": 1, "c": 0}, {"a": 2}, {"b": 1}, set(), {1}}';
  assert.is(answer("sprintf", "%v", [parseRego(dumped)]), ordered);
});

test("builtin: sprintf of a width that would fill the memory does not", () => {
  assert.match(String(answer("sprintf", "%99999999d", [1])), /BADWIDTH/);
  assert.match(failure("sprintf", "%999999d".repeat(9), [1, 1, 1, 1, 1, 1, 1, 1, 1]), /too long/);
});

test("builtin: a regular expression that would run for ever elsewhere does not", () => {
  const started = performance.now();
  assert.equal(answer("regex.find_n", "(a+)+$", `${"a".repeat(5000)}!`, -1), []);
  assert.ok(performance.now() - started < 5000);
});

test("builtin: trace and print speak to the log", () => {
  const said: string[] = [];
  const speaking = { print: (text: string, level: string) => said.push(`${level} ${text}`) };
  assert.is(builtins.get("trace")?.(["hé"], speaking), true);
  builtins.get("internal.print")?.([[new RegoSet(["a"]), new RegoSet([{ b: 1 }])]], speaking);
  assert.equal(said, ["debug hé", "info a", 'info {"b": 1}']);
});

test("builtin: the clock is that of the host", () => {
  const before = BigInt(Date.now());
  const now = BigInt(stringifyJson(answer("time.now_ns"))) / 1_000_000n;
  assert.ok(now >= before && now <= BigInt(Date.now()));
});

test("rego value: what OPA dumps is read, odd keys and numbers included", () => {
  const dumped = '{"a":[1,2.50,{"x"}],"é\\"":{{1,2},set()},3:null,"__proto__":9007199254740993}';
  const rendered = '{"3": null, "__proto__": 9007199254740993, "a": [1, 2.50, {"x"}], "é\\"": {set(), {1, 2}}}';
  assert.is(renderRego(parseRego(dumped)), rendered);
  for (const bad of ["{", "{1,}", "[1", "{1:2,3}", "{} x", "{'a'}"]) {
    assert.throws(() => parseRego(bad), (error: unknown) => error instanceof SyntaxError, bad);
  }
});

test.run();
