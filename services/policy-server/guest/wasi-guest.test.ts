import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../contracts/errors.ts";
import { wat } from "../testing/guests.ts";
import { guestRunner, type GuestRunOptions } from "../testing/run-guest.ts";

const section = { rules: [], mutating: true, executionMode: "wasi" };

/**
 * A command with some words in memory: `$say` writes bytes to a stream, `$read` reads what there is to 4096 and says how
 * much, `$ask` makes a host call of `kubewarden`, `net`, `v1/x` with `payload`.
 */
function command(body: string, { module = "host", wasi = "wasi_snapshot_preview1" } = {}) {
  return wat(
    `(module
      (import "${module}" "call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
      (import "${wasi}" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
      (import "${wasi}" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (import "${wasi}" "args_get" (func $args_get (param i32 i32) (result i32)))
      (import "${wasi}" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
      (import "${wasi}" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 2)
      (data (i32.const 0) "kubewardennetv1/xpayload")
      (data (i32.const 64) "{\\"accepted\\":true,\\"valid\\":true}")
      (data (i32.const 128) " h\\c3\\a9 \\0a") (data (i32.const 144) "\\ff\\fe") (data (i32.const 160) "nonsense")
      (func $say (param $fd i32) (param $at i32) (param $length i32)
        (i32.store (i32.const 1024) (local.get $at)) (i32.store (i32.const 1028) (local.get $length))
        (if (call $fd_write (local.get $fd) (i32.const 1024) (i32.const 1) (i32.const 1032)) (then (unreachable))))
      (func $read (result i32)
        (i32.store (i32.const 1024) (i32.const 4096)) (i32.store (i32.const 1028) (i32.const 60000))
        (if (call $fd_read (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 1032)) (then (unreachable)))
        (i32.load (i32.const 1032)))
      (func $ask (result i32)
        (call $call (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 3) (i32.const 13) (i32.const 4)
          (i32.const 17) (i32.const 7)))
      (func $agree (call $say (i32.const 1) (i32.const 64) (i32.const 30)))
      (func $echo (call $say (i32.const 1) (i32.const 4096) (call $read)))
      (func (export "_start") ${body}))`,
    section,
  );
}

/** What the command makes of a request, fresh and taken back. */
async function run(
  body: string,
  { module, wasi, ...options }: GuestRunOptions & { module?: string; wasi?: string } = {},
) {
  const guest = await guestRunner(
    await command(body, { ...(module ? { module } : {}), ...(wasi ? { wasi } : {}) }),
    options,
  );
  const runs = [1, 2, 3].map(() => guest.validate(answer));
  assert.equal(runs[1], runs[0]);
  assert.equal(runs[2], runs[0]);
  return { ...(runs[0] as (typeof runs)[number]), settings: guest.validateSettings({ valid: true }).outcome };
}
const answer = { accepted: true };
const accepted = { kind: "validated", answer: { accepted: true } };
const refused = (message: string) => ({
  kind: "validated",
  answer: { accepted: false, message, code: 500, failed: true },
});

for (const wasi of ["wasi_snapshot_preview1", "wasi_unstable"]) {
  test(`wasi: an answer on standard output counts, returning or exiting with 0 (${wasi})`, async () => {
    for (const end of ["", "(call $exit (i32.const 0)) (unreachable)"]) {
      const { outcome, settings } = await run(`(call $agree) ${end}`, { wasi });
      assert.equal([outcome, settings], [accepted, { kind: "settings", answer: { valid: true } }]);
    }
  });
}

test("wasi: a failure is a refusal whose message is standard error, which is in the log", async () => {
  const shout = "(call $say (i32.const 2) (i32.const 128) (i32.const 6))";
  for (const end of ["(call $exit (i32.const 3))", "(unreachable)"]) {
    const { outcome, settings, printed } = await run(`(call $agree) ${shout} ${end}`);
    assert.equal(outcome, refused("hé"));
    assert.equal(settings, { kind: "settings", answer: { valid: false, message: "hé" } });
    assert.equal(printed, ["warn stderr: hé"]);
  }
});

