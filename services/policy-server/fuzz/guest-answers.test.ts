import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { pod, reviewOf } from "../../../test/policy-server-process.ts";
import { parseGuestAnswer, parseSettingsAnswer } from "../admission/policy-answer.ts";
import { assertSettings } from "../policies/settings.ts";
import { startApi } from "./api.ts";
import { forCases, shown } from "./cases.ts";
import { mutatedBytes } from "./mutate-bytes.ts";
import { mutatedJson, printed } from "./mutate-json.ts";
import type { Random } from "./random.ts";
import { isObject, strictJson, tooDeep } from "./strict-json.ts";
import { isStringList, isStringMap, leakIn, verdictProblem } from "./well-formed.ts";

const { handle, pool, echo } = await startApi();
test.after(() => pool.close());

const object = pod({ annotations: { a: "b" } });
const verdicts: readonly unknown[] = [
  { accepted: true },
  { accepted: false, message: "no", code: 400, warnings: ["a", "b"], audit_annotations: { k: "v" } },
  { accepted: true, mutated_object: { ...object, extra: 1 }, message: null, code: null, warnings: null },
  { accepted: true, mutated_object: null, audit_annotations: {} },
];
const settingsVerdicts: readonly unknown[] = [{ valid: true }, { valid: false, message: "no" }, {
  valid: true,
  message: null,
}];

function randomAnswer(random: Random, seeds: readonly unknown[]): Uint8Array<ArrayBuffer> {
  const seed = random.pick(seeds);
  const bytes = new TextEncoder().encode(printed(random, random.oneIn(6) ? seed : mutatedJson(random, seed)));
  return random.oneIn(4) && bytes.length < 20_000 ? mutatedBytes(random, bytes) : bytes;
}

/** The object in bytes, or undefined. */
function objectIn(bytes: Uint8Array): Record<string, unknown> | undefined {
  const json = strictJson(bytes);
  return json !== undefined && json.depth < tooDeep && isObject(json.value) ? json.value : undefined;
}

type Judgement = "taken" | "refused" | "either";
const isNone = (value: unknown) => value === undefined || value === null;

/** Whether bytes are an answer to `validate` (reference/policy-server.md 4.4.2). */
function judged(bytes: Uint8Array): Judgement {
  const answer = objectIn(bytes);
  if (answer === undefined || typeof answer["accepted"] !== "boolean") return "refused";
  const { message, code, warnings, audit_annotations: annotations } = answer;
  if (!isNone(message) && typeof message !== "string") return "refused";
  if (!isNone(warnings) && !isStringList(warnings)) return "refused";
  if (!isNone(annotations) && !isStringMap(annotations)) return "refused";
  if (!isNone(code) && !(Number.isInteger(code) && Number(code) >= 0 && Number(code) <= 65_535)) return "refused";
  // JavaScript does not see whether 500 was written as 5e2.
  return isNone(code) ? "taken" : "either";
}

function judgedSettings(bytes: Uint8Array): Judgement {
  const answer = objectIn(bytes);
  if (typeof answer?.["valid"] !== "boolean") return "refused";
  return isNone(answer["message"]) || typeof answer["message"] === "string" ? "taken" : "refused";
}

function agrees(judgement: Judgement, taken: boolean): boolean {
  return judgement === "either" || (judgement === "taken") === taken;
}

function outcomeOf<T>(work: () => T): { value: T } | { error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

test("fuzz: an answer of a guest is taken if it is one, and refused in words if it is not", async () => {
  await forCases({ count: 4000 }, (random) => {
    const bytes = randomAnswer(random, verdicts);
    const outcome = outcomeOf(() => parseGuestAnswer(bytes));
    assert.ok(agrees(judged(bytes), "value" in outcome), shown(bytes));
    if ("error" in outcome) assert.is(leakIn(messageOf(outcome.error)), undefined, shown(bytes));
    else assert.type(outcome.value.accepted, "boolean");
  });
  await forCases({ count: 2000 }, (random) => {
    const bytes = randomAnswer(random, settingsVerdicts);
    const outcome = outcomeOf(() => parseSettingsAnswer(bytes));
    assert.ok(agrees(judgedSettings(bytes), "value" in outcome), shown(bytes));
    if ("error" in outcome) assert.is(leakIn(messageOf(outcome.error)), undefined, shown(bytes));
  });
});

const { request } = JSON.parse(reviewOf(object));

/** Has the guest answer with these bytes, and asks it. */
async function ask(answer: Uint8Array) {
  const body = JSON.stringify({ request: { ...request, object: { ...object, answer: answer.toHex() } } });
  const init = { method: "POST", headers: { "content-type": "application/json" }, body };
  const response = await handle(new Request("http://server/validate/echo", init));
  return { request, status: response.status, text: await response.text() };
}

test("fuzz: whatever a guest answers, the client gets a verdict of its own request", async () => {
  await forCases({ count: 600, atOnce: 4 }, async (random) => {
    const answer = randomAnswer(random, verdicts);
    if (answer.length > 500_000) return;
    const response = await ask(answer);
    const { text } = response;
    const what = `${shown(answer)} -> ${shown(text)}`;
    assert.is(response.status, 200, what);
    assert.is(verdictProblem(text, { uid: request.uid, raw: false }), undefined, what);
    const { allowed, status } = JSON.parse(text).response;
    const isInternal = /^internal server error: /.test(status?.message ?? "") && status?.code === 500 && !allowed;
    assert.ok(agrees(judged(answer), !isInternal), what);
    if (isInternal) assert.is(leakIn(status.message), undefined, what);
    else assert.is(allowed, objectIn(answer)?.["accepted"], what);
  });
});

const deep: [string, string][] = [
  ["a mutated object", `{"accepted":true,"mutated_object":${'{"a":'.repeat(100_000)}1.0${"}".repeat(100_000)}}`],
  ["a mutated list", `{"accepted":true,"mutated_object":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ["an unknown member", `{"accepted":true,"unknown":${"[".repeat(100_000)}1.0${"]".repeat(100_000)}}`],
];
for (const [name, answer] of deep) {
  test(`fuzz: ${name} nested a hundred thousand deep in a guest's answer is a rejection in words`, async () => {
    const { text, request } = await ask(new TextEncoder().encode(answer));
    assert.is(verdictProblem(text, { uid: request.uid, raw: false }), undefined);
    const { allowed, status } = JSON.parse(text).response;
    assert.equal([allowed, status?.code], [false, 500], shown(text));
    assert.is(leakIn(status.message), undefined, shown(text));
  });
}

test("fuzz: whatever a guest answers about its settings, they are valid or there is an error that says why not", async () => {
  await forCases({ count: 400, atOnce: 4 }, async (random) => {
    const answer = randomAnswer(random, settingsVerdicts);
    if (answer.length > 500_000) return;
    const settings = JSON.stringify({ answer: answer.toHex() });
    const signal = new AbortController().signal;
    const error = await assertSettings({ ...echo, settings, timeoutMs: 10_000 }, pool.run, signal).then(
      () => undefined,
      (error: unknown) => error,
    );
    const isValid = judgedSettings(answer) === "taken" && objectIn(answer)?.["valid"] === true;
    assert.is(error === undefined, isValid, shown(answer));
    if (error === undefined) return;
    assert.instance(error, KubewardenError);
    assert.is((error as KubewardenError).code, "SETTINGS_INVALID", shown(answer));
    assert.is(leakIn(messageOf(error)), undefined, `${shown(answer)} -> ${messageOf(error)}`);
  });
});

test.run();
