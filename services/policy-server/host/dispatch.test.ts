import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilityPatterns, parseCapabilities } from "../../../contracts/capabilities.ts";
import { createLog } from "../../../runtime/telemetry/log.ts";
import { answerOf } from "./answer.ts";
import { type Asker, hostCallAnswerer } from "./dispatch.ts";
import type { HostQuestion } from "./questions.ts";

type Call = {
  grants?: string[];
  payload?: unknown;
  /** Instead of a payload as JSON. */
  text?: string;
  asker?: Partial<Asker>;
  confine?: boolean;
  answer?: (question: HostQuestion) => Promise<Uint8Array>;
};

/** Calls the host as a guest does; `asked` is what passed the gate, `refused` what was counted. */
async function call(path: string, { grants = [], payload = {}, text, asker = {}, confine = false, answer }: Call = {}) {
  const [binding = "", namespace = "", ...operation] = path.split(" ");
  const lines: string[] = [], refused: string[] = [], asked: HostQuestion[] = [];
  const host = hostCallAnswerer({
    answer: (question) => {
      asked.push(question);
      return answer?.(question) ?? Promise.resolve(answerOf("{}"));
    },
    isNamespaced: ({ kind }) => Promise.resolve(kind !== "Node"),
    confineNamespacedPolicies: confine,
    refused: (policy, capability) => refused.push(`${policy} ${capability}`),
    log: createLog({ level: "debug", write: (line) => lines.push(line) }),
  });
  const reply = await host(
    {
      binding,
      namespace,
      operation: operation.join(" "),
      payload: new TextEncoder().encode(text ?? JSON.stringify(payload)),
    },
    { policy: "p", capabilities: parseCapabilities(grants), contextAwareResources: [], ...asker },
    new AbortController().signal,
  );
  const shown = reply.ok ? `ok ${new TextDecoder().decode(reply.bytes)}`.trim() : reply.message;
  return { reply: shown, lines: lines.map((line) => JSON.parse(line)), refused, asked };
}

const denied = (path: string) =>
  `Policy has not been granted access to the '${path}' host capability. The violation has been reported.`;
const deniedKind = (kind: string) =>
  `Policy has not been granted access to Kubernetes ${kind} resources. The violation has been reported.`;

const refusals: [string, string[], string, string[]][] = [
  ["other kubernetes can_i", ["*"], "unknown binding: other", []],
  ["kubewarden kubernetes can_i", [], denied("kubernetes/can_i"), ["p kubernetes/can_i"]],
  ["kubewarden kubernetes can_i", ["kubernetes/get_resource", "oci/*"], denied("kubernetes/can_i"), [
    "p kubernetes/can_i",
  ]],
  ["kubewarden cooking boil", [], denied("cooking/boil"), ["p unknown"]],
  ["kubewarden oci v1/*", [], denied("oci/v1/*"), ["p unknown"]],
  ["kubewarden cooking boil", ["*"], "unknown namespace: cooking", []],
  ["kubewarden oci v1/boil", ["oci/*"], "unknown operation: v1/boil", []],
  ["kubewarden oci v1/*", ["oci/*"], "unknown operation: v1/*", []],
  ["kubewarden tracing trace", [], "unknown operation: trace", []],
];
for (const [path, grants, expected, counted] of refusals) {
  test(`host call: ${path} with ${JSON.stringify(grants)} is refused`, async () => {
    const { reply, refused, asked } = await call(path, { grants });
    assert.equal([reply, refused, asked], [expected, counted, []]);
  });
}

test("host call: a violation is logged with what was asked and what is granted", async () => {
  const grants = ["oci/v1/*", "net/v1/dns_lookup_host"];
  const { lines: [line] } = await call("kubewarden kubernetes can_i", { grants });
  assert.equal(
    [line.level, line.policy, line.capability, line.allowed_capabilities],
    ["error", "p", "kubernetes/can_i", "[oci/v1/*, net/v1/dns_lookup_host]"],
  );
});

