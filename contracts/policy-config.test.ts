import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "./errors.ts";
import { parseJson, stringifyJson } from "./json.ts";
import { parsePolicy, type Policy } from "./policy.ts";
import { misspelledFields, parsePoliciesFile, parseSourcesFile } from "./policy-config.ts";
import { policiesFileFor, policiesFileFrom, policyEntryTexts, sourcesFileFor } from "./policy-config-writer.ts";

const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }];

function policy(kind: string, name: string, specText: string, namespace?: string): Policy {
  const spec = { rules, ...parseJson(specText) as Record<string, unknown> };
  return parsePolicy({ apiVersion: "policies.kubewarden.io/v1", kind, metadata: { name, namespace }, spec });
}

const policies = [
  policy(
    "AdmissionPolicyGroup",
    "g1",
    '{"mode":"monitor","expression":"m1() && m2()","message":"no","policies":{"m2":{"module":"registry://r/q:v3","timeoutEvalSeconds":3},"m1":{"module":"registry://r/q:v2","settings":{"a":1}}}}',
    "ns1",
  ),
  policy(
    "ClusterAdmissionPolicy",
    "cap1",
    '{"module":"registry://r/p:v1","mutating":false,"timeoutEvalSeconds":5,"contextAwareResources":[{"kind":"Pod","apiVersion":"v1"}]}',
  ),
  policy(
    "AdmissionPolicy",
    "ap1",
    '{"module":"https://h/p.wasm?a=1&b=2","mutating":true,"message":"a<b","settings":{"z":9007199254740993,"10":1.0,"9":"\\u2028","é":{"b":1,"a":[{"d":0,"c":0}]}}}',
    "ns1",
  ),
  policy(
    "ClusterAdmissionPolicyGroup",
    "g2",
    '{"expression":"m()","message":"no","policies":{"m":{"module":"file:///m.wasm","contextAwareResources":[{"apiVersion":"v1","kind":"Pod"}]}}}',
  ),
];
const golden = String.raw`{"clusterwide-cap1":{"namespacedName":{"Namespace":"","Name":"cap1"},` +
  String.raw`"module":"registry://r/p:v1","policyMode":"protect","allowedToMutate":false,` +
  String.raw`"contextAwareResources":[{"apiVersion":"v1","kind":"Pod"}],"settings":null,"timeoutEvalSeconds":5,` +
  String.raw`"hostCapabilities":["*"]},` +
  String.raw`"clusterwide-group-g2":{"namespacedName":{"Namespace":"","Name":"g2"},"policyMode":"protect",` +
  String.raw`"policies":{"m":{"module":"file:///m.wasm","settings":null,` +
  String.raw`"contextAwareResources":[{"apiVersion":"v1","kind":"Pod"}],"hostCapabilities":["*"]}},` +
  String.raw`"expression":"m()","message":"no"},` +
  String.raw`"namespaced-group-ns1-g1":{"namespacedName":{"Namespace":"ns1","Name":"g1"},"policyMode":"monitor",` +
  String.raw`"policies":{"m1":{"module":"registry://r/q:v2","settings":{"a":1},"hostCapabilities":["oci/*"]},` +
  String
    .raw`"m2":{"module":"registry://r/q:v3","settings":null,"timeoutEvalSeconds":3,"hostCapabilities":["oci/*"]}},` +
  String.raw`"expression":"m1() \u0026\u0026 m2()","message":"no"},` +
  String.raw`"namespaced-ns1-ap1":{"namespacedName":{"Namespace":"ns1","Name":"ap1"},` +
  String.raw`"module":"https://h/p.wasm?a=1\u0026b=2","policyMode":"protect","allowedToMutate":true,` +
  String.raw`"settings":{"10":1.0,"9":"\u2028","z":9007199254740993,"é":{"a":[{"c":0,"d":0}],"b":1}},` +
  String.raw`"message":"a\u003cb","hostCapabilities":["oci/*"]}}`;
const written = policiesFileFor(policies, { namespacedPoliciesCapabilities: ["oci/*"] });

test("policies.yml: the text is the one upstream writes, byte for byte", () => {
  assert.is(written, golden);
  assert.is(policiesFileFor([...policies].reverse(), { namespacedPoliciesCapabilities: ["oci/*"] }), golden);
});

test("policies.yml: no policies give an empty object", () => assert.is(policiesFileFor([], {}), "{}"));

test("policies.yml: an empty capability list is written, an absent one means all", () => {
  const capabilities = (server: { namespacedPoliciesCapabilities?: string[] }) =>
    /"hostCapabilities":(\[[^\]]*\])/.exec(policiesFileFor(policies.slice(2, 3), server))?.[1];
  assert.is(capabilities({ namespacedPoliciesCapabilities: [] }), "[]");
  assert.is(capabilities({}), '["*"]');
});

test("policies.yml: the texts of its entries make the same file again", () => {
  assert.is(policiesFileFrom(policyEntryTexts(written)), written);
});

