// pure
import { expressionInvalid, type Token, tokensOf } from "./expression-tokens.ts";

/**
 * The boolean expression of a policy group: members called as `name()`, `!`, `==`, `!=`, `&&`, `||`, parentheses,
 * `true`/`false`, and integers that are compared with each other; comparisons bind tighter than `==`, `==` tighter than
 * `&&`, `&&` tighter than `||`. Integers are only ever literals, so a comparison is a literal as soon as it is read.
 * Source: reference/controller.md 2.8, reference/policy-server.md 7.1.
 */
export type GroupExpression =
  | { kind: "literal"; value: boolean }
  | { kind: "member"; name: string }
  | { kind: "not"; operand: GroupExpression }
  | { kind: "and" | "or"; operands: GroupExpression[] }
  | { kind: "equality"; first: GroupExpression; rest: { equal: boolean; operand: GroupExpression }[] };

/** What a member may be called; the reserved words are CEL's. */
export const memberNamePattern = "^[_a-zA-Z][_a-zA-Z0-9]*$";
export const reservedMemberNames: readonly string[] =
  "true false null in as break const continue else for function if import let loop package namespace return var void while"
    .split(" ");

/** Whether a member of a group may have this name. */
export function isMemberName(name: string): boolean {
  return new RegExp(memberNamePattern).test(name) && !reservedMemberNames.includes(name);
}

// As deep as CEL's own parser goes; a deeper text would exhaust the stack.
const maxDepth = 250;
// Both languages have signed integers of 64 bits.
const [minInteger, maxInteger] = [-(2n ** 63n), 2n ** 63n - 1n];

type Integer = { kind: "integer"; value: bigint };
/** A part of an expression and where it begins. */
type Part = { value: GroupExpression | Integer; at: number };
type Compare = (left: bigint, right: bigint) => boolean;

const comparisons: Record<string, Compare> = {
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};

/**
 * Parses an expression; every member it calls must be in `members`, and it must be boolean in all its parts. Throws
 * `GROUP_EXPRESSION_INVALID` with the position (1 is the first character) and upstream's words where it has some.
 */
export function parseGroupExpression(text: string, members: Iterable<string>): GroupExpression {
  const known = new Set(members);
  const tokens = tokensOf(text);
  let next = 0, depth = 0;

  const { value, at } = parseOr();
  if (next < tokens.length) fail("expected the end or an operator");
  if (value.kind === "integer") throw expressionInvalid("Output type incorrect: i64 (expecting bool)", at);
  return value;

  function parseOr(): Part {
    return parseChain("||", "or", () => parseChain("&&", "and", parseEquality));
  }

  function parseChain(operator: string, kind: "and" | "or", parseOperand: () => Part): Part {
    const first = parseOperand();
    if (peek() !== operator) return first;
    const operands = [booleanOf(first)];
    while (accept(operator)) operands.push(booleanOf(parseOperand()));
    return { value: { kind, operands }, at: first.at };
  }

  function parseEquality(): Part {
    let left = parseComparison();
    for (;;) {
      const operator = tokens[next];
      if (!accept("==") && !accept("!=")) return left;
      const equal = operator?.text === "==";
      left = { value: equalityOf(left.value, parseComparison().value, { equal, at: left.at }), at: left.at };
    }
  }

  function parseComparison(): Part {
    let left = parseUnary();
    for (;;) {
      const operator = tokens[next];
      const compare = operator && Object.hasOwn(comparisons, operator.text) ? comparisons[operator.text] : undefined;
      if (operator === undefined || compare === undefined) return left;
      next++;
      const right = parseUnary();
      if (left.value.kind !== "integer" || right.value.kind !== "integer") {
        const types = `${typeOf(left.value)}, ${typeOf(right.value)}`;
        const reason = `Function not found: ${operator.text} (${types}): only integers have an order`;
        throw expressionInvalid(reason, operator.at);
      }
      left = { value: { kind: "literal", value: compare(left.value.value, right.value.value) }, at: left.at };
    }
  }

  function parseUnary(): Part {
    if (++depth > maxDepth) fail(`nested deeper than ${maxDepth} levels`);
    const at = tokens[next]?.at ?? text.length;
    const result: Part = accept("!")
      ? { value: { kind: "not", operand: booleanOf(parseUnary()) }, at }
      : { value: parsePrimary(), at };
    depth--;
    return result;
  }

  function parsePrimary(): Part["value"] {
    if (accept("(")) {
      const inner = parseOr();
      if (!accept(")")) fail('expected ")"');
      return inner.value;
    }
    const sign = accept("-") ? "-" : "";
    const name = peek();
    if (name !== undefined && /^[0-9]/.test(name)) return integer(sign + name);
    if (sign !== "") fail("expected an integer");
    if (name === undefined || !/^\w/.test(name)) return fail('expected a member call, "true", "false", "!" or "("');
    if (name === "if" && !known.has(name)) fail('"if" is not available: write "&&" and "||"');
    if (name === "true" || name === "false") {
      next++;
      return { kind: "literal", value: name === "true" };
    }
    if (!known.has(name)) {
      throw expressionInvalid(`Function not found: ${name} (): the group has no such member`, tokens[next]?.at ?? 0);
    }
    next++;
    if (!accept("(") || !accept(")")) fail(`expected "()" after "${name}"`);
    return { kind: "member", name };
  }

  function integer(digits: string): Integer {
    // A longer text is out of range too, and would take long to read.
    const value = digits.length > 20 ? maxInteger + 1n : BigInt(digits);
    if (value < minInteger || value > maxInteger) fail("an integer beyond 64 bits");
    next++;
    return { kind: "integer", value };
  }

  function peek(): string | undefined {
    return tokens[next]?.text;
  }

  function accept(operator: string): boolean {
    if (peek() !== operator) return false;
    next++;
    return true;
  }

  function fail(reason: string): never {
    const token: Token | undefined = tokens[next];
    const what = token !== undefined && /^[-+*/%]$/.test(token.text) ? "there is no arithmetic" : reason;
    const found = token === undefined ? "the end" : `"${token.text}"`;
    throw expressionInvalid(`Syntax error: ${what}, found ${found}`, token?.at ?? text.length);
  }
}

