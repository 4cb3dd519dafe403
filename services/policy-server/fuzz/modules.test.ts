import { readFile } from "node:fs/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { pod, reviewOf } from "../../../test/policy-server-process.ts";
import { guestInput } from "../admission/guest-input.ts";
import { concat, uleb } from "../guest/wasm-binary.ts";
import { compileModule } from "../modules/compile.ts";
import type { Runnable } from "../policies/catalogue.ts";
import { type ExecutionMode, executionModes } from "../policies/execution-mode.ts";
import { assertRunnable, metadataOf } from "../policies/metadata.ts";
import { startGuestPool } from "../testing/guest-pool.ts";
import { exampleUrl, runnableOf } from "../testing/guests.ts";
import { forCases, shown } from "./cases.ts";
import { mutatedBytes } from "./mutate-bytes.ts";
import { mutatedJson, printed } from "./mutate-json.ts";
import { leakIn } from "./well-formed.ts";

const version = "1.36.0";
const codes = ["MODULE_INVALID", "MODULE_INCOMPATIBLE", "MODULE_UNSUPPORTED"];
const metadata = {
  protocolVersion: "v1",
  rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["CREATE"] }],
  mutating: false,
  backgroundAudit: true,
  executionMode: "kubewarden-wapc",
  policyType: "kubernetes",
  contextAwareResources: [{ apiVersion: "v1", kind: "Namespace" }],
  annotations: { "io.kubewarden.policy.title": "t" },
  minimumKubewardenVersion: "1.20.0",
};

/** An empty module with a metadata section. */
function moduleWith(section: Uint8Array): Promise<WebAssembly.Module> {
  const name = new TextEncoder().encode("io.kubewarden.metadata");
  const content = concat([Uint8Array.from(uleb(name.length)), name, section]);
  const head = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  return WebAssembly.compile(Uint8Array.from(concat([head, Uint8Array.of(0, ...uleb(content.length)), content])));
}

async function fileOf(example: string): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(await readFile(new URL(exampleUrl(example))));
}

/** The error must be one of ours, and a sentence. */
function assertOurs(error: unknown, what: string): void {
  assert.instance(error, KubewardenError, what);
  const { code, message } = error as KubewardenError;
  assert.ok(codes.includes(code), `${code}: ${what}`);
  assert.is(leakIn(message), undefined, `${message}: ${what}`);
}

test("fuzz: a metadata section is understood, or refused with the code for it", async () => {
  let understood = 0;
  await forCases({ count: 3000, atOnce: 8 }, async (random) => {
    const text = printed(random, random.oneIn(6) ? metadata : mutatedJson(random, metadata));
    const written = new TextEncoder().encode(text);
    const section = random.oneIn(3) && written.length < 20_000 ? mutatedBytes(random, written) : written;
    const module = await moduleWith(section);
    try {
      const { protocolVersion, executionMode } = assertRunnable(metadataOf(module), version);
      assert.ok(executionModes.includes(executionMode), shown(section));
      if (executionMode === "kubewarden-wapc") assert.is(protocolVersion, "v1", shown(section));
      understood++;
    } catch (error) {
      assertOurs(error, shown(section));
    }
  });
  assert.ok(understood > 0);
  assert.is(({} as { polluted?: unknown }).polluted, undefined);
});

test("fuzz: a damaged module is made ready to run, or refused with the code for it", async () => {
  const names = [
    ...["privileged-pods/policy", "sleep/policy", "hostile/trap", "hostile/memory-hog"],
    ...["required-annotation/c/policy", "required-annotation/c-wasi/policy", "required-annotation/gatekeeper/policy"],
  ];
  const whole = await Promise.all(names.map(fileOf));
  await forCases({ count: 1200, atOnce: 4 }, async (random) => {
    const bytes = mutatedBytes(random, random.pick(whole));
    try {
      assert.instance((await compileModule(bytes, { serverVersion: version })).module, WebAssembly.Module);
    } catch (error) {
      assertOurs(error, `${bytes.length} bytes`);
      // What the engine takes must not be spoilt by our rewriting.
      const isSpoilt = messageOf(error).startsWith("cannot compile") && WebAssembly.validate(bytes);
      assert.not(isSpoilt, messageOf(error));
    }
  });
});

const ends: [string, "kubewarden-wapc" | "wasi" | "gatekeeper"][] = [
  ["privileged-pods/policy", "kubewarden-wapc"],
  ["required-annotation/c/policy", "kubewarden-wapc"],
  ["required-annotation/c-wasi/policy", "wasi"],
  ["required-annotation/gatekeeper/policy", "gatekeeper"],
];
for (const [example, mode] of ends) {
  test(`fuzz: a damaged module comes to an end, and to the same one whatever it was asked before (${example})`, () =>
    comesToAnEnd(example, mode));
}

async function comesToAnEnd(example: string, mode: ExecutionMode): Promise<void> {
  const pool = await startGuestPool({ maxWaiting: 10_000 });
  const whole = await fileOf(example);
  const request = JSON.stringify(JSON.parse(reviewOf(pod({ privileged: true }))).request);
  const signal = new AbortController().signal;
  const run = (runnable: Runnable, text: string) => {
    const given = guestInput(mode, { request: text, settings: '{"annotation":"a"}' });
    return pool.run(runnable, { operation: "validate", ...given, original: "object" }, signal);
  };
  const kinds = ["validated", "invalid-answer", "failed", "timed-out"];
  try {
    await forCases({ count: 200 }, async (random) => {
      let runnable;
      try {
        runnable = await runnableOf(mutatedBytes(random, whole), { timeoutMs: 300 });
      } catch {
        return; // It cannot even be compiled; that is another test.
      }
      const first = await run(runnable, request);
      assert.ok(kinds.includes(first.kind), first.kind);
      if (first.kind === "timed-out") return;
      for (const text of ["{}", request, "7", request]) {
        const again = await run(runnable, text);
        if (text === request && again.kind !== "timed-out") assert.equal(again, first);
      }
    });
    assert.is((await run(await runnableOf(whole), request)).kind, "validated");
  } finally {
    pool.close();
  }
}

test.run();