test("policies.yml: what the writer writes, the reader reads", () => {
  const file = parsePoliciesFile(parseJson(written));
  assert.equal([...file.keys()], [
    "clusterwide-cap1",
    "clusterwide-group-g2",
    "namespaced-group-ns1-g1",
    "namespaced-ns1-ap1",
  ]);
  assert.equal(file.get("clusterwide-cap1"), {
    kind: "policy",
    module: "registry://r/p:v1",
    settings: {},
    contextAwareResources: [{ apiVersion: "v1", kind: "Pod" }],
    timeoutEvalSeconds: 5,
    hostCapabilities: ["*"],
    policyMode: "protect",
    allowedToMutate: false,
    // Tells a policy of a namespace from a cluster-wide one.
    namespacedName: { Namespace: "", Name: "cap1" },
  });
  const single = file.get("namespaced-ns1-ap1");
  assert.ok(single?.kind === "policy" && stringifyJson(single.settings).includes('"z":9007199254740993'));
  const group = file.get("namespaced-group-ns1-g1");
  assert.ok(group?.kind === "group");
  assert.equal([...group.policies.keys()], ["m1", "m2"]);
  assert.equal(group.policies.get("m1")?.settings, { a: 1 });
});

test("policies.yml: a minimal entry gets its defaults, and no host capability", () => {
  assert.equal(parsePoliciesFile({ p: { module: "m", contextAwareResources: null } }).get("p"), {
    kind: "policy",
    module: "m",
    settings: {},
    contextAwareResources: [],
    hostCapabilities: [],
    policyMode: "protect",
    allowedToMutate: false,
  });
});

test("policies.yml: unknown fields of a policy and of a group are ignored", () => {
  const member = { module: "m" };
  const group = { expression: "a()", message: "", policies: { a: member }, extra: 1 };
  const file = parsePoliciesFile({ p: { module: "m", extra: 1, policies: 1 }, g: group });
  assert.equal([...file.values()].map(({ kind }) => kind), ["policy", "group"]);
});

test("policies.yml: contextAwareResources are a set", () => {
  const pod = { apiVersion: "v1", kind: "Pod" };
  const entry = parsePoliciesFile({ p: { module: "m", contextAwareResources: [pod, pod] } }).get("p");
  assert.equal(entry?.kind === "policy" && entry.contextAwareResources, [pod]);
});

const group = (members: unknown) => ({ g: { expression: "a()", message: "no", policies: members } });
const refused: [string, unknown, string][] = [
  ["a list", [], "policies file: expected a map"],
  ["a name with a slash", { "a/b": { module: "m" } }, "policy name 'a/b' contains a '/' character"],
  ["an entry that is neither policy nor group", { p: {} }, "policy 'p': neither a policy (no `module`) nor a group"],
  ["an entry that is null", { p: null }, "policy 'p': neither a policy"],
  ["nothing", null, 'policies file: expected a map of policies by name; without policies write "{}"'],
  ["a policy whose module is a number", { p: { module: 1 } }, "policy 'p': module"],
  ["settings that are a string", { p: { module: "m", settings: "a" } }, "policy 'p': settings"],
  ["settings that are a list", { p: { module: "m", settings: [] } }, "policy 'p': settings"],
  ["settings that are an odd number", { p: { module: "m", settings: parseJson("1.0") } }, "policy 'p': settings"],
  ["an unknown mode", { p: { module: "m", policyMode: "watch" } }, "policy 'p': policyMode"],
  [
    "a timeout above 64 bits",
    { p: { module: "m", timeoutEvalSeconds: parseJson("18446744073709551616") } },
    "policy 'p': t",
  ],
  ["a timeout of half a second", { p: { module: "m", timeoutEvalSeconds: 0.5 } }, "policy 'p': timeoutEvalSeconds"],
  ["a negative timeout", { p: { module: "m", timeoutEvalSeconds: -1 } }, "policy 'p': timeoutEvalSeconds"],
  ["a group without a message", { g: { expression: "a()", policies: {} } }, "policy 'g': missing field `message`"],
  ["an unknown field of a member", group({ a: { module: "m", mutating: true } }), "policy group 'g', member 'a'"],
  [
    "names of members with a slash",
    group({ "a/b": { module: "m" }, c: { module: "m" }, "d/": { module: "m" } }),
    `policy group 'g' contains policies with invalid names: ["a/b", "d/"]`,
  ],
];
for (const [what, value, message] of refused) {
  test(`policies.yml: ${what} is refused`, () => {
    assert.throws(
      () => parsePoliciesFile(value),
      (error: unknown) =>
        error instanceof KubewardenError && error.code === "POLICIES_FILE_INVALID" && error.message.startsWith(message),
    );
  });
}

