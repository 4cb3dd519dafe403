import { test } from "uvu";
import * as assert from "uvu/assert";
import { answerOf } from "./answer.ts";
import { type HostQuestion, parseQuestion } from "./questions.ts";
import { SessionRecorder } from "./record.ts";
import { formatRecording, parseRecording } from "./recording.ts";
import { replaying } from "./replay.ts";

const never = new AbortController().signal;
const ask = (path: string, payload: unknown) => parseQuestion(path, new TextEncoder().encode(JSON.stringify(payload)));
const image = "registry.example/image:1";
const namespaces = ask("kubernetes/list_resources_all", { api_version: "v1", kind: "Namespace" });
const questions: HostQuestion[] = [
  namespaces,
  ask("kubernetes/list_resources_by_namespace", {
    api_version: "v1",
    kind: "Pod",
    namespace: "n",
    label_selector: "a=b",
    field_masks: ["x.y"],
  }),
  ask("kubernetes/get_resource", { api_version: "v1", kind: "Pod", name: "yes", namespace: "no", disable_cache: true }),
  ask("kubernetes/can_i", {
    subject_access_review: { user: "u", groups: ["g"], resource_attributes: { resource: "pods", verb: "get" } },
    disable_cache: false,
  }),
  ask("net/v1/dns_lookup_host", "1.0"),
  ask("crypto/v1/is_certificate_trusted", { cert: { encoding: "Der", data: [0, 255] }, cert_chain: [], not_after: "" }),
  ask("oci/v1/manifest_digest", image),
  ask("oci/v1/oci_manifest", image),
  ask("oci/v1/oci_manifest_config", image),
  ask("oci/v1/verify", { SigstorePubKeyVerify: { image, pub_keys: ["-----BEGIN\nKEY\n"], annotations: { a: "1" } } }),
  ask("oci/v2/verify", { type: "SigstoreKeylessVerify", image, keyless: [{ issuer: "i", subject: "s" }] }),
  ask("oci/v2/verify", {
    type: "SigstoreKeylessPrefixVerify",
    image,
    keyless_prefix: [{ issuer: "i", url_prefix: "https://a.example" }],
  }),
  ask("oci/v2/verify", { type: "SigstoreGithubActionsVerify", image, owner: "o", repo: "r" }),
  ask("oci/v2/verify", {
    type: "SigstoreCertificateVerify",
    image,
    certificate: [45],
    certificate_chain: [[1], [2]],
    require_rekor_bundle: true,
  }),
];

test("recording: every kind of question comes back as it was, with its answer", () => {
  const exchanges = questions.map((question, index) => ({
    question,
    response: index % 2 === 0
      ? { type: "Success" as const, payload: `{"n":${index},"text":"ä: - # \\n"}` }
      : { type: "Error" as const, message: "because: of\nthis" },
  }));
  assert.equal(parseRecording(formatRecording(exchanges)), exchanges);
});

test("recording: reads what kwctl writes, also without fields that came later", () => {
  const text = `- type: Exchange
  request: |
    !KubernetesListResourceAll
    api_version: v1
    kind: Namespace
    label_selector: null
    field_selector: null
  response:
    type: Success
    payload: '{"items":[]}'
- type: Exchange
  request: |
    !DNSLookupHost
    host: a.example
  response:
    type: Error
    message: no such name
`;
  assert.equal(parseRecording(text), [
    { question: namespaces, response: { type: "Success", payload: '{"items":[]}' } },
    { question: { type: "DNSLookupHost", host: "a.example" }, response: { type: "Error", message: "no such name" } },
  ]);
});

test("recording: is written as kwctl reads it", () => {
  assert.is(
    formatRecording([{ question: namespaces, response: { type: "Success", payload: "{}" } }]),
    `- type: Exchange
  request: |
    !KubernetesListResourceAll
    api_version: v1
    kind: Namespace
    label_selector: null
    field_selector: null
    field_masks: null
  response:
    type: Success
    payload: "{}"
`,
  );
});

const unreadable: [string, string, RegExp][] = [
  ["no YAML", "a: [", /Cannot read the recorded session/],
  ["no list", "a: 1", /expected array/],
  [
    "a request without a tag",
    "- {type: Exchange, request: 'a: 1', response: {type: Error, message: m}}",
    /exchange 1: .*no tag/,
  ],
  [
    "an unknown request",
    "- {type: Exchange, request: '!Cook {}', response: {type: Error, message: m}}",
    /unknown request "Cook"/,
  ],
  [
    "a request that lacks a field",
    "- {type: Exchange, request: '!DNSLookupHost {}', response: {type: Error, message: m}}",
    /exchange 1: host: /,
  ],
];
for (const [what, text, expected] of unreadable) {
  test(`recording: ${what} is an error`, () => {
    try {
      parseRecording(text);
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code: string }).code, "RECORDING_INVALID");
      assert.match((error as Error).message, expected);
    }
  });
}

test("recording: a session that was recorded is replayed in its order, failures too, and then is empty", async () => {
  const recorder = new SessionRecorder();
  const lookup = ask("net/v1/dns_lookup_host", "a.example");
  const late = Promise.withResolvers<void>();
  const host = recorder.recording(async (question) => {
    if (question.type === "DNSLookupHost") throw new Error("no such name");
    await late.promise;
    return answerOf('{"items":[]}');
  });
  const outcome = (answer: typeof host, question: HostQuestion) =>
    answer(question, never).then((bytes) => new TextDecoder().decode(bytes), (error) => `failed: ${error.message}`);
  // The one asked first is answered last.
  const first = outcome(host, namespaces), second = outcome(host, lookup);
  await second;
  late.resolve();
  const answers = [await first, await second];
  assert.equal(answers, ['{"items":[]}', "failed: no such name"]);

  const replay = replaying(recorder.text());
  assert.match(await outcome(replay, lookup), /^failed: unexpected request: .*a\.example/);
  assert.equal([await outcome(replay, namespaces), await outcome(replay, lookup)], answers);
  assert.match(await outcome(replay, namespaces), /^failed: .*empty/);
});

test.run();
