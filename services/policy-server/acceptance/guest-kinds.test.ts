import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import { sleep } from "../../../runtime/sleep.ts";
import * as assert from "uvu/assert";
import { send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { exampleUrl, wat } from "../testing/guests.ts";
import { regoModule } from "../testing/rego.ts";

/** Policies of every execution mode, in one server. */
const folder = await mkdtemp(join(tmpdir(), "guests-"));
async function moduleUrl(name: string, bytes: Uint8Array): Promise<string> {
  const file = join(folder, `${name}.wasm`);
  await writeFile(file, bytes);
  return pathToFileURL(file).href;
}
/** A WASI command that answers the same to everything. */
const mutating =
  `(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\3b\\00\\00\\00")
  (data (i32.const 16) "{\\"accepted\\":true,\\"valid\\":true,\\"mutated_object\\":{\\"a\\":\\"\\c3\\a9\\"} }")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`;

const settings = { annotation: "größe" };
const example = (name: string) => ({ module: exampleUrl(`required-annotation/${name}/policy`), settings });
const [opa, gatekeeper, missing, wasi] = await Promise.all([
  regoModule("lab", "opa").then((bytes) => moduleUrl("opa", bytes)),
  regoModule("lab", "gatekeeper").then((bytes) => moduleUrl("gatekeeper", bytes)),
  regoModule("missing", "gatekeeper").then((bytes) => moduleUrl("missing", bytes)),
  wat(mutating, { rules: [], mutating: true, executionMode: "wasi" }).then((bytes) => moduleUrl("wasi", bytes)),
]);
const server = await startPolicyServerProcess({
  env: { KUBEWARDEN_CONTINUE_ON_ERRORS: "true", KUBEWARDEN_POLICY_TIMEOUT: "10" },
  policies: {
    gatekeeper: example("gatekeeper"),
    opa: example("opa"),
    wasi: example("c-wasi"),
    "lab-opa": { module: opa },
    "lab-gatekeeper": { module: gatekeeper },
    "broken": { module: missing },
    "wasi-mutating": { module: wasi, allowedToMutate: true },
    "wasi-unwelcome": { ...example("c-wasi"), settings: { annotation: "" } },
    "group": {
      policies: { by_opa: example("opa"), by_wasi: example("c-wasi"), by_wapc: example("rust") },
      expression: "(by_opa() && true) || by_wasi() || by_wapc()",
      message: "The group policy rejected your request",
    },
  },
});
test.after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const request = (object: unknown) => ({
  ...{ uid: "1", operation: "CREATE", userInfo: {}, name: "p", namespace: "n", object },
  kind: { group: "", version: "v1", kind: "Pod" },
  resource: { group: "", version: "v1", resource: "pods" },
});
const ask = async (id: string, object: unknown) =>
  verdictOf(
    await send(`${server.url}/validate/${id}`, {
      body: JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: request(object) }),
    }),
  );
const askRaw = async (id: string, object: unknown) =>
  verdictOf(
    await send(`${server.url}/validate_raw/${id}`, { body: JSON.stringify({ request: { uid: "1", object } }) }),
  );
const podWith = (annotations: Record<string, string>) => ({ metadata: { annotations } });
const patchOf = (patch: string | undefined) => JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(patch ?? "")));

test("AT-091: a Gatekeeper policy rejects with its message and no code", async () => {
  const { allowed, status } = await ask("gatekeeper", podWith({}));
  assert.equal([allowed, status], [false, { message: 'annotation missing: {"größe"}' }]);
  assert.equal((await ask("gatekeeper", podWith({ größe: "1" }))).allowed, true);
});

test("AT-092: a WASI policy accepts without status and patch, and mutates with a JSON Patch", async () => {
  const { allowed, status, patch } = await ask("wasi", podWith({ größe: "1" }));
  assert.equal([allowed, status, patch], [true, undefined, undefined]);
  const mutated = await ask("wasi-mutating", { a: "e" });
  assert.equal([mutated.allowed, mutated.status, mutated.patchType], [true, undefined, "JSONPatch"]);
  assert.equal(patchOf(mutated.patch), [{ op: "replace", path: "/a", value: "é" }]);
});

test("AT-095: a raw request reaches an OPA policy", async () => {
  const answer = { do: "answer", value: { response: { uid: "", allowed: true } } };
  assert.equal((await askRaw("lab-opa", answer)).allowed, true);
  const { uid, allowed, status } = await askRaw("opa", podWith({}));
  assert.equal([uid, allowed, status], ["1", false, { message: 'annotation "größe" is missing' }]);
});

test("AT-096: a raw request reaches a WASI policy", async () => {
  assert.equal((await askRaw("wasi", podWith({ größe: "1" }))).allowed, true);
  assert.equal((await askRaw("wasi", podWith({}))).status, { message: 'annotation "größe" is missing' });
});

test("AT-097: a WASI policy mutates a raw request", async () => {
  const { allowed, patchType, patch } = await askRaw("wasi-mutating", {});
  assert.equal([allowed, patchType], [true, "JSONPatch"]);
  assert.ok(Array.isArray(patchOf(patch)));
});

test("guests: a Gatekeeper policy takes no raw request, and what it cannot say is no consent", async () => {
  const raw = await askRaw("lab-gatekeeper", {});
  const message = "internal server error: Gatekeeper does not support raw validation requests";
  assert.equal([raw.allowed, raw.status], [false, { message, code: 500 }]);
  const unread = await ask("lab-gatekeeper", { do: "nothing" });
  assert.equal([unread.allowed, unread.status?.code], [false, 500]);
});

test("guests: a policy whose builtins are not there says which when it is loaded", async () => {
  const { allowed, status } = await ask("broken", {});
  assert.equal([allowed, status?.code], [false, 500]);
  assert.match(status?.message ?? "", /Missing Rego builtins: crypto\.sha256, http\.send$/);
});

test("guests: a WASI policy refuses its settings in its own words", async () => {
  const { allowed, status } = await ask("wasi-unwelcome", {});
  const message = "Policy settings are invalid: annotation must not be empty";
  assert.equal([allowed, status], [false, { message, code: 500 }]);
});

test("guests: a group may have members of several modes", async () => {
  const { allowed, status } = await ask("group", podWith({}));
  assert.is(allowed, false);
  assert.equal(
    status?.details?.causes?.map(({ field }) => field),
    ["by_opa", "by_wasi", "by_wapc"].map((each) => `spec.policies.${each}`),
  );
  assert.is((await ask("group", podWith({ größe: "1" }))).allowed, true);
});

test("guests: what a module says by opa_abort is in the log", async () => {
  const { status } = await ask("lab-opa", { do: "conflict" });
  assert.match(status?.message ?? "", /^internal server error: wasm engine error: lab\.rego:\d+:\d+: var assignment/);
  const said = () =>
    server.log.some(({ level, message }) =>
      level === "error" && /^Guest module lab-opa: opa_abort: lab\.rego/.test(String(message))
    );
  // The log is written a turn later than the answer.
  while (!said()) await sleep(20);
});

test.run();
