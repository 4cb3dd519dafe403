import { test } from "uvu";
import * as assert from "uvu/assert";
import { typesOfCrd, validateCrd } from "../../local-cluster/schema/crd.ts";
import { applyTypeDefaults } from "../../local-cluster/schema/defaults.ts";
import { renderFieldError } from "../../local-cluster/schema/field-error.ts";
import { pruneUnknown } from "../../local-cluster/schema/prune.ts";
import type { ResourceType } from "../../local-cluster/schema/resource-type.ts";
import { validateObject } from "../../local-cluster/schema/validate.ts";
import { crds } from "../crds.ts";
import type { KubeObject } from "../kubernetes.ts";
import { groupCases } from "./groups.ts";
import { policyCases } from "./policies.ts";
import { policyServerCases } from "./policy-servers.ts";
import { updateCases } from "./updates.ts";

const types = new Map<string, ResourceType>();
for (const crd of Object.values(crds()) as KubeObject[]) {
  test(`crds: ${crd.metadata.name} is accepted by an API server, the cost of its rules included`, () => {
    assert.equal(validateCrd(structuredClone(crd)).map(renderFieldError), []);
  });
  for (const type of typesOfCrd(structuredClone(crd))) types.set(type.kind, type);
}

/** What an API server would answer: unknown fields and errors. */
function errorsOf(object: KubeObject, old?: KubeObject): string[] {
  const type = types.get(object.kind)!;
  const asServed = (each: KubeObject) => {
    const copy = structuredClone(each);
    const unknown = pruneUnknown(type.schema, copy);
    applyTypeDefaults(type, copy);
    return { copy, unknown };
  };
  const before = old && asServed(old).copy;
  const { copy, unknown } = asServed(object);
  if (before) { for (const each of [before, copy]) Object.assign(each.metadata, { uid: "u", resourceVersion: "1" }); }
  return [...unknown, ...validateObject(type, copy, before).map(renderFieldError)];
}

for (
  const { what, object, old, refusedAt, because } of [policyServerCases, policyCases, groupCases, updateCases].flat()
) {
  test(`crds: ${what} is ${refusedAt === undefined ? "accepted" : "refused"}`, () => {
    const errors = errorsOf(object, old);
    if (refusedAt === undefined) return assert.equal(errors, []);
    const found = errors.some((error) =>
      error.startsWith(`${refusedAt === "" ? "<nil>" : refusedAt}: `) && error.includes(because ?? "")
    );
    assert.ok(found, `expected "${because}" at "${refusedAt}", got ${JSON.stringify(errors)}`);
  });
}

test.run();
