import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson, stringifyJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { builtinTypes } from "./builtin/types.ts";
import { applyDefaults, applyTypeDefaults } from "./defaults.ts";
import { renderFieldError } from "./field-error.ts";
import { pruneUnknown } from "./prune.ts";
import { apiVersionOf, type ResourceType } from "./resource-type.ts";
import type { Schema } from "./schema.ts";
import { schemaErrors } from "./schema-errors.ts";
import { validateObject } from "./validate.ts";

const types = new Map(builtinTypes().map((type) => [`${apiVersionOf(type)} ${type.kind}`, type]));

function typeOf({ apiVersion, kind }: KubeObject): ResourceType {
  const type = types.get(`${apiVersion} ${kind}`);
  if (!type) throw new Error(`no type for ${apiVersion} ${kind}`);
  return type;
}

function prepared(object: KubeObject): KubeObject {
  const type = typeOf(object);
  const copy = parseJson(stringifyJson(object)) as KubeObject;
  assert.equal(pruneUnknown(type.schema, copy), []);
  applyTypeDefaults(type, copy);
  return copy;
}

function errorsOf(object: KubeObject, old?: KubeObject): string[] {
  const errors = validateObject(typeOf(object), prepared(object), old && prepared(old));
  return errors.map(renderFieldError);
}

// Values

const values: [string, Schema, string, string[]][] = [
  ["a missing field", { type: "object", required: ["a"] }, "{}", ["v.a: Required value"]],
  ["a word outside the enum", { type: "string", enum: ["a", "b"] }, '"c"', [
    'v: Unsupported value: "c": supported values: "a", "b"',
  ]],
  ["a string for a number", { type: "integer" }, '"1"', [
    'v: Invalid value: "string": v in body must be of type integer: "string"',
  ]],
  ["null where it may not be", { type: "string" }, "null", [
    'v: Invalid value: "null": v in body must be of type string: "null"',
  ]],
  ["null where it may be", { type: "string", nullable: true }, "null", []],
  ["a number below the minimum", { type: "integer", minimum: 1 }, "0", [
    "v: Invalid value: 0: v in body should be greater than or equal to 1",
  ]],
  ["a text that breaks the pattern", { type: "string", pattern: "^a+$" }, '"b"', [
    "v: Invalid value: \"b\": v in body should match '^a+$'",
  ]],
  ["a text that is too long", { type: "string", maxLength: 2 }, '"abc"', ["v: Too long: may not be more than 2 bytes"]],
  ["too many items", { type: "array", maxItems: 1, items: {} }, "[1,2]", ["v: Too many: 2: must have at most 1 item"]],
  ["a repeated item of a set", { type: "array", "x-kubernetes-list-type": "set", items: {} }, '["a","a"]', [
    'v[1]: Duplicate value: "a"',
  ]],
  [
    "a repeated key of a map list",
    {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: { type: "object" },
    },
    '[{"name":"a","x":1},{"name":"a","x":2}]',
    ['v[1]: Duplicate value: {"name":"a"}'],
  ],
  ["an integer beyond 2^53", { type: "integer", format: "int64" }, "9007199254740993", []],
  ["an integer beyond int64", { type: "integer", format: "int64" }, "9223372036854775808", [
    'v: Invalid value: 9223372036854775808: v in body must be of type int64: "integer"',
  ]],
  ["a port by number or name", { "x-kubernetes-int-or-string": true }, '"http"', []],
  ["neither number nor name", { "x-kubernetes-int-or-string": true }, "true", [
    'v: Invalid value: "boolean": v in body must be of type integer,string: "boolean"',
  ]],
  ["no alternative that fits", { type: "object", anyOf: [{ required: ["a"] }, { required: ["b"] }] }, "{}", [
    'v: Invalid value: "": "v" must validate at least one schema (anyOf)',
  ]],
];

for (const [circumstance, schema, json, expected] of values) {
  test(`schema: ${circumstance}`, () => {
    assert.equal(schemaErrors(schema, parseJson(json), "v").map(renderFieldError), expected);
  });
}

test("schema: what did not change is not complained about, what did is", () => {
  const schema: Schema = {
    type: "object",
    properties: { a: { type: "string", maxLength: 1 }, b: { type: "string", maxLength: 1 } },
  };
  const errors = schemaErrors(schema, { a: "long", b: "long" }, "v", { a: "long", b: "l" });
  assert.equal(errors.map(({ path }) => path), ["v.b"]);
});

