import { test } from "uvu";
import * as assert from "uvu/assert";
import { crds } from "../../contracts/crds.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { builtinTypes } from "./builtin/types.ts";
import { cloneJson } from "./clone.ts";
import { typesOfCrd } from "./crd.ts";
import { applyTypeDefaults } from "./defaults.ts";
import { renderFieldError } from "./field-error.ts";
import { pruneUnknown } from "./prune.ts";
import type { Schema } from "./schema.ts";
import { validateObject } from "./validate.ts";

const crdType = builtinTypes().find(({ kind }) => kind === "CustomResourceDefinition");
if (!crdType) throw new Error("no type for CustomResourceDefinition");
const schemaPath = "spec.validation.openAPIV3Schema";

function errorsOf(crd: KubeObject, old?: KubeObject): string[] {
  if (!crdType) return [];
  applyTypeDefaults(crdType, crd);
  return validateObject(crdType, crd, old).map(renderFieldError);
}

function crdWith(spec: Schema | undefined, more: Record<string, unknown> = {}): KubeObject {
  const schema = { type: "object", properties: { spec } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "things.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "things", kind: "Thing" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      ...more,
    },
  };
}

for (const [plural, crd] of Object.entries(crds())) {
  test(`crd: our own ${plural} is accepted, with nothing pruned`, () => {
    const copy = cloneJson(crd) as KubeObject;
    assert.equal(pruneUnknown(crdType.schema, copy), []);
    assert.equal(errorsOf(copy), []);
  });
}

const string: Schema = { type: "string" };
const rule = (text: string) => ({ "x-kubernetes-validations": [{ rule: text }] });
const atSpec = `${schemaPath}.properties[spec]`;
const atRule = `${atSpec}.x-kubernetes-validations[0].rule`;
const advice = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and " +
  "strings are declared)";

