import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../contracts/errors.ts";
import { evaluateGroupExpression, parseGroupExpression } from "../../../contracts/group-expression.ts";
import { forCases, shown } from "./cases.ts";
import { mutatedBytes } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";

const members = ["first", "second", "third_3"];

/** An expression, and what it comes to when the members answer as given. */
type Sample = { text: string; value: boolean };

function randomExpression(random: Random, answers: Record<string, boolean>, depth = 0): Sample {
  const gap = () => random.pick(["", "", " ", "\n", "  "]);
  const inner = () => randomExpression(random, answers, depth + 1);
  switch (depth > 5 ? random.below(2) : random.below(6)) {
    case 0: {
      const name = random.pick(members);
      return { text: `${name}${gap()}()`, value: answers[name] === true };
    }
    case 1: {
      const value = random.oneIn(2);
      return { text: String(value), value };
    }
    case 2: {
      const { text, value } = inner();
      return { text: `!${gap()}(${text})`, value: !value };
    }
    case 3: {
      const [left, right] = [inner(), inner()];
      return { text: `(${left.text})${gap()}&&${gap()}(${right.text})`, value: left.value && right.value };
    }
    case 4: {
      const [left, right] = [inner(), inner()];
      return { text: `(${left.text})${gap()}||${gap()}(${right.text})`, value: left.value || right.value };
    }
    default: {
      const { text, value } = inner();
      return { text: `(${gap()}${text}${gap()})`, value };
    }
  }
}

/** What a text comes to, or undefined if it is refused as an expression. Everything else is thrown. */
async function valueOf(text: string, answers: Record<string, boolean>): Promise<boolean | undefined> {
  let expression;
  try {
    expression = parseGroupExpression(text, members);
  } catch (error) {
    if (error instanceof KubewardenError && error.code === "GROUP_EXPRESSION_INVALID") return undefined;
    throw error;
  }
  return await evaluateGroupExpression(expression, (name) => {
    assert.ok(members.includes(name), `calls ${name}: ${shown(text)}`);
    return Promise.resolve(answers[name] === true);
  });
}

function randomAnswers(random: Random): Record<string, boolean> {
  return Object.fromEntries(members.map((name) => [name, random.oneIn(2)]));
}

test("fuzz: an expression comes to what logic says", async () => {
  await forCases({ count: 1500 }, async (random) => {
    const answers = randomAnswers(random);
    const { text, value } = randomExpression(random, answers);
    assert.is(await valueOf(text, answers), value, shown(text));
  });
});

test("fuzz: a broken expression is refused, or comes to an end with a boolean", async () => {
  const scraps = [
    "&&",
    "||",
    "!",
    "(",
    ")",
    "==",
    "first()",
    "fourth()",
    "first",
    "1",
    "if",
    "\u0000",
    "\u{1f600}",
    "'",
    "//",
  ];
  await forCases({ count: 3000 }, async (random) => {
    const answers = randomAnswers(random);
    const { text } = randomExpression(random, answers);
    const changed = random.oneIn(4)
      ? Array.from({ length: random.below(12) }, () => random.pick(scraps)).join(random.pick(["", " "]))
      : new TextDecoder().decode(mutatedBytes(random, new TextEncoder().encode(text)));
    assert.ok([true, false, undefined].includes(await valueOf(changed, answers)), shown(changed));
  });
});

const huge: [string, string][] = [
  ["parentheses", "(".repeat(100_000) + "true" + ")".repeat(100_000)],
  ["parentheses without end", "(".repeat(100_000)],
  ["negations", `${"!".repeat(100_000)}true`],
  ["equalities", `true${" == true".repeat(100_000)}`],
  ["operands", `first()${" && first()".repeat(100_000)}`],
  ["alternatives in parentheses", `${"(first() || ".repeat(100_000)}true${")".repeat(100_000)}`],
  ["a name", "a".repeat(1_000_000)],
  ["a comment", `//${"/".repeat(1_000_000)}`],
  ["blanks", " ".repeat(1_000_000)],
];
for (const [name, text] of huge) {
  test(`fuzz: an expression of a hundred thousand ${name} is refused, or comes to an end`, async () => {
    assert.ok([true, false, undefined].includes(await valueOf(text, { first: true })));
  });
}

test.run();