test("defaults: they fill what is missing, at every depth, and keep every digit", () => {
  const schema: Schema = {
    type: "object",
    properties: {
      big: { type: "integer", default: parseJson("9007199254740993") },
      nested: { type: "object", default: {}, properties: { on: { type: "boolean", default: true } } },
    },
  };
  const value = {};
  applyDefaults(schema, value);
  assert.is(stringifyJson(value), '{"big":9007199254740993,"nested":{"on":true}}');
});

test("prune: unknown fields go and are named, free-form objects and maps stay", () => {
  const schema: Schema = {
    type: "object",
    properties: {
      free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      map: { type: "object", additionalProperties: { type: "object", properties: {} } },
      list: { type: "array", items: { type: "object", properties: {} } },
    },
  };
  const value = { x: 1, free: { y: 1 }, map: { k: { z: 1 } }, list: [{ w: 1 }] };
  assert.equal(pruneUnknown(schema, value), ["x", "map.k.z", "list[0].w"]);
  assert.equal(value, { free: { y: 1 }, map: { k: {} }, list: [{}] } as unknown as typeof value);
});

// Built-in kinds

const metadata = { name: "a", namespace: "n" };
const container = { name: "main", image: "i:1" };

function pod(spec: object = {}, meta: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, ...meta },
    spec: { containers: [container], ...spec },
  };
}
function deployment(spec: object = {}): KubeObject {
  const template = { metadata: { labels: { app: "a" } }, spec: { containers: [container] } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: { selector: { matchLabels: { app: "a" } }, template, ...spec },
  };
}
function service(spec: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { clusterIP: "10.0.0.1", ports: [{ port: 80 }], ...spec },
  };
}
function webhooks(webhook: object): KubeObject {
  const whole = {
    name: "a.b.c",
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    clientConfig: { service: { name: "s", namespace: "n", path: "/validate/clusterwide-x" } },
    rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
  };
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "a" },
    webhooks: [{ ...whole, ...webhook }],
  };
}
const configMap = (more: object, meta: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { ...metadata, ...meta },
  ...more,
});
const networkPolicy = (ingress: object): KubeObject => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata,
  spec: { podSelector: {}, ingress: [ingress] },
});
const rbac = (kind: string, more: object): KubeObject => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind,
  metadata: kind.startsWith("Cluster") ? { name: "a" } : metadata,
  ...more,
});
const rolesGroup = "rbac.authorization.k8s.io";

const fine: KubeObject[] = [
  pod(),
  deployment(),
  service(),
  webhooks({}),
  configMap({ data: { "a.yml": "x" } }),
  rbac("Role", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] }),
];
for (const object of fine) {
  test(`built-in: a whole ${object.kind} has no errors`, () => assert.equal(errorsOf(object), []));
}