/** Circumstance, schema of `spec`, and how the refusal begins. */
const refusals: [string, Schema, string][] = [
  ["a property without a type", { properties: {} }, `${atSpec}.type: Required value: must not be empty`],
  ["a list without items", { type: "array" }, `${atSpec}.items: Required value: must be specified`],
  [
    "properties beside additionalProperties",
    { type: "object", properties: {}, additionalProperties: string },
    `${atSpec}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
  ],
  ["closed objects", { type: "object", additionalProperties: false }, `${atSpec}.additionalProperties: Forbidden`],
  [
    "uniqueItems",
    { type: "array", items: string, uniqueItems: true },
    `${atSpec}.uniqueItems: Forbidden: uniqueItems cannot be set to true`,
  ],
  ["a keyword nobody knows", { type: "object", minimun: 1 } as Schema, `${atSpec}.minimun: Forbidden: unknown field`],
  [
    "a type inside anyOf",
    { type: "object", anyOf: [{ type: "object" }] },
    `${atSpec}.anyOf[0].type: Forbidden: must be empty to be structural`,
  ],
  ["a map list whose key is optional", {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    items: { type: "object", properties: { name: string } },
  }, `${atSpec}.items.properties[name].default: Required value`],
  ["a default of the wrong type", { type: "integer", default: "one" }, `${atSpec}.default: Invalid value: "string"`],
  [
    "a rule that does not parse",
    { ...string, ...rule("self ==") },
    `${atRule}: Invalid value: "self ==": compilation failed: ERROR: <input>:1:8`,
  ],
  [
    "a rule on a field that is not there",
    { type: "object", properties: {}, ...rule("self.size > 1") },
    `${atRule}: Invalid value: "self.size > 1": compilation failed: ERROR: <input>:1:6: undefined field 'size'`,
  ],
  [
    "a rule with types that do not go together",
    { ...string, ...rule("self > 1") },
    `${atRule}: Invalid value: "self > 1": compilation failed`,
  ],
  [
    "a rule that is no condition",
    { ...string, ...rule("self + 'a'") },
    `${atRule}: Invalid value: "self + 'a'": cel expression must evaluate to a bool`,
  ],
  [
    "a rule that names an unknown variable",
    { ...string, ...rule("other == ''") },
    `${atRule}: Invalid value: "other == ''": compilation failed: ERROR: <input>:1:1: undeclared reference to 'other'`,
  ],
  ["a rule that looks into free-form data", {
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
    ...rule("self.x == 1"),
  }, `${atRule}: Invalid value: "self.x == 1": compilation failed`],
  [
    "oldSelf inside an atomic list",
    { type: "array", maxItems: 5, items: { ...string, maxLength: 5, ...rule("self == oldSelf") } },
    `${atSpec}.items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${atSpec}`,
  ],
  [
    "a loop over unbounded lists",
    { type: "array", items: string, ...rule("self.all(x, self.exists_one(y, x == y))") },
    `${atRule}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${advice}`,
  ],
  [
    "a cheap rule in an unbounded list of long strings",
    { type: "array", items: { ...string, ...rule("self.contains('abcdefghijklm')") } },
    `${atSpec}.items.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x`,
  ],
  ["a rule a little over the budget", {
    type: "array",
    maxItems: 3_400_000,
    items: { type: "integer" },
    ...rule("self.all(x, true)"),
  }, `${atRule}: Forbidden: estimated rule cost exceeds budget by factor of 1.020000x`],
  ["optionalOldSelf, which is not implemented", {
    ...string,
    "x-kubernetes-validations": [{ rule: "true", optionalOldSelf: true }],
  }, `${atSpec}.x-kubernetes-validations[0].optionalOldSelf: Forbidden`],
];

for (const [circumstance, schema, beginning] of refusals) {
  test(`crd: ${circumstance} is refused`, () => {
    const errors = errorsOf(crdWith(schema));
    assert.ok(errors.some((each) => each.startsWith(beginning)), `${errors.join("\n")}\nshould have\n${beginning}`);
  });
}

test("crd: rules that are cheap one by one can be too dear together", () => {
  const costly = {
    type: "array",
    maxItems: 3_000_000,
    items: { type: "integer" },
    ...rule("self.all(x, true)"),
  } as const;
  const properties = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`list${index}`, costly]));
  const errors = errorsOf(crdWith({ type: "object", properties }));
  assert.is(
    errors.at(-1),
    `${schemaPath}: Forbidden: x-kubernetes-validations estimated rule & messageExpression cost total ` +
      `for entire OpenAPIv3 schema exceeds budget by factor of 1.080000x ${advice}`,
  );
});

const naming: [string, Record<string, unknown>, string][] = [
  ["another name than plural.group", { group: "example.org" }, 'metadata.name: Invalid value: "things.example.com"'],
  [
    "a group of one segment",
    { group: "example" },
    'spec.group: Invalid value: "example": should be a domain with at least one dot',
  ],
  [
    "a kind that is its list's kind",
    { names: { plural: "things", kind: "Thing", listKind: "Thing" } },
    "spec.names.listKind: Invalid value",
  ],
  ["no storage version", {
    versions: [{ name: "v1", served: true, storage: false, schema: { openAPIV3Schema: { type: "object" } } }],
  }, 'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version'],
  [
    "a version without schema",
    { versions: [{ name: "v1", served: true, storage: true }] },
    "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
  ],
  [
    "an unknown scope",
    { scope: "World" },
    'spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"',
  ],
  [
    "conversion by webhook, which is not implemented",
    { conversion: { strategy: "Webhook" } },
    "spec.conversion.strategy: Forbidden",
  ],
];

for (const [circumstance, more, beginning] of naming) {
  test(`crd: ${circumstance} is refused`, () => {
    const errors = errorsOf(crdWith({ type: "object" }, more));
    assert.ok(errors.some((each) => each.startsWith(beginning)), errors.join("\n"));
  });
}

test("crd: a schema that was accepted before is not judged again", () => {
  const dear = crdWith({ type: "array", items: string, ...rule("self.all(x, self.exists_one(y, x == y))") });
  const stored = cloneJson(dear);
  assert.equal(errorsOf(dear, stored), []);
});

test("crd: its types have names, columns, metadata and subresources", () => {
  const [type] = typesOfCrd(crds().policyservers as KubeObject);
  assert.is(type?.kind, "PolicyServer");
  assert.is(type?.plural, "policyservers");
  assert.equal(type?.shortNames, ["ps"]);
  assert.is(type?.hasStatus, true);
  assert.is(type?.namespaced, false);
  assert.equal(type?.columns.map(({ name }) => name), ["Replicas", "Image"]);
  assert.is(type?.schema.properties?.metadata?.properties?.labels?.type, "object");
});

test.run();