const review = { user: "u", resource_attributes: { resource: "pods", verb: "get" } };
const image = "registry.example/image:1";
/** A payload of each operation, with no more than what must be there. */
const minimal: [string, unknown][] = [
  ["oci v1/verify", { SigstorePubKeyVerify: { image, pub_keys: ["k"], annotations: null } }],
  ["oci v1/verify", { SigstoreKeylessVerify: { image, keyless: [{ issuer: "i", subject: "s" }] } }],
  ["oci v2/verify", { type: "SigstorePubKeyVerify", image, pub_keys: ["k"], annotations: { a: "b" } }],
  ["oci v2/verify", { type: "SigstoreKeylessVerify", image, keyless: [] }],
  ["oci v2/verify", {
    type: "SigstoreKeylessPrefixVerify",
    image,
    keyless_prefix: [{ issuer: "i", url_prefix: "https://github.com/kubewarden" }],
  }],
  ["oci v2/verify", { type: "SigstoreGithubActionsVerify", image, owner: "o" }],
  ["oci v2/verify", {
    type: "SigstoreCertificateVerify",
    image,
    certificate: [45, 45],
    certificate_chain: null,
    require_rekor_bundle: true,
  }],
  ["oci v1/manifest_digest", image],
  ["oci v1/oci_manifest", image],
  ["oci v1/oci_manifest_config", image],
  ["net v1/dns_lookup_host", "localhost"],
  ["crypto v1/is_certificate_trusted", { cert: { encoding: "Pem", data: [0, 255] }, not_after: null }],
  ["kubernetes list_resources_by_namespace", { api_version: "v1", kind: "Pod", namespace: "n" }],
  ["kubernetes list_resources_all", { api_version: "v1", kind: "Pod", label_selector: null, field_masks: null }],
  ["kubernetes get_resource", { api_version: "v1", kind: "Pod", name: "a", disable_cache: false }],
  ["kubernetes can_i", { subject_access_review: review, disable_cache: true }],
];
const contextAwareResources = [{ apiVersion: "v1", kind: "Pod" }, { apiVersion: "v1", kind: "Namespace" }];

test("AT-064: every operation is refused to a policy without capabilities, its payload unread", async () => {
  for (const [path] of minimal) {
    const { reply } = await call(`kubewarden ${path}`, { text: "" });
    assert.is(reply, denied(path.replace(" ", "/")));
  }
});

test("AT-065: every operation with a minimal payload is asked by a policy with every capability", async () => {
  for (const [path, payload] of minimal) {
    const { reply, asked } = await call(`kubewarden ${path}`, {
      grants: ["*"],
      payload,
      asker: { contextAwareResources },
    });
    assert.equal([reply, asked.length], ["ok {}", 1], path);
  }
  const operations = new Set(minimal.map(([path]) => path.replace(" ", "/")));
  assert.equal([...operations].sort(), capabilityPatterns.filter((each) => !each.endsWith("*")).sort());
});

const unreadable: [string, unknown, RegExp][] = [
  ["kubernetes can_i", {}, /subject_access_review: /],
  ["kubernetes get_resource", { api_version: "v1", kind: "Pod", name: "a" }, /disable_cache: /],
  ["net v1/dns_lookup_host", {}, /expected string/],
  ["oci v1/verify", {}, /./],
  ["oci v2/verify", { type: "SigstoreFaith", image }, /type: /],
  ["oci v2/verify", {
    type: "SigstoreKeylessPrefixVerify",
    image,
    keyless_prefix: [{ issuer: "i", url_prefix: "no url" }],
  }, /keyless_prefix\.0\.url_prefix: expected a URL/],
  [
    "crypto v1/is_certificate_trusted",
    { cert: { encoding: "Der", data: [256] } },
    /cert\.data: expected an array of bytes/,
  ],
  ["oci v1/oci_manifest", " ".repeat(2 * 1024 * 1024), /payload of 2097154 bytes is too large/],
];
for (const [path, payload, expected] of unreadable) {
  test(`host call: ${path} with a payload like ${JSON.stringify(payload).slice(0, 80)} fails with what is wrong in it`, async () => {
    const { reply, asked } = await call(`kubewarden ${path}`, { grants: ["*"], payload });
    assert.match(reply, expected);
    assert.equal(asked, []);
  });
}

test("host call: a payload that is no JSON fails with why", async () => {
  assert.match((await call("kubewarden kubernetes can_i", { grants: ["*"], text: "" })).reply, /JSON/);
  assert.match((await call("kubewarden net v1/dns_lookup_host", { grants: ["*"], text: "no" })).reply, /JSON/);
});

test("host call: kinds are read only by policies whose owner names them, exactly; an access review names none", async () => {
  const grants = ["kubernetes/*"], asker = { contextAwareResources };
  for (const operation of ["list_resources_all", "list_resources_by_namespace", "get_resource"]) {
    for (const [api_version, kind] of [["v1", "Secret"], ["v1beta1", "Pod"], ["v1", "pod"]]) {
      const payload = { api_version, kind, namespace: "n", name: "a", disable_cache: true };
      const { reply, refused, asked } = await call(`kubewarden kubernetes ${operation}`, { grants, payload, asker });
      assert.equal([reply, refused, asked], [deniedKind(`${api_version}/${kind}`), [`p kubernetes/${operation}`], []]);
    }
  }
  const payload = { subject_access_review: review, disable_cache: false };
  assert.is((await call("kubewarden kubernetes can_i", { grants, payload })).reply, "ok {}");
});

