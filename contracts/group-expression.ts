// pure
import { KubewardenError } from "./errors.ts";

/**
 * The boolean expression of a policy group: members called as `name()`, `!`, `==`, `!=`, `&&`, `||`, parentheses and
 * `true`/`false`; `==` binds tighter than `&&`, `&&` tighter than `||`. Source: reference/controller.md 2.8.
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

type Token = { text: string; at: number };
const tokenPattern = /\s+|\/\/[^\n]*|(&&|\|\||==|!=|[!()]|[_a-zA-Z][_a-zA-Z0-9]*)/y;
// As deep as CEL's own parser goes; a deeper text would exhaust the stack.
const maxDepth = 250;

/**
 * Parses an expression; every member it calls must be in `members`. Throws `GROUP_EXPRESSION_INVALID` with the position
 * (1 is the first character).
 */
export function parseGroupExpression(text: string, members: Iterable<string>): GroupExpression {
  const known = new Set(members);
  const tokens = tokensOf(text);
  let next = 0, depth = 0;

  const expression = parseOr();
  if (next < tokens.length) fail("expected the end or an operator");
  return expression;

  function parseOr(): GroupExpression {
    return parseChain("||", "or", () => parseChain("&&", "and", parseEquality));
  }

  function parseChain(operator: string, kind: "and" | "or", parseOperand: () => GroupExpression): GroupExpression {
    const first = parseOperand();
    const operands = [first];
    while (accept(operator)) operands.push(parseOperand());
    return operands.length === 1 ? first : { kind, operands };
  }

  function parseEquality(): GroupExpression {
    const first = parseUnary();
    const rest: { equal: boolean; operand: GroupExpression }[] = [];
    for (;;) {
      if (accept("==")) rest.push({ equal: true, operand: parseUnary() });
      else if (accept("!=")) rest.push({ equal: false, operand: parseUnary() });
      else return rest.length === 0 ? first : { kind: "equality", first, rest };
    }
  }

  function parseUnary(): GroupExpression {
    if (++depth > maxDepth) fail(`nested deeper than ${maxDepth} levels`);
    const result = accept("!") ? { kind: "not" as const, operand: parseUnary() } : parsePrimary();
    depth--;
    return result;
  }

  function parsePrimary(): GroupExpression {
    if (accept("(")) {
      const inner = parseOr();
      if (!accept(")")) fail('expected ")"');
      return inner;
    }
    const name = tokens[next]?.text;
    if (name === undefined || !/^\w/.test(name)) return fail('expected a member call, "true", "false", "!" or "("');
    if (name === "true" || name === "false") {
      next++;
      return { kind: "literal", value: name === "true" };
    }
    if (!known.has(name)) fail(`unknown member "${name}"`);
    next++;
    if (!accept("(") || !accept(")")) fail(`expected "()" after "${name}"`);
    return { kind: "member", name };
  }

  function accept(operator: string): boolean {
    if (tokens[next]?.text !== operator) return false;
    next++;
    return true;
  }

  function fail(reason: string): never {
    const token = tokens[next];
    throw invalid(
      token === undefined ? `${reason}, found the end` : `${reason}, found "${token.text}"`,
      token?.at ?? text.length,
    );
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (!match) throw invalid(`unexpected "${String.fromCodePoint(text.codePointAt(at) ?? 0)}"`, at);
    if (match[1] !== undefined) tokens.push({ text: match[1], at });
    at = tokenPattern.lastIndex;
  }
  return tokens;
}

function invalid(reason: string, at: number): KubewardenError {
  return new KubewardenError("GROUP_EXPRESSION_INVALID", `Invalid group expression at character ${at + 1}: ${reason}`);
}

/**
 * Evaluates left to right and lazily: a member that cannot change the outcome is not called. A member named twice is
 * called twice (reference/policy-server.md 7.3). What `callMember` throws is passed on.
 */
export async function evaluateGroupExpression(
  expression: GroupExpression,
  callMember: (name: string) => Promise<boolean>,
): Promise<boolean> {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "member":
      return await callMember(expression.name);
    case "not":
      return !await evaluateGroupExpression(expression.operand, callMember);
    case "and":
    case "or": {
      const decisive = expression.kind === "or";
      for (const operand of expression.operands) {
        if (await evaluateGroupExpression(operand, callMember) === decisive) return decisive;
      }
      return !decisive;
    }
    case "equality": {
      let value = await evaluateGroupExpression(expression.first, callMember);
      for (const { equal, operand } of expression.rest) {
        value = (value === await evaluateGroupExpression(operand, callMember)) === equal;
      }
      return value;
    }
  }
}
