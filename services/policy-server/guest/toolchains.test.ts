import { readFile } from "node:fs/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { startGuestPool } from "../testing/guest-pool.ts";
import { exampleUrl, runnableOf } from "../testing/guests.ts";
import { guestRunner } from "../testing/run-guest.ts";
import { runPolicy } from "../admission/run-policy.ts";

/** One policy, from the compilers of several languages (examples/policies/required-annotation). */
const builds = {
  c: { mode: "kubewarden-wapc", message: 'annotation "größe" is missing', asks: true },
  "c-wasi": { mode: "wasi", message: 'annotation "größe" is missing', asks: true },
  rust: { mode: "kubewarden-wapc", message: 'annotation "größe" is missing', asks: true },
  go: { mode: "kubewarden-wapc", message: 'annotation "größe" is missing', asks: true },
  opa: { mode: "opa", message: 'annotation "größe" is missing', asks: false },
  gatekeeper: { mode: "gatekeeper", message: 'annotation missing: {"größe"}', asks: false },
};
const settings = { annotation: "größe" };
const podWith = (annotations: Record<string, string>) => ({
  uid: "1",
  object: { kind: "Pod", metadata: { name: "p", annotations } },
});
/** 4 MB in many small members, as large objects are. */
const many = Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`k${index}`, "ü".repeat(42)]));

async function wasmOf(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(await readFile(new URL(exampleUrl(`required-annotation/${name}/policy`))));
}

for (const [name, { mode, message, asks }] of Object.entries(builds)) {
  test(`toolchains: ${name} says the same fresh and taken back, of small and of large objects`, async () => {
    const guest = await guestRunner(await wasmOf(name), { timeoutMs: 30_000 });
    assert.is(guest.mode, mode);
    const accepted = { kind: "validated", answer: { accepted: true } };
    const rejected = { kind: "validated", answer: { accepted: false, message } };
    for (let count = 0; count < 3; count++) {
      assert.equal(guest.validate(podWith({ größe: "x", b: "y" }), settings).outcome, accepted);
      assert.equal(guest.validate(podWith({ große: "x" }), settings).outcome, rejected);
    }
    assert.equal(guest.validate(podWith(many), settings).outcome, rejected);
    assert.equal(guest.validate(podWith({ ...many, größe: "x" }), settings).outcome, accepted);
    assert.equal(guest.validate(podWith({}), settings).outcome, rejected);
  });

  test(`toolchains: ${name} ${asks ? "refuses settings that it does not take" : "takes any settings"}`, async () => {
    const guest = await guestRunner(await wasmOf(name), { timeoutMs: 30_000 });
    for (const [given, valid] of [[settings, true], [{ annotation: "" }, false], [{}, false]] as const) {
      const { outcome } = guest.validateSettings(given);
      const actual = outcome.kind === "settings" ? outcome.answer.valid : outcome;
      // The SDK of Rust answers settings that it cannot read with an error of the call.
      if (name === "rust" && outcome.kind === "failed") continue;
      assert.is(actual, asks ? valid : true, `${JSON.stringify(given)} ${JSON.stringify(outcome)}`);
    }
  });
}

test("toolchains: policies of all modes take turns in one sandbox thread", async () => {
  const pool = await startGuestPool();
  try {
    const options = { settings: JSON.stringify(settings), timeoutMs: 30_000 };
    const runnables = await Promise.all(
      Object.keys(builds).map((name) => runnableOf(`required-annotation/${name}/policy`, options)),
    );
    const signal = new AbortController().signal;
    for (let round = 0; round < 2; round++) {
      for (const runnable of runnables) {
        const input = { text: JSON.stringify(podWith({ größe: "x" })), original: "object" as const };
        assert.equal(await runPolicy(runnable, input, { run: pool.run, signal }), { accepted: true }, runnable.policy);
      }
    }
  } finally {
    pool.close();
  }
});

test.run();
