import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
} from "yaml";
import { type ConfigProblem, type ConfigText, maxConfigDepth } from "../../../contracts/config-problems.ts";
import { messageOf } from "../../../contracts/errors.ts";
import { parseJson } from "../../../contracts/json.ts";

const maxSyntaxErrors = 10;

/** Reads one YAML document into what JSON can hold. Throws an Error that names lines if it is none. */
export function parseYamlText(text: string): ConfigText {
  const lines = new LineCounter();
  const lineAt = (offset: number) => lines.linePos(offset).line;
  // Tags would make values that no policy can be given; what is not resolved is a warning.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    resolveKnownTags: false,
    logLevel: "error",
  });
  const errors = [...document.errors, ...document.warnings];
  if (errors.some(({ code }) => code === "RESOURCE_EXHAUSTION")) throw new Error(tooDeep);
  if (errors.length > 0) {
    const texts = errors.map(({ code, message, pos }) => `${wordsFor[code] ?? message} (line ${lineAt(pos[0])})`);
    throw new Error([...new Set(texts)].slice(0, maxSyntaxErrors).join("; "));
  }
  const problems = exactly(document, lineAt);
  return { value: valueOf(document), source: { problems, lineOf: (path) => lineAt(offsetOf(document, path)) } };
}

const tooDeep = `nested deeper than ${maxConfigDepth} levels`;
const wordsFor: Partial<Record<string, string>> = { MULTIPLE_DOCS: "a second document: a file holds one" };

/** Makes numbers keep every digit, and finds what JSON cannot hold or what reads in two ways. */
function exactly(document: Document, lineAt: (offset: number) => number): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const report = (node: { range?: readonly number[] | null | undefined }, message: string) => {
    problems.push({ path: [], message, lines: [lineAt(node.range?.[0] ?? 0)] });
  };
  visit(document, {
    Alias(_key, node, path) {
      const target = node.resolve(document);
      const line = lineAt(node.range?.[0] ?? 0);
      if (target === undefined) throw new Error(`alias "${node.source}" has no anchor before it (line ${line})`);
      if (path.includes(target)) throw new Error(`alias "${node.source}" holds itself (line ${line})`);
    },
    Seq(_key, _node, path) {
      assertDepth(path);
    },
    Map(_key, node, path) {
      assertDepth(path);
      for (const { key, lines } of keysOf(node, lineAt)) {
        if (lines.length > 1) problems.push({ path: [], subject: key, message: "defined twice", lines });
      }
    },
    Pair(_key, { key }) {
      if (!isScalar(key) || key.value === null) report(isNode(key) ? key : {}, "a key that is no text");
    },
    Scalar(key, node) {
      if (key === "key") keepKey(node);
      else if (typeof node.value === "number") keepNumber(node, () => report(node, "a number that JSON cannot hold"));
    },
  });
  return problems;
}

function assertDepth(path: readonly unknown[]): void {
  if (path.filter((each) => isMap(each) || isSeq(each)).length >= maxConfigDepth) throw new Error(tooDeep);
}

/** Keys become text; a number among them as it is written. */
function keepKey(node: Scalar): void {
  if (node.value !== null && typeof node.value !== "string") node.value = node.source ?? String(node.value);
}

function keepNumber(node: Scalar, onProblem: () => void): void {
  const { source = "" } = node;
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(source)) node.value = parseJson(source);
  else if (/^0[xo]/.test(source)) node.value = parseJson(String(BigInt(source)));
  else if (/^\+?\d+$/.test(source)) node.value = parseJson(String(BigInt(source.replace("+", ""))));
  else if (!Number.isFinite(node.value)) onProblem();
}

function keysOf(map: YAMLMap, lineAt: (offset: number) => number): { key: string; lines: number[] }[] {
  const byKey = new Map<string, number[]>();
  for (const { key } of map.items) {
    if (!isScalar(key)) continue;
    const text = textOf(key), line = lineAt(key.range?.[0] ?? 0);
    const before = byKey.get(text);
    if (before) before.push(line);
    else byKey.set(text, [line]);
  }
  return [...byKey].map(([key, lines]) => ({ key, lines }));
}

function textOf(key: Scalar): string {
  return typeof key.value === "string" ? key.value : key.source ?? String(key.value);
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    // Aliases that multiply: a few lines can stand for more than any memory holds.
    const message = /alias count/i.test(messageOf(cause)) ? "its aliases stand for too many values" : messageOf(cause);
    throw new Error(message, { cause });
  }
}

/** Offset of the key or item that a path names, or of the deepest part of the path that is there. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const segment of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(({ key }) => isScalar(key) && textOf(key) === String(segment));
      if (pair === undefined) return offset;
      offset = (pair.key as Scalar).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(segment)];
      if (!isNode(item)) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else return offset;
  }
  return offset;
}
