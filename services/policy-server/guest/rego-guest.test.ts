import { test } from "uvu";
import * as assert from "uvu/assert";
import { runPolicy } from "../admission/run-policy.ts";
import type { ExecutionMode } from "../policies/execution-mode.ts";
import { assertSettings } from "../policies/settings.ts";
import { startGuestPool } from "../testing/guest-pool.ts";
import { runnableOf, wat } from "../testing/guests.ts";
import { regoModule } from "../testing/rego.ts";
import { guestRunner, type GuestRunOptions } from "../testing/run-guest.ts";

/** Asks the module that does what it is told (testing/rego/lab.rego), three times: fresh, and twice taken back. */
async function lab(
  mode: ExecutionMode,
  asked: unknown,
  { settings = {}, ...options }: GuestRunOptions & { settings?: unknown } = {},
) {
  const guest = await guestRunner(await regoModule("lab", mode), options);
  const runs = [1, 2, 3].map(() => guest.validate({ uid: "u", object: asked }, settings));
  assert.equal(runs[1], runs[0]);
  assert.equal(runs[2], runs[0]);
  return runs[0] as (typeof runs)[number];
}
const validated = (answer: unknown) => ({ kind: "validated", answer });
const invalid = (message: string) => ({ kind: "invalid-answer", message });
const failed = (message: string) => ({ kind: "failed", phase: "call", message });
const answer = (value: unknown) => ({ do: "answer", value });

const opaAnswers: [string, unknown, unknown][] = [
  ["allows", { response: { uid: "x", allowed: true } }, validated({ accepted: true })],
  [
    "says why, with a code, warnings and annotations",
    {
      response: {
        uid: "x",
        allowed: false,
        status: { message: "nein, größer", code: 403, details: null },
        warnings: ["w"],
        auditAnnotations: { a: "b" },
      },
    },
    validated({ accepted: false, message: "nein, größer", code: 403, auditAnnotations: { a: "b" }, warnings: ["w"] }),
  ],
  [
    "mutates",
    { response: { uid: "x", allowed: true, patchType: "JSONPatch", patch: btoa('[{"op":"remove","path":"/a"}]') } },
    validated({ accepted: true, mutation: { kind: "patch", patch: '[{"op":"remove","path":"/a"}]' } }),
  ],
  ["makes no review", { request: {} }, invalid("cannot interpret OPA policy result")],
  ["makes a list", [], invalid("cannot interpret OPA policy result")],
  ["leaves out uid", { response: { allowed: true } }, invalid("field `uid` must be a string")],
  ["leaves out allowed", { response: { uid: "x" } }, invalid("missing field `allowed`")],
  [
    "has another kind of allowed",
    { response: { uid: "x", allowed: "yes" } },
    invalid("field `allowed` must be a boolean"),
  ],
];
for (const [what, value, expected] of opaAnswers) {
  test(`opa: a rule that ${what}`, async () => {
    assert.equal((await lab("opa", answer(value))).outcome, expected);
  });
}

test("opa: a patch that is none is an error", async () => {
  for (const patch of ["%", btoa("{}"), btoa("[")]) {
    const { outcome } = await lab("opa", answer({ response: { uid: "x", allowed: true, patch } }));
    assert.match((outcome as { message: string }).message, /^the patch is no JSON Patch in base64: /);
  }
});

test("opa: a rule that is not defined for the request is an error", async () => {
  assert.equal((await lab("opa", { do: "nothing" })).outcome, invalid("cannot interpret OPA policy result"));
});

const gatekeeperAnswers: [string, unknown, unknown][] = [
  ["finds nothing", [], validated({ accepted: true })],
  [
    "finds several things",
    [{ msg: "é" }, { details: {} }, { msg: "b" }],
    validated({ accepted: false, message: "é, b" }),
  ],
  ["finds something without a message", [{}], validated({ accepted: false, message: "" })],
  ["makes no list", { msg: "x" }, invalid("cannot interpret Gatekeeper policy result: no list of violations")],
  ["makes a text", "x", invalid("cannot interpret Gatekeeper policy result: no list of violations")],
  [
    "lists what is no violation",
    [{ msg: "a" }, 1],
    invalid("cannot interpret Gatekeeper policy result: a violation is no object"),
  ],
  ["has a message that is no text", [{ msg: 1 }], invalid("field `msg` must be a string")],
];
for (const [what, value, expected] of gatekeeperAnswers) {
  test(`gatekeeper: a rule that ${what}`, async () => {
    assert.equal((await lab("gatekeeper", answer(value))).outcome, expected);
  });
}

test("gatekeeper: a rule that is not defined does not let the request pass", async () => {
  const { outcome } = await lab("gatekeeper", { do: "nothing" });
  assert.equal(outcome, invalid("cannot interpret Gatekeeper policy result: no list of violations"));
});

test("gatekeeper: a set is a set to a builtin of the host", async () => {
  const { outcome } = await lab("gatekeeper", { do: "set", values: ["b", "a", "b"] });
  assert.equal(outcome, validated({ accepted: false, message: '{"a", "b"}' }));
});