test("AT-063: a policy that names ConfigMaps reads them and no Secrets; one that names nothing reads nothing", async () => {
  const grants = ["*"], payload = (kind: string) => ({ api_version: "v1", kind });
  const ask = async (kind: string, kinds: string[]) => {
    const asker = { contextAwareResources: kinds.map((each) => ({ apiVersion: "v1", kind: each })) };
    return (await call("kubewarden kubernetes list_resources_all", { grants, payload: payload(kind), asker })).reply;
  };
  assert.is(await ask("Secret", []), deniedKind("v1/Secret"));
  assert.is(await ask("Secret", ["ConfigMap"]), deniedKind("v1/Secret"));
  assert.is(await ask("ConfigMap", ["ConfigMap"]), "ok {}");
});

test("host call: what the host fails with is said as upstream says it", async () => {
  const { reply } = await call("kubewarden net v1/dns_lookup_host", {
    grants: ["*"],
    payload: "a.example",
    answer: () => Promise.reject(new Error("no such name")),
  });
  assert.is(reply, "Callback evaluation failure: no such name");
});

const pod = { api_version: "v1", kind: "Pod" };
const node = { api_version: "v1", kind: "Node" };
const named = { name: "a", disable_cache: true };
const reviewIn = (namespace?: string) => ({
  subject_access_review: { ...review, resource_attributes: { ...review.resource_attributes, namespace } },
  disable_cache: true,
});
const reaches: [string, unknown, boolean][] = [
  ["kubernetes list_resources_all", pod, false],
  ["kubernetes list_resources_by_namespace", { ...pod, namespace: "own" }, true],
  ["kubernetes list_resources_by_namespace", { ...pod, namespace: "other" }, false],
  ["kubernetes get_resource", { ...pod, ...named, namespace: "own" }, true],
  ["kubernetes get_resource", { ...pod, ...named, namespace: "other" }, false],
  ["kubernetes get_resource", { ...pod, ...named }, false],
  ["kubernetes get_resource", { ...node, ...named, namespace: "own" }, false],
  ["kubernetes get_resource", { api_version: "v1", kind: "Namespace", disable_cache: true, name: "own" }, true],
  ["kubernetes get_resource", {
    api_version: "v1",
    kind: "Namespace",
    disable_cache: true,
    name: "other",
    namespace: "own",
  }, false],
  ["kubernetes can_i", reviewIn("own"), true],
  ["kubernetes can_i", reviewIn("other"), false],
  ["kubernetes can_i", reviewIn(), false],
  ["net v1/dns_lookup_host", "localhost", true],
];
for (const [path, payload, within] of reaches) {
  test(`confinement: ${path} ${JSON.stringify(payload)} is ${within ? "within" : "out of"} the namespace own`, async () => {
    const resources = ["Pod", "Node", "Namespace"].map((kind) => ({ apiVersion: "v1", kind }));
    const ask = async (namespace: string | undefined, confine = true) => {
      const asker = { contextAwareResources: resources, namespace };
      return (await call(`kubewarden ${path}`, { grants: ["*"], payload, asker, confine })).reply;
    };
    const refused =
      "Policy has not been granted access to anything outside of its own namespace. The violation has been reported.";
    assert.is(await ask("own"), within ? "ok {}" : refused);
    assert.is(await ask("own", false), "ok {}", "not asked for");
    assert.is(await ask(undefined), "ok {}", "a cluster-wide policy");
    if (path.startsWith("kubernetes")) assert.is(await ask(""), refused, "a namespace that nobody knows");
  });
}

const events: [string, string, string][] = [
  ['{"level":"TRACE","message":"m","a":1}', "debug", "m"],
  ['{"level":"warning"}', "warn", ""],
  ['{"level":"error","message":null}', "error", ""],
  ['{"level":"warn","message":"m"}', "error", "Cannot log event"],
  ["no JSON", "error", "Cannot log event"],
];
for (const [payload, level, message] of events) {
  test(`host call: a policy may always log ${payload}, and always succeeds`, async () => {
    const { reply, lines: [line] } = await call("kubewarden tracing log", { text: payload });
    assert.equal([reply, line.level, line.message, line.policy], ["ok", level, message, "p"]);
  });
}

test.run();