function booleanOf({ value, at }: Part): GroupExpression {
  if (value.kind === "integer") throw expressionInvalid("Data type incorrect: i64 (expecting bool)", at);
  return value;
}

function equalityOf(
  left: Part["value"],
  right: Part["value"],
  { equal, at }: { equal: boolean; at: number },
): GroupExpression {
  if (left.kind === "integer" && right.kind === "integer") {
    return { kind: "literal", value: (left.value === right.value) === equal };
  }
  if (left.kind === "integer" || right.kind === "integer") {
    const types = `${typeOf(left)} with ${typeOf(right)}`;
    throw expressionInvalid(`Data type incorrect: cannot compare ${types}`, at);
  }
  const step = { equal, operand: right };
  if (left.kind !== "equality") return { kind: "equality", first: left, rest: [step] };
  // a == b == c is (a == b) == c, with and without the parentheses.
  left.rest.push(step);
  return left;
}

function typeOf({ kind }: Part["value"]): "i64" | "bool" {
  return kind === "integer" ? "i64" : "bool";
}

/**
 * Evaluates left to right and lazily: a member that cannot change the outcome is not called, one named twice is called
 * twice (reference/policy-server.md 7.3). One that gave no answer (`undefined`: it ran out of time, it trapped) is neither
 * true nor false: others may still decide, but its negation is as unknown as itself, since otherwise `!member()` would let
 * in what `member()` could not look at. What `callMember` throws is passed on.
 */
export async function evaluateGroupExpression(
  expression: GroupExpression,
  callMember: (name: string) => Promise<boolean | undefined>,
): Promise<boolean | undefined> {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "member":
      return await callMember(expression.name);
    case "not": {
      const value = await evaluateGroupExpression(expression.operand, callMember);
      return value === undefined ? undefined : !value;
    }
    case "and":
    case "or": {
      const decisive = expression.kind === "or";
      let result: boolean | undefined = !decisive;
      for (const operand of expression.operands) {
        const value = await evaluateGroupExpression(operand, callMember);
        if (value === decisive) return decisive;
        if (value === undefined) result = undefined;
      }
      return result;
    }
    case "equality": {
      let value = await evaluateGroupExpression(expression.first, callMember);
      for (const { equal, operand } of expression.rest) {
        const next = await evaluateGroupExpression(operand, callMember);
        value = value === undefined || next === undefined ? undefined : (value === next) === equal;
      }
      return value;
    }
  }
}