test("wasi: a failure without a word says at least how it ended", async () => {
  assert.equal((await run("(call $exit (i32.const 3))")).outcome, refused("exit with exit code 3"));
  const { outcome } = await run("(unreachable)");
  assert.match((outcome as { answer: { message: string } }).answer.message, /unreachable/);
});

test("wasi: standard error does not spoil an answer", async () => {
  const { outcome, printed } = await run(`(call $say (i32.const 2) (i32.const 128) (i32.const 6)) (call $agree)`);
  assert.equal([outcome, printed], [accepted, ["warn stderr: hé"]]);
});

test("wasi: an answer that is no JSON, of another shape, or no UTF-8 is an error", async () => {
  const nonsense = await run("(call $say (i32.const 1) (i32.const 160) (i32.const 8))");
  assert.match(
    (nonsense.outcome as { message: string }).message,
    /^Cannot deserialize policy validation response: /,
  );
  assert.match(
    (nonsense.settings as { message: string }).message,
    /^Cannot deserialize settings validation response: /,
  );
  const nothing = await run("");
  assert.match((nothing.outcome as { message: string }).message, /^Cannot deserialize policy validation response: /);
  const bytes = await run("(call $say (i32.const 1) (i32.const 144) (i32.const 2))");
  assert.match((bytes.outcome as { answer: { message: string } }).answer.message, /^stdout pipe conversion error: /);
});

test("wasi: the command is told its operation, and reads its question to the end", async () => {
  const seen = await run(`(drop (call $args_get (i32.const 2048) (i32.const 2100)))
    (call $say (i32.const 2) (i32.const 2100) (i32.const 20)) (call $echo)
    (if (call $read) (then (unreachable)))`);
  assert.equal(seen.printed, ["warn stderr: policy.wasm\0validate"]);
  assert.equal(seen.settings, { kind: "settings", answer: { valid: true } });
});

for (const module of ["host", "kubewarden:javy/host"]) {
  test(`wasi: a host call by "${module}" answers on standard input, behind what was not yet read`, async () => {
    const asked: string[] = [];
    const told = await run(
      `(drop (call $read)) (if (call $ask) (then (unreachable))) (call $echo) (if (call $read) (then (unreachable)))`,
      {
        module,
        hostCall: (binding, namespace, operation, payload) => {
          asked.push([binding, namespace, operation, new TextDecoder().decode(payload)].join(" "));
          return new TextEncoder().encode('{"accepted":false,"message":"größer","valid":true}');
        },
      },
    );
    assert.equal(told.outcome, { kind: "validated", answer: { accepted: false, message: "größer" } });
    assert.is(asked[0], "kubewarden net v1/x payload");
  });
}

test("wasi: a host call that fails says 1, and its text is on standard input", async () => {
  const { outcome, printed } = await run(
    `(drop (call $read)) (if (i32.ne (call $ask) (i32.const 1)) (then (unreachable)))
      (call $say (i32.const 2) (i32.const 4096) (call $read)) (call $exit (i32.const 1))`,
    {
      hostCall: () => {
        throw new Error("nicht größer ✗");
      },
    },
  );
  assert.equal([outcome, printed], [refused("nicht größer ✗"), ["warn stderr: nicht größer ✗"]]);
});

test("wasi: a host call with names out of memory, or no text, ends the run", async () => {
  const call = (at: number, length: number) =>
    `(drop (call $call (i32.const ${at}) (i32.const ${length}) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)
      (i32.const 0) (i32.const 0))) (call $agree)`;
  for (const body of [call(-4, 8), call(144, 2)]) {
    const { outcome } = await run(body);
    assert.is((outcome as { answer?: { accepted: boolean } }).answer?.accepted, false);
  }
});

