// pure
import { KubewardenError } from "./errors.ts";

/** One word, number or operator of a group expression; `at` is its offset. */
export type Token = { text: string; at: number };

const tokenPattern = /\s+|\/\/[^\n]*|(&&|\|\||[=!<>]=|[!(){}<>+\-*/%]|[_a-zA-Z][_a-zA-Z0-9]*|[0-9]+(?![_a-zA-Z0-9]))/y;

/** Splits an expression, leaving out spaces and comments. Throws `GROUP_EXPRESSION_INVALID`. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (!match) {
      const found = /^[0-9]\w*/.exec(text.slice(at, at + 40))?.[0] ?? String.fromCodePoint(text.codePointAt(at) ?? 0);
      throw expressionInvalid(`Syntax error: unexpected "${found}"`, at);
    }
    if (match[1] !== undefined) tokens.push({ text: match[1], at });
    at = tokenPattern.lastIndex;
  }
  return tokens;
}

/** The error of an expression; people count characters from 1. */
export function expressionInvalid(reason: string, at: number): KubewardenError {
  return new KubewardenError("GROUP_EXPRESSION_INVALID", `Invalid group expression at character ${at + 1}: ${reason}`);
}
