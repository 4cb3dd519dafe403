import { test } from "uvu";
import * as assert from "uvu/assert";
import { jsonMembers } from "../../../contracts/json-members.ts";
import { parseJson, stringifyJson } from "../../../contracts/json.ts";
import { pod, reviewOf } from "../../../test/policy-server-process.ts";
import { forCases, shown } from "./cases.ts";
import { mutatedBytes } from "./mutate-bytes.ts";
import { mutatedJson, printed } from "./mutate-json.ts";
import type { Random } from "./random.ts";

const review = JSON.parse(reviewOf(pod({ privileged: true, annotations: { 'qu"ote\\': '\\"\u2028' } })));
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

test("fuzz: the members of a JSON text are those that JSON.parse sees, each as it is written", async () => {
  let compared = 0;
  await forCases({ count: 4000 }, (random) => {
    const written = new TextEncoder().encode(
      printed(random, mutatedJson(random, random.oneIn(2) ? review : review.request)),
    );
    if (written.length > 20_000) return;
    let text: string, value: unknown;
    try {
      text = decoder.decode(random.oneIn(2) ? mutatedBytes(random, written) : written);
      value = JSON.parse(text);
    } catch {
      return; // No JSON: nobody is asked for its members.
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    const members = jsonMembers(text);
    assert.equal([...members.keys()].sort(), Object.keys(value).sort(), shown(text));
    for (const [key, member] of Object.entries(value)) {
      const { [key]: read } = JSON.parse(`{${JSON.stringify(key)}:${members.get(key)}}`);
      assert.is(JSON.stringify(read), JSON.stringify(member), `${key} of ${shown(text)}`);
    }
    compared++;
  });
  assert.ok(compared > 0);
});

/** Compact JSON with numbers of every form, whose text is known. */
function randomText(random: Random, depth = 0): string {
  switch (depth > 4 ? random.below(3) : random.below(5)) {
    case 0:
      return randomNumber(random);
    case 1:
      return JSON.stringify(random.pick(["", "1.0", ":1e5,", '[1.0,"', "\\", "-0", ",12345678901234567890"]));
    case 2:
      return random.pick(["true", "false", "null"]);
    case 3:
      return `[${Array.from({ length: random.below(5) }, () => randomText(random, depth + 1)).join(",")}]`;
    default:
      // Keys in order and none of digits alone, which JavaScript would move.
      return `{${
        Array.from({ length: random.below(5) }, (_, i) => `"k${i}":${randomText(random, depth + 1)}`).join(",")
      }}`;
  }
}

function randomNumber(random: Random): string {
  const digits = (length: number) => Array.from({ length }, () => random.below(10)).join("");
  const whole = random.oneIn(3) ? "0" : `${1 + random.below(9)}${digits(random.pick([0, 2, 15, 16, 30]))}`;
  const fraction = random.oneIn(2) ? "" : `.${digits(1 + random.below(4))}`;
  const exponent = random.oneIn(3)
    ? `${random.pick(["e", "E"])}${random.pick(["", "+", "-"])}${digits(1 + random.below(3))}`
    : "";
  return `${random.oneIn(3) ? "-" : ""}${whole}${fraction}${exponent}`;
}

test("fuzz: JSON comes out as it went in, to the last digit", async () => {
  await forCases({ count: 4000 }, (random) => {
    const text = randomText(random);
    assert.is(stringifyJson(parseJson(text)), text, shown(text));
  });
});

test.run();