test("wasi: output without end is cut off", async () => {
  const { outcome } = await run("(loop $again (call $say (i32.const 1) (i32.const 0) (i32.const 65536)) (br $again))");
  assert.equal(outcome, refused("the answer has more than the allowed 8388608 bytes"));
});

test("wasi: a command that runs for ever is stopped, and says what it had said", async () => {
  const loop = "(loop $again (br $again))";
  assert.equal((await run(loop, { timeoutMs: 40 })).outcome, { kind: "timed-out" });
  const said = `(call $say (i32.const 2) (i32.const 128) (i32.const 6)) ${loop}`;
  // Long enough to say it, also on a busy machine.
  const { outcome } = await run(said, { timeoutMs: 2000 });
  assert.equal(outcome, { kind: "timed-out", lastWords: "hé" });
});

test("wasi: nothing is remembered from one run to the next", async () => {
  const { outcome } = await run(`(if (i32.load (i32.const 3000)) (then (unreachable)))
    (i32.store (i32.const 3000) (i32.const 1)) (drop (memory.grow (i32.const 1))) (call $agree)`);
  assert.equal(outcome, accepted);
});

test("wasi: a mutated object becomes a patch", async () => {
  const guest = await guestRunner(await command("(call $echo)"));
  // Its question is not an answer, so that it has to be given one that is.
  const payload = new TextEncoder().encode('{"accepted":true,"mutated_object":{"a":2},"request":{"object":{"a":1}}}');
  assert.equal(guest.perform({ operation: "validate", payload, original: "object" }).outcome, {
    kind: "validated",
    answer: { accepted: true, mutation: { kind: "patch", patch: '[{"op":"replace","path":"/a","value":2}]' } },
  });
});

test("wasi: without `_start` a module is no command", async () => {
  const guest = await guestRunner(await wat(`(module (memory (export "memory") 1))`, section));
  assert.equal(guest.validate({}).outcome, {
    kind: "failed",
    phase: "init",
    message: "cannot find `_start` function inside of module",
  });
});

test("wasi: without a memory a command that needs one fails, and the next is not affected", async () => {
  const source = `(module (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (func (export "_start") (drop (call $sizes (i32.const 0) (i32.const 0)))))`;
  const guest = await guestRunner(await wat(source, section));
  for (let count = 0; count < 2; count++) assert.is(guest.validate({}).outcome.kind, "validated");
});

const kinds: [string, string, string, string | undefined][] = [
  [
    "a waPC guest that says it is a command",
    "wasi",
    '(import "wapc" "__guest_request" (func (param i32 i32)))',
    "wapc::__guest_request",
  ],
  [
    "a waPC guest that says it is Rego",
    "opa",
    '(import "wapc" "__guest_request" (func (param i32 i32)))',
    "wapc::__guest_request",
  ],
  [
    "Rego that says it is a waPC guest",
    "kubewarden-wapc",
    '(import "env" "opa_abort" (func (param i32)))',
    "env::opa_abort",
  ],
  ["Rego that imports what OPA has not", "gatekeeper", '(import "env" "opa_builtin5" (func))', "env::opa_builtin5"],
  ["a command that asks as waPC guests do", "wasi", '(import "host" "ask" (func))', "host::ask"],
  ["a guest that imports a memory", "kubewarden-wapc", '(import "wapc" "memory" (memory 1))', "wapc::memory"],
  [
    "Rego that uses WASI",
    "opa",
    '(import "wasi_snapshot_preview1" "fd_write" (func))',
    "wasi_snapshot_preview1::fd_write",
  ],
];
for (const [what, executionMode, imports, named] of kinds) {
  test(`modules: ${what} is refused when it is loaded`, async () => {
    const source = await wat(`(module ${imports})`, {
      rules: [],
      mutating: false,
      protocolVersion: "v1",
      executionMode,
    });
    try {
      await guestRunner(source);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, KubewardenError);
      assert.is((error as KubewardenError).code, "MODULE_INVALID");
      assert.is((error as Error).message, `unknown import: \`${named}\``);
    }
  });
}

test.run();