const refusals: [string, KubeObject, string][] = [
  ["a name in capitals", pod({}, { name: "A" }), 'metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain'],
  ["a label value of 64 characters", pod({}, { labels: { a: "x".repeat(64) } }), "metadata.labels: Invalid value: "],
  [
    "a label key with two slashes",
    pod({}, { labels: { "a/b/c": "" } }),
    'metadata.labels: Invalid value: "a/b/c": a qualified name',
  ],
  ["a Pod without containers", pod({ containers: [] }), "spec.containers: Required value"],
  ["a container without image", pod({ containers: [{ name: "a" }] }), "spec.containers[0].image: Required value"],
  [
    "two containers of one name",
    pod({ containers: [container, container] }),
    'spec.containers[1].name: Duplicate value: "main"',
  ],
  [
    "a mount of no volume",
    pod({ containers: [{ ...container, volumeMounts: [{ name: "v", mountPath: "/v" }] }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ],
  [
    "a request above its limit",
    pod({ containers: [{ ...container, resources: { requests: { cpu: "1" }, limits: { cpu: "500m" } } }] }),
    'spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m',
  ],
  [
    "a policy for pulling that is none",
    pod({ containers: [{ ...container, imagePullPolicy: "Maybe" }] }),
    'spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
  ],
  [
    "a probe of two kinds",
    pod({ containers: [{ ...container, readinessProbe: { httpGet: { port: 1 }, exec: { command: ["x"] } } }] }),
    "spec.containers[0].readinessProbe.httpGet: Forbidden: may not specify more than 1 handler type",
  ],
  ["a Deployment without selector", deployment({ selector: undefined }), "spec.selector: Required value"],
  [
    "a template the selector misses",
    deployment({ selector: { matchLabels: { app: "b" } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
  ],
  [
    "replicas below zero",
    deployment({ replicas: -1 }),
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
  ],
  [
    "no surge and none unavailable",
    deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
  ],
  [
    "two nameless ports of a Service",
    service({ ports: [{ port: 1 }, { port: 2 }] }),
    "spec.ports[0].name: Required value",
  ],
  [
    "a Service port out of range",
    service({ ports: [{ port: 0 }] }),
    "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
  ],
  [
    "a ConfigMap key with a slash",
    configMap({ data: { "a/b": "x" } }),
    'data[a/b]: Invalid value: "a/b": a valid config key',
  ],
  ["a TLS Secret without its key", {
    apiVersion: "v1",
    kind: "Secret",
    metadata,
    type: "kubernetes.io/tls",
    data: { "tls.crt": "eA==" },
  }, "data[tls.key]: Required value"],
  [
    "Secret data that is no base64",
    { apiVersion: "v1", kind: "Secret", metadata, data: { a: "?" } },
    "data.a: Invalid value",
  ],
  ["a disruption budget with both bounds", {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata,
    spec: { minAvailable: 1, maxUnavailable: 1 },
  }, "spec: Invalid value: "],
  [
    "a range of ports that ends before it starts",
    networkPolicy({ ports: [{ port: 9, endPort: 8 }] }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 8: must be greater than or equal to `port`",
  ],
  [
    "an exception outside its block",
    networkPolicy({ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } }] }),
    'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
  ],
  [
    "a block of IPv6 that is none",
    networkPolicy({ from: [{ ipBlock: { cidr: "fe80::1::/10" } }] }),
    "spec.ingress[0].from[0].ipBlock.cidr: Invalid value: ",
  ],
  ["a priority that only the system's classes have", {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: "m" },
    value: 1_000_000_001,
  }, "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
  [
    "a rule without verbs",
    rbac("Role", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: [] }] }),
    "rules[0].verbs: Required value: verbs must contain at least one value",
  ],
  [
    "a Role for paths",
    rbac("Role", { rules: [{ nonResourceURLs: ["/x"], verbs: ["get"] }] }),
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
  ],
  [
    "a cluster-wide subject without namespace",
    rbac("ClusterRoleBinding", {
      roleRef: { apiGroup: rolesGroup, kind: "ClusterRole", name: "r" },
      subjects: [{ kind: "ServiceAccount", name: "s" }],
    }),
    "subjects[0].namespace: Required value",
  ],
  [
    "a webhook name of two segments",
    webhooks({ name: "a.b" }),
    'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments',
  ],
  [
    "a webhook that waits 31 seconds",
    webhooks({ timeoutSeconds: 31 }),
    "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
  ],
  [
    "a webhook with unknown side effects",
    webhooks({ sideEffects: "Some" }),
    'webhooks[0].sideEffects: Unsupported value: "Some"',
  ],
  [
    "a webhook path without slash",
    webhooks({ clientConfig: { service: { name: "s", namespace: "n", path: "x" } } }),
    "webhooks[0].clientConfig.service.path: Invalid value: \"x\": must start with a '/'",
  ],
  [
    "a webhook with neither service nor url",
    webhooks({ clientConfig: {} }),
    "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
  ],
  [
    "a selector operator without values",
    webhooks({ namespaceSelector: { matchExpressions: [{ key: "a", operator: "In" }] } }),
    "webhooks[0].namespaceSelector.matchExpressions[0].values: Required value",
  ],
  [
    "a matchCondition that does not compile",
    webhooks({ matchConditions: [{ name: "c", expression: "object.x ==" }] }),
    'webhooks[0].matchConditions[0].expression: Invalid value: "object.x ==": compilation failed',
  ],
  [
    "a matchCondition on a field requests lack",
    webhooks({ matchConditions: [{ name: "c", expression: "request.usr == ''" }] }),
    "webhooks[0].matchConditions[0].expression: Invalid value: \"request.usr == ''\": compilation failed: ERROR: <input>:1:9: undefined field 'usr'",
  ],
  [
    "a matchCondition that is no condition",
    webhooks({ matchConditions: [{ name: "c", expression: "'a'" }] }),
    "webhooks[0].matchConditions[0].expression: Invalid value: \"'a'\": must evaluate to bool",
  ],
  [
    "two matchConditions of one name",
    webhooks({ matchConditions: [{ name: "c", expression: "true" }, { name: "c", expression: "true" }] }),
    'webhooks[0].matchConditions[1].name: Duplicate value: "c"',
  ],
  [
    "65 matchConditions",
    webhooks({
      matchConditions: Array.from({ length: 65 }, (_, index) => ({ name: `c${index}`, expression: "true" })),
    }),
    "webhooks[0].matchConditions: Too many: 65: must have at most 64 items",
  ],
  [
    "an operation that is none",
    webhooks({ rules: [{ operations: ["READ"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }] }),
    'webhooks[0].rules[0].operations[0]: Unsupported value: "READ"',
  ],
];

for (const [circumstance, object, beginning] of refusals) {
  test(`built-in: ${circumstance} is refused`, () => {
    const errors = errorsOf(object);
    assert.ok(errors.some((each) => each.startsWith(beginning)), `${errors.join("\n")}\nshould have\n${beginning}`);
  });
}

const changes: [string, KubeObject, KubeObject, string][] = [
  [
    "a Deployment's selector",
    deployment({ selector: { matchLabels: { app: "a" }, matchExpressions: [] } }),
    deployment(),
    "spec.selector: Invalid value: ",
  ],
  [
    "a Service's address",
    service({ clusterIP: "10.0.0.2" }),
    service(),
    'spec.clusterIP: Invalid value: "10.0.0.2": field is immutable',
  ],
  [
    "an immutable ConfigMap's data",
    configMap({ immutable: true, data: { a: "2" } }),
    configMap({ immutable: true, data: { a: "1" } }),
    "data: Forbidden: field is immutable when `immutable` is set",
  ],
  [
    "a binding's role",
    rbac("RoleBinding", { roleRef: { apiGroup: rolesGroup, kind: "Role", name: "b" } }),
    rbac("RoleBinding", { roleRef: { apiGroup: rolesGroup, kind: "Role", name: "a" } }),
    "roleRef: Invalid value: ",
  ],
  [
    "a Pod's command",
    pod({ containers: [{ ...container, command: ["x"] }] }),
    pod(),
    "spec: Forbidden: pod updates may not change fields other than",
  ],
  ["a Pod's uid", pod({}, { uid: "2" }), pod({}, { uid: "1" }), 'metadata.uid: Invalid value: "2": field is immutable'],
  [
    "finalizers while it is deleted, by adding one",
    configMap({}, { finalizers: ["a.b/c"], deletionTimestamp: "2026-01-01T00:00:00Z" }),
    configMap({}, { finalizers: [], deletionTimestamp: "2026-01-01T00:00:00Z" }),
    "metadata.finalizers: Forbidden: no new finalizers can be added",
  ],
];

for (const [what, object, old, beginning] of changes) {
  test(`built-in: ${what} may not change`, () => {
    const errors = errorsOf(object, old);
    assert.ok(errors.some((each) => each.startsWith(beginning)), `${errors.join("\n")}\nshould have\n${beginning}`);
  });
}

test("built-in: a Pod's image may change", () => {
  assert.equal(errorsOf(pod({ containers: [{ ...container, image: "i:2" }] }), pod()), []);
});

test("built-in: a Deployment and its container get Kubernetes' defaults", () => {
  const { spec } = prepared(deployment()) as unknown as {
    spec: Record<string, unknown> & {
      template: { spec: { containers: Record<string, unknown>[] } & Record<string, unknown> };
    };
  };
  assert.is(spec.replicas, 1);
  assert.equal(spec.strategy, { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } });
  assert.is(spec.template.spec.restartPolicy, "Always");
  assert.is(spec.template.spec.containers[0]?.imagePullPolicy, "IfNotPresent");
  assert.is(spec.template.spec.containers[0]?.terminationMessagePath, "/dev/termination-log");
});

test("built-in: a webhook gets Kubernetes' defaults", () => {
  const [webhook] = prepared(webhooks({})).webhooks as Record<string, unknown>[];
  assert.is(webhook?.failurePolicy, "Fail");
  assert.is(webhook?.timeoutSeconds, 10);
  assert.equal(webhook?.namespaceSelector, {});
  assert.equal((webhook?.rules as Record<string, unknown>[])[0]?.scope, "*");
});

test.run();
