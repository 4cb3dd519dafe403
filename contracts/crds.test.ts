import { test } from "uvu";
import * as assert from "uvu/assert";
import { z } from "zod";
import { crds, type StructuralSchema, structuralSchemaFor } from "./crds.ts";
import { int64, intOrString } from "./kubernetes-schema.ts";

/** Every schema below a CRD's root, with its path. */
function* schemas(schema: StructuralSchema, path: string): Generator<[string, StructuralSchema]> {
  yield [path, schema];
  for (const [name, each] of Object.entries(schema.properties ?? {})) yield* schemas(each, `${path}.${name}`);
  if (schema.items) yield* schemas(schema.items as StructuralSchema, `${path}[]`);
  if (typeof schema.additionalProperties === "object") {
    yield* schemas(schema.additionalProperties as StructuralSchema, `${path}{}`);
  }
}

const roots = Object.entries(crds()).map(([plural, crd]): [string, StructuralSchema] => {
  const spec = crd.spec as { versions: { schema: { openAPIV3Schema: StructuralSchema } }[] };
  return [plural, spec.versions[0]!.schema.openAPIV3Schema];
});
const all = roots.flatMap(([plural, root]) => [...schemas(root, plural)]);

test("crds: there are five, named after their plurals", () => {
  assert.equal(roots.map(([plural]) => plural).sort(), [
    "admissionpolicies",
    "admissionpolicygroups",
    "clusteradmissionpolicies",
    "clusteradmissionpolicygroups",
    "policyservers",
  ]);
});

test("crds: every schema has a type, or is int-or-string", () => {
  const untyped = all.filter(([, schema]) => !schema.type && !schema["x-kubernetes-int-or-string"]);
  assert.equal(untyped.map(([path]) => path), []);
});

test("crds: nothing under status is required but the key of a condition", () => {
  const required = all.filter(([path, { required }]) => /^\w+\.status/.test(path) && required);
  assert.equal(new Set(required.map(([path]) => path.replace(/^\w+/, ""))), new Set([".status.conditions[]"]));
  assert.equal(required.map(([, schema]) => schema.required), roots.map(() => ["type"]));
});

test("crds: properties and additionalProperties never stand side by side", () => {
  const both = all.filter(([, schema]) => schema.properties && schema.additionalProperties !== undefined);
  assert.equal(both.map(([path]) => path), []);
});

test("crds: every list and map that carries a rule is bounded, and so are those around it", () => {
  const ruled = all.filter(([, schema]) => schema["x-kubernetes-validations"]);
  assert.ok(ruled.length > 20);
  for (const [path, schema] of ruled) {
    if (schema.type === "array") assert.ok(schema.maxItems, `${path} has no maxItems`);
    if (schema.type === "object" && schema.additionalProperties) {
      assert.ok(schema.maxProperties, `${path} has no maxProperties`);
    }
    if (schema.type === "string" && !schema.enum) assert.ok(schema.maxLength, `${path} has no maxLength`);
    for (const [outer, around] of all) {
      if (path.startsWith(`${outer}[]`)) assert.ok(around.maxItems, `${outer} around ${path} has no maxItems`);
      if (path.startsWith(`${outer}{}`)) assert.ok(around.maxProperties, `${outer} around ${path} is unbounded`);
    }
  }
});

test("crds: settings are any object or null", () => {
  const settings = all.filter(([path]) => path.endsWith(".settings")).map(([, { description: _, ...rest }]) => rest);
  assert.is(settings.length, 4);
  for (const each of settings) {
    assert.equal(each, { type: "object", nullable: true, "x-kubernetes-preserve-unknown-fields": true });
  }
});

test("crds: only what upstream has is required", () => {
  const required = (path: string) => [...(all.find(([each]) => each === path)?.[1].required as string[])].sort();
  assert.equal(required("policyservers.spec"), ["replicas"]);
  for (const plural of ["admissionpolicies", "clusteradmissionpolicies"]) {
    assert.equal(required(`${plural}.spec`), ["module", "mutating", "rules"]);
  }
  for (const plural of ["admissionpolicygroups", "clusteradmissionpolicygroups"]) {
    assert.equal(required(`${plural}.spec`), ["expression", "message", "policies", "rules"]);
    assert.equal(required(`${plural}.spec.policies{}`), ["module"]);
  }
});

test("crds: integers carry their format instead of JavaScript's bounds", () => {
  assert.equal(structuralSchemaFor(int64), { type: "integer", format: "int64" });
  assert.equal(structuralSchemaFor(intOrString), {
    "x-kubernetes-int-or-string": true,
    anyOf: [{ type: "integer" }, { type: "string" }],
  });
});

test("crds: a schema that a CRD cannot hold is refused", () => {
  assert.throws(() => structuralSchemaFor(z.union([z.string(), z.boolean()])), /a CRD cannot hold/);
  assert.throws(() => structuralSchemaFor(z.tuple([z.string()])), /a CRD cannot hold/);
});

test.run();