test("policies.yml: every problem is named, with its line where that is known", () => {
  const file = { "a/b": { module: 1 }, ...group({ a: { module: "m", mutating: true }, b: {} }), p: { module: "m" } };
  const problems = [{ path: ["p"], message: "defined twice", lines: [7, 9] }];
  const lineOf = (path: readonly PropertyKey[]) => path.length;
  const expected = `5 problems:
  p: defined twice (lines 7 and 9)
  policy name 'a/b' contains a '/' character (line 1)
  policy 'a/b': module: expected string, received number (line 2)
  policy group 'g', member 'a': unknown field \`mutating\` (line 4)
  policy group 'g', member 'b': missing field \`module\` (line 3)`;
  assert.throws(
    () => parsePoliciesFile(file, { lineOf, problems }),
    (error: unknown) => error instanceof KubewardenError && error.message === expected,
  );
});

test("policies.yml: of very many problems the first are named and the others counted", () => {
  const file = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`p${index}`, {}]));
  assert.throws(
    () => parsePoliciesFile(file),
    (error: unknown) =>
      error instanceof KubewardenError && /^1000 problems:\n {2}policy 'p0'.*\n {2}and 980 more$/s.test(error.message),
  );
});

test("policies.yml: a timeout of any length up to 64 bits means at most 23 days", () => {
  for (const [text, expected] of [["3", 3], ["2000001", 2_000_000], ["18446744073709551615", 2_000_000]] as const) {
    const entry = parsePoliciesFile({ p: { module: "m", timeoutEvalSeconds: parseJson(text) } }).get("p");
    assert.is(entry?.kind === "policy" && entry.timeoutEvalSeconds, expected);
  }
});

test("policies.yml: unknown fields close to known ones are told apart from others", () => {
  const file = { p: { module: "m", hostCapabilites: [], namespacedName: {} }, g: { mesage: "" }, n: null };
  assert.equal(misspelledFields(file), [
    { policy: "p", field: "hostCapabilites", meant: "hostCapabilities" },
    { policy: "g", field: "mesage", meant: "message" },
  ]);
});

test("sources.yml: the text is the one upstream writes", () => {
  assert.is(sourcesFileFor({}), "{}");
  assert.is(sourcesFileFor({ insecureSources: [], sourceAuthorities: {} }), "{}");
  assert.is(
    sourcesFileFor({ insecureSources: ["b:5000", "a"], sourceAuthorities: { "z:1": ["P1\n", "P2"], a: [] } }),
    String
      .raw`{"insecure_sources":["b:5000","a"],"source_authorities":{"a":[],"z:1":[{"type":"Data","data":"P1\n"},{"type":"Data","data":"P2"}]}}`,
  );
});

test("sources.yml: every part may be absent", () => {
  assert.equal(parseSourcesFile({}), { insecureSources: new Set(), sourceAuthorities: new Map() });
});

test("sources.yml: authorities, insecure hosts and proxies are read", () => {
  const file = parseSourcesFile({
    insecure_sources: ["a:5000"],
    source_authorities: { b: [{ type: "Path", path: "/ca.pem" }, { type: "Data", data: [45, 45] }] },
    proxies: { https_proxy: "http://p:3128" },
  });
  assert.equal([...file.insecureSources], ["a:5000"]);
  assert.equal(file.sourceAuthorities.get("b"), [{ type: "Path", path: "/ca.pem" }, { type: "Data", data: [45, 45] }]);
  assert.is(file.proxies?.httpsProxy, "http://p:3128");
});

test("sources.yml: every problem is named", () => {
  const value = { source_authorities: { a: 1, b: [{ type: "Path" }, { type: "Data", data: [256] }] } };
  const expected = `3 problems:
  source_authorities."a": expected array, received number
  source_authorities."b": 0: missing field \`path\`
  source_authorities."b": 1.data.0: Too big: expected number to be <=255`;
  assert.throws(
    () => parseSourcesFile(value),
    (error: unknown) => error instanceof KubewardenError && error.message === expected,
  );
});

test("sources.yml: mirrors are hosts, with a path in front of theirs if they have one", () => {
  const read = (mirrors: unknown) => parseSourcesFile({ source_mirrors: { "ghcr.io": mirrors } }).sourceMirrors;
  assert.equal(read(["a:5000", "b.example/ghcr.io"]), new Map([["ghcr.io", ["a:5000", "b.example/ghcr.io"]]]));
  for (const mirrors of ["a", ["https://a"], ["u:p@a"], [""]]) {
    assert.throws(() => read(mirrors), (error: { code?: string }) => error.code === "SOURCES_FILE_INVALID");
  }
});

test("sources.yml: an authority of an unknown type is refused with its place", () => {
  assert.throws(
    () => parseSourcesFile({ source_authorities: { b: [{ type: "path", path: "/ca.pem" }] } }),
    (error: unknown) =>
      error instanceof KubewardenError && error.code === "SOURCES_FILE_INVALID" && error.message.includes('"b"'),
  );
});

test.run();
