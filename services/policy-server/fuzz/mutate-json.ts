// pure
import type { Random } from "./random.ts";

/** JSON text that stands as it is in what `printed` writes; it need not be valid. */
export class Verbatim {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const verbatim = (text: string) => new Verbatim(text);
const nested = (open: string, close: string) => verbatim(open.repeat(100_000) + close.repeat(100_000));

const ordinary: readonly unknown[] = [null, true, false, "", "x", 0, 7, -1, 65_535, 65_536, [], {}, [null], { a: 1 }];
const odd: readonly unknown[] = [
  "\u0000",
  "\ufeffx",
  "__proto__",
  "constructor",
  "a".repeat(3000),
  "'; --",
  "../../etc/passwd",
  "\u{1f600}",
  ...["1.0", "-0", "1e999", "-1e-999", "123456789012345678901234567890", "0.1e1", '"\\ud800"', '"\\udfff\\ud800x"'],
  ...['{"a":1,"a":2}', '{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}'],
  ...['{"toString":null,"hasOwnProperty":1}', "[1,[2,[3,[4]]]]", ' {\n"a"\t:\r1 } '],
].map((each) => typeof each === "string" && /^[-\d"{[ ]/.test(each) ? verbatim(each) : each);
const invalid: readonly unknown[] = [
  "NaN",
  "01",
  "+1",
  "'a'",
  "undefined",
  "",
  "[1,]",
  '{"a":}',
  '"\t"',
  '"\\x"',
  "1 2",
]
  .map(verbatim);

/** A value of another kind or form than what may stand in its place; now and then one that is very deep or long. */
export function oddValue(random: Random): unknown {
  if (random.oneIn(400)) {
    return random.pick([nested("[", "]"), nested('{"a":', "}"), nested("[", ""), nested('[{"b":', "")]);
  }
  if (random.oneIn(1500)) return "x".repeat(5 * 1024 * 1024);
  if (random.oneIn(12)) return random.pick(invalid);
  return random.pick(random.oneIn(2) ? ordinary : odd);
}

const oddKeys = ["__proto__", "constructor", "toString", "", "\u0000", "a.b", "request", "uid", "valid", "accepted"];

/** The value with one to three changes somewhere inside: replaced, removed, renamed, put in, or doubled. */
export function mutatedJson(random: Random, value: unknown): unknown {
  let changed = value;
  for (let count = 1 + random.below(3); count > 0; count--) changed = changedSomewhere(random, changed);
  return changed;
}

function changedSomewhere(random: Random, value: unknown): unknown {
  const isOpen = typeof value === "object" && value !== null && !(value instanceof Verbatim);
  // Lists of entries can hold a key twice, which an object cannot.
  if (value instanceof Members || (isOpen && !Array.isArray(value))) {
    const entries = value instanceof Members ? value.entries : Object.entries(value as object);
    return entries.length === 0 || random.oneIn(12) ? oddValue(random) : new Members(changedEntries(random, entries));
  }
  if (!Array.isArray(value) || value.length === 0 || random.oneIn(8)) return oddValue(random);
  const at = random.below(value.length);
  return value.with(at, changedSomewhere(random, value[at]));
}

class Members {
  readonly entries: [string, unknown][];
  constructor(entries: [string, unknown][]) {
    this.entries = entries;
  }
}

function changedEntries(random: Random, entries: [string, unknown][]): [string, unknown][] {
  const at = random.below(entries.length);
  const [key, value] = entries[at] as [string, unknown];
  switch (random.below(10)) {
    case 0:
      return entries.toSpliced(at, 1);
    case 1:
      return entries.with(at, [random.pick(oddKeys), value]);
    case 2:
      return entries.toSpliced(at, 0, [key, oddValue(random)]);
    case 3:
      return entries.toSpliced(at, 0, [random.pick(oddKeys), oddValue(random)]);
    case 4:
    case 5:
      return entries.with(at, [key, oddValue(random)]);
    default:
      return entries.with(at, [key, changedSomewhere(random, value)]);
  }
}

/** Writes a value as JSON text, with white space here and there. */
export function printed(random: Random, value: unknown): string {
  const spaces = random.oneIn(4);
  return print(value);

  function print(value: unknown): string {
    if (value instanceof Verbatim) return value.text;
    if (Array.isArray(value)) return `[${value.map((each) => gap() + print(each) + gap()).join(",")}]`;
    if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
    const entries = value instanceof Members ? value.entries : Object.entries(value);
    return `{${
      entries.map(([key, each]) => `${gap()}${JSON.stringify(key)}${gap()}:${gap()}${print(each)}`).join(",")
    }}`;
  }

  function gap(): string {
    return spaces && random.oneIn(5) ? random.pick([" ", "\n", "\t", "\r\n", "  "]) : "";
  }
}
