import { test } from "uvu";
import * as assert from "uvu/assert";
import { sha256Hex } from "../../runtime/digest.ts";
import { configurationFor } from "./configuration.ts";
import { type ConfigEntries, entriesIn } from "./entries.ts";
import { policy, policyServer } from "./test-objects.ts";

const none: ConfigEntries = new Map();
const configuration = (facts: Partial<Parameters<typeof configurationFor>[1]>, spec = {}) =>
  configurationFor(policyServer(spec), { policies: [], rivals: [], lastGood: none, ...facts }, sha256Hex);
const written = (facts: Parameters<typeof configuration>[0], spec = {}) =>
  JSON.parse(configuration(facts, spec).files["policies.yml"]);

test("configuration: no policies (IT-6)", () => {
  const { files, version, findings } = configuration({});
  assert.equal(files, { "policies.yml": "{}", "sources.yml": "{}" });
  assert.match(version, /^[0-9a-f]{32}$/);
  assert.is(findings.size, 0);
});

test("configuration: one policy of each kind (IT-7)", () => {
  const policies = [
    policy("ClusterAdmissionPolicy", "cap", {
      contextAwareResources: [{ apiVersion: "v1", kind: "Pod" }],
      timeoutEvalSeconds: 5,
    }),
    policy("AdmissionPolicy", "ap", { mutating: true, mode: "monitor", message: "no", settings: { a: 1 } }),
    policy("ClusterAdmissionPolicyGroup", "capg"),
    policy("AdmissionPolicyGroup", "apg"),
  ];
  const group = { policyMode: "protect", expression: "m1()", message: "no" };
  const member = { module: "registry://r/q:v2", settings: null, hostCapabilities: ["*"] };
  assert.equal(written({ policies }), {
    "clusterwide-cap": {
      namespacedName: { Namespace: "", Name: "cap" },
      module: "registry://r/p:v1",
      policyMode: "protect",
      allowedToMutate: false,
      contextAwareResources: [{ apiVersion: "v1", kind: "Pod" }],
      settings: null,
      timeoutEvalSeconds: 5,
      hostCapabilities: ["*"],
    },
    "namespaced-ns1-ap": {
      namespacedName: { Namespace: "ns1", Name: "ap" },
      module: "registry://r/p:v1",
      policyMode: "monitor",
      allowedToMutate: true,
      settings: { a: 1 },
      message: "no",
      hostCapabilities: ["*"],
    },
    "clusterwide-group-capg": { namespacedName: { Namespace: "", Name: "capg" }, policies: { m1: member }, ...group },
    "namespaced-group-ns1-apg": {
      namespacedName: { Namespace: "ns1", Name: "apg" },
      policies: { m1: member },
      ...group,
    },
  });
});

test("configuration: capabilities of namespaced policies only (IT-8)", () => {
  const policies = [policy("ClusterAdmissionPolicy", "c"), policy("AdmissionPolicy", "n")];
  const entries = written({ policies }, { namespacedPoliciesCapabilities: ["oci/*"] });
  assert.equal(entries["clusterwide-c"].hostCapabilities, ["*"]);
  assert.equal(entries["namespaced-ns1-n"].hostCapabilities, ["oci/*"]);
});

test("configuration: sources (IT-9)", () => {
  const { files } = configuration({}, {
    insecureSources: ["a:5000"],
    sourceAuthorities: { "b:5000": ["pem1", "pem2"] },
  });
  assert.equal(JSON.parse(files["sources.yml"]), {
    insecure_sources: ["a:5000"],
    source_authorities: { "b:5000": [{ type: "Data", data: "pem1" }, { type: "Data", data: "pem2" }] },
  });
});

test("configuration: the version does not depend on the order or on what only the webhook needs", () => {
  const a = policy("ClusterAdmissionPolicy", "a");
  const b = policy("AdmissionPolicy", "b");
  const { version } = configuration({ policies: [a, b] });
  assert.is(configuration({ policies: [b, a] }).version, version);
  const narrowed = policy("AdmissionPolicy", "b", { failurePolicy: "Ignore", objectSelector: {}, timeoutSeconds: 5 });
  assert.is(configuration({ policies: [a, narrowed] }).version, version);
  assert.is.not(configuration({ policies: [a, policy("AdmissionPolicy", "b", { mode: "monitor" })] }).version, version);
});

test("configuration: a terminating policy stays until it is gone", () => {
  const policies = [policy("ClusterAdmissionPolicy", "a", {}, { deletionTimestamp: "2026-01-01T00:00:00Z" })];
  assert.equal(Object.keys(written({ policies })), ["clusterwide-a"]);
});

const broken = policy("AdmissionPolicyGroup", "g", { expression: "m1() +" });

test("configuration: an invalid policy is left out, the others are not held up", () => {
  const { entries, findings } = configuration({ policies: [broken, policy("AdmissionPolicy", "a")] });
  assert.equal([...entries.keys()], ["namespaced-ns1-a"]);
  assert.equal([...findings.keys()], ["AdmissionPolicyGroup/ns1/g"]);
  assert.is(findings.get("AdmissionPolicyGroup/ns1/g")?.reason, "PolicyInvalid");
});

test("configuration: an object that cannot be read is a finding", () => {
  const odd = { ...policy("AdmissionPolicy", "odd"), spec: { policyServer: "default" } };
  assert.is(configuration({ policies: [odd] }).findings.get("AdmissionPolicy/ns1/odd")?.reason, "PolicyInvalid");
});

test("configuration: an invalid edit keeps the last good entry, byte for byte", () => {
  const good = policy("AdmissionPolicyGroup", "g", { expression: "m1() && true" });
  const before = configuration({ policies: [good] });
  const lastGood = entriesIn(before.files["policies.yml"]);
  const after = configuration({ policies: [broken], lastGood });
  assert.is(after.version, before.version);
  assert.is(after.findings.size, 1);
});

test("configuration: the entry of another policy under the same name is not kept", () => {
  const lastGood = entriesIn(
    '{"namespaced-group-ns1-g":{"namespacedName":{"Namespace":"group-ns1","Name":"g"},"module":"m"}}',
  );
  assert.is(configuration({ policies: [broken], lastGood }).entries.size, 0);
});

test("configuration: of two policies with one unique name the older has it, wherever it is bound", () => {
  const older = policy("AdmissionPolicy", "b-c", {}, { namespace: "a", creationTimestamp: "2026-01-01T00:00:00Z" });
  const newer = policy("AdmissionPolicy", "c", {}, { namespace: "a-b", creationTimestamp: "2026-01-02T00:00:00Z" });
  const both = configuration({ policies: [newer, older] });
  assert.is(both.entries.get("namespaced-a-b-c")?.namespace, "a");
  assert.equal([...both.findings].map(([key, { reason }]) => [key, reason]), [[
    "AdmissionPolicy/a-b/c",
    "NameCollision",
  ]]);

  const lastGood = configuration({ policies: [newer] }).entries;
  const elsewhere = configuration({ policies: [newer], rivals: [older], lastGood });
  assert.is(elsewhere.entries.size, 0);
  assert.equal([...elsewhere.findings.keys()], ["AdmissionPolicy/a-b/c"]);
  assert.is(configuration({ policies: [older], rivals: [newer] }).findings.size, 0);
});

test.run();