test("opa: settings are the data, numbers as they were written", async () => {
  const settings = { kept: { response: { uid: "x", allowed: false, status: { message: "from data" } } } };
  assert.equal(
    (await lab("opa", { do: "data" }, { settings })).outcome,
    validated({ accepted: false, message: "from data" }),
  );
});

test("rego: an error of a builtin ends the evaluation with its name", async () => {
  const { outcome } = await lab("opa", { do: "semver", a: "x", b: "1.0.0" });
  assert.equal(outcome, failed('Builtin error ["semver.compare"]: "operand 1: string x is not a valid SemVer"'));
  const patch = await lab("opa", { do: "patch", value: {}, patch: [{ op: "remove", path: "/a" }] });
  assert.match((patch.outcome as { message: string }).message, /^Builtin error \["json\.patch"\]: "patch 0: /);
});

test("rego: what a module says before it gives up is in the log and in the answer", async () => {
  const { outcome, printed } = await lab("opa", { do: "conflict" });
  const { message } = outcome as { message: string };
  assert.match(message, /^wasm engine error: lab\.rego:\d+:\d+: var assignment conflict$/);
  assert.equal(printed, [`error ${message.replace("wasm engine error", "opa_abort")}`]);
});

test("rego: trace speaks at debug level", async () => {
  const { printed } = await lab("opa", { do: "trace", text: "hé" });
  assert.equal(printed, ["debug hé"]);
});

test("rego: one that computes for ever is stopped at its deadline", async () => {
  const list = Array.from({ length: 3000 }, (_, index) => index);
  assert.equal((await lab("opa", { do: "loop", list }, { timeoutMs: 60 })).outcome, { kind: "timed-out" });
});

test("rego: memory has a limit", async () => {
  const { outcome } = await lab("opa", { do: "fill" }, { maxMemoryPages: 64 });
  assert.equal(outcome, failed("wasm engine error: opa_malloc: failed"));
});

test("rego: input of megabytes arrives, beyond what the module started with", async () => {
  const value = { response: { uid: "x", allowed: false, status: { message: "ü".repeat(1_000_000) } } };
  const { outcome } = await lab("opa", answer(value), { timeoutMs: 20_000 });
  assert.is((outcome as { answer: { message: string } }).answer.message.length, 1_000_000);
});

test("rego: builtins that are not there are named when the policy is loaded", async () => {
  const guest = await guestRunner(await regoModule("missing", "gatekeeper"));
  const missing = "unable to rehydrate rego module: cannot allocate Rego evaluator: " +
    "Missing Rego builtins: crypto.sha256, http.send";
  assert.equal(guest.validateSettings({}).outcome, { kind: "failed", phase: "init", message: missing });
});

/** A module of the ABI that has all its functions, doing next to nothing; `replaced` stand in the stead of some. */
function abi(replaced: Record<string, string> = {}): string {
  const functions: Record<string, string> = {
    builtins: "(result i32) (i32.const 80)",
    entrypoints: "(result i32) (i32.const 16)",
    eval: "(param i32) (result i32) (i32.const 0)",
    opa_eval_ctx_get_result: "(param i32) (result i32) (i32.const 16)",
    opa_eval_ctx_new: "(result i32) (i32.const 64)",
    opa_eval_ctx_set_data: "(param i32 i32)",
    opa_eval_ctx_set_entrypoint: "(param i32 i32)",
    opa_eval_ctx_set_input: "(param i32 i32)",
    opa_json_dump: "(param i32) (result i32) (local.get 0)",
    opa_json_parse: "(param i32 i32) (result i32) (local.get 0)",
    opa_malloc: "(param i32) (result i32) (i32.const 1024)",
    ...replaced,
  };
  const text = Object.entries(functions).filter(([, body]) => body !== "").map(([name, body]) =>
    `(func (export "${name}") ${body})`
  );
  return `(module (import "env" "memory" (memory 1)) (import "env" "opa_abort" (func $abort (param i32)))
    (export "memory" (memory 0)) (data (i32.const 16) "{\\"main\\":0}\\00") (data (i32.const 40) "{\\"a\\":1}\\00")
    (data (i32.const 48) "[[\\00") (data (i32.const 56) "\\"\\ff\\"\\00") (data (i32.const 80) "{}\\00") ${
    text.join("\n")
  })`;
}
const broken: [string, Record<string, string>, RegExp][] = [
  ["does not export what it must", { eval: "" }, /init: unable to rehydrate.*`eval` is not exported by the module$/],
  [
    "has no entrypoint 0",
    { entrypoints: "(result i32) (i32.const 40)" },
    /init: .*Cannot find the specified entrypoint 0 inside of \{"a":1\}$/,
  ],
  ["has a table that is no JSON", { builtins: "(result i32) (i32.const 48)" }, /init: unable to rehydrate/],
  ["has a table without end", { builtins: "(result i32) (i32.const -1)" }, /init: .*no text at address 4294967295$/],
  ["traps while it says what it calls", { builtins: "(result i32) (unreachable)" }, /init: .*wasm engine error: /],
  [
    "takes no input",
    { opa_json_parse: "(param i32 i32) (result i32) (i32.const 0)" },
    /call: .*does not take it as JSON$/,
  ],
  ["puts the input out of its memory", { opa_malloc: "(param i32) (result i32) (i32.const -8)" }, /^call: /],
  ["traps", { eval: "(param i32) (result i32) (unreachable)" }, /^call: wasm engine error: /],
  [
    "has no result",
    { opa_eval_ctx_get_result: "(param i32) (result i32) (i32.const 0)" },
    /call: .*no text at address 0$/,
  ],
  [
    "has a result that is no UTF-8",
    { opa_eval_ctx_get_result: "(param i32) (result i32) (i32.const 56)" },
    /^answer: /,
  ],
  ["has a result that is no JSON", { opa_eval_ctx_get_result: "(param i32) (result i32) (i32.const 48)" }, /^answer: /],
];
for (const [what, replaced, expected] of broken) {
  test(`rego: a module that ${what}`, async () => {
    const section = { rules: [], mutating: false, executionMode: "opa" };
    const guest = await guestRunner(await wat(abi(replaced), section));
    for (let count = 0; count < 2; count++) {
      const { outcome } = guest.validate({});
      const text = outcome.kind === "failed"
        ? `${outcome.phase}: ${outcome.message}`
        : outcome.kind === "invalid-answer"
        ? `answer: ${outcome.message}`
        : outcome.kind;
      assert.match(text, expected);
    }
  });
}

test("rego: settings are taken, failures have upstream's words, and no thread is lost over them", async () => {
  const pool = await startGuestPool();
  const signal = new AbortController().signal;
  const context = { run: pool.run, signal };
  try {
    const opa = await runnableOf(await regoModule("lab", "opa"), { settings: '{"any":1}' });
    const gatekeeper = await runnableOf(await regoModule("lab", "gatekeeper"));
    const missing = await runnableOf(await regoModule("missing", "gatekeeper"));
    await assertSettings(opa, pool.run, signal);
    await assertSettings(gatekeeper, pool.run, signal);
    const refused = await assertSettings(missing, pool.run, signal).catch((error: Error) => error.message);
    const prefix = "WebAssembly failure: cannot rehydrate PolicyEvaluatorPre: ";
    assert.ok(refused?.startsWith(`${prefix}unable to rehydrate rego module: cannot allocate Rego evaluator: Missing`));
    const input = (object: unknown, original: "object" | "request" = "object") => ({
      text: JSON.stringify({ uid: "u", object }),
      original,
    });
    const rejection = (message: string) => ({ accepted: false, message, code: 500, failed: true });
    const list = Array.from({ length: 3000 }, (_, index) => index);
    assert.equal(
      await runPolicy({ ...opa, timeoutMs: 60 }, input({ do: "loop", list }), context),
      rejection("internal server error: guest code interrupted, execution deadline exceeded"),
    );
    assert.equal(
      await runPolicy(gatekeeper, input({ do: "nothing" }, "request"), context),
      rejection("internal server error: Gatekeeper does not support raw validation requests"),
    );
    assert.equal(
      await runPolicy(opa, input({ do: "nothing" }), context),
      rejection("internal server error: cannot interpret OPA policy result"),
    );
    assert.equal(
      await runPolicy(opa, input({ do: "semver", a: "1.0.0", b: "y" }), context),
      rejection('internal server error: Builtin error ["semver.compare"]: "operand 2: string y is not a valid SemVer"'),
    );
    const contextData = () => Promise.reject(new Error("the cluster is away"));
    assert.equal(
      await runPolicy({ ...opa, contextData }, input({ do: "nothing" }), context),
      rejection("the cluster is away"),
    );
    const left = AbortSignal.abort(new Error("the client left"));
    const unasked = runPolicy({ ...opa, contextData }, input({ do: "nothing" }), { ...context, signal: left });
    assert.is(await unasked.then(() => "answered", (error: Error) => error.message), "the client left");
    const raw = input(answer({ response: { uid: "", allowed: true } }), "request");
    assert.equal(await runPolicy(opa, raw, context), { accepted: true });
  } finally {
    pool.close();
  }
});

test("rego: megabytes of the cluster are given to a thread, and what they were made of stays", async () => {
  const pool = await startGuestPool();
  try {
    const names = Array.from({ length: 3_000 }, (_, index) => `a-service-with-a-long-name-${index}`);
    const text = JSON.stringify({ services: names });
    const json = new TextEncoder().encode(text);
    const contextData = () => Promise.resolve({ json, tookMs: 0 });
    for (const [mode, settings] of [["opa", '{"any":1}'], ["gatekeeper", "{}"]] as const) {
      const runnable = {
        ...await runnableOf(await regoModule("seen", mode), { timeoutMs: 30_000, settings }),
        contextData,
      };
      for (let count = 0; count < 2; count++) {
        const input = { text: '{"uid":"u"}', original: "object" as const };
        const { message } = await runPolicy(runnable, input, { run: pool.run, signal: new AbortController().signal });
        assert.ok(names.every((name) => message?.includes(name)), message?.slice(0, 200));
      }
    }
    assert.is(new TextDecoder().decode(json), text);
  } finally {
    pool.close();
  }
});

test.run();
