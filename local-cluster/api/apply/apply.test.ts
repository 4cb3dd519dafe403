import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson, stringifyJson } from "../../../contracts/json.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import type { ResourceType } from "../../schema/resource-type.ts";
import type { Schema } from "../../schema/schema.ts";
import { mergeApplied } from "./apply.ts";
import { trackUpdate } from "./managed-fields.ts";

const text: Schema = { type: "string" };
const schema: Schema = {
  type: "object",
  properties: {
    apiVersion: text,
    kind: text,
    metadata: { type: "object", properties: { name: text, labels: { type: "object", additionalProperties: text } } },
    spec: {
      type: "object",
      properties: {
        list: { type: "array", items: text },
        names: { type: "array", items: text, "x-kubernetes-list-type": "set" },
        parts: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: { type: "object", properties: { name: text, value: text } },
        },
        whole: { type: "object", "x-kubernetes-map-type": "atomic", additionalProperties: text },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  },
};
const type = {
  group: "example.com",
  version: "v1",
  kind: "Thing",
  plural: "things",
  schema,
} as unknown as ResourceType;
const now = new Date("2026-01-01T00:00:00Z");
const thing = (spec: unknown, metadata: Record<string, unknown> = {}) =>
  ({ apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "a", ...metadata }, spec }) as KubeObject;
const apply = (live: KubeObject | undefined, spec: unknown, manager = "one", force = false) =>
  mergeApplied({ type, live, applied: thing(spec), manager, force, subresource: undefined, now });
const ownedBy = (object: KubeObject) =>
  Object.fromEntries(
    (object.metadata.managedFields as { manager: string; fieldsV1: unknown }[]).map((each) => [
      each.manager,
      each.fieldsV1,
    ]),
  );

test("apply: owns leaves, items of sets and keyed lists, and atomic values as a whole", () => {
  const object = apply(undefined, {
    list: ["x"],
    names: ["n"],
    parts: [{ name: "p", value: "v" }],
    whole: { a: "1" },
    free: { deep: { er: 1 } },
  });
  assert.equal(ownedBy(object), {
    one: {
      "f:spec": {
        "f:free": { "f:deep": { ".": {}, "f:er": {} } },
        "f:list": {},
        "f:names": { 'v:"n"': {} },
        "f:parts": { 'k:{"name":"p"}': { ".": {}, "f:name": {}, "f:value": {} } },
        "f:whole": {},
      },
    },
  });
});

test("apply: a set and a keyed list merge, an atomic list and map are replaced", () => {
  const first = apply(undefined, { names: ["a"], parts: [{ name: "p" }], whole: { a: "1" } }, "one");
  const second = apply(first, { names: ["b"], parts: [{ name: "q" }] }, "two");
  assert.equal(second.spec, { names: ["a", "b"], parts: [{ name: "p" }, { name: "q" }], whole: { a: "1" } });
  const third = apply(second, { whole: { b: "2" } }, "two", true);
  assert.equal((third.spec as { whole: unknown }).whole, { b: "2" });
});

test("apply: the applier's order wins, and items of others stay behind their predecessor", () => {
  const first = apply(undefined, { parts: [{ name: "a" }, { name: "b" }] }, "one");
  const second = apply(first, { parts: [{ name: "x" }, { name: "a" }] }, "two");
  const third = apply(second, { parts: [{ name: "b" }, { name: "a" }] }, "one");
  const names = (third.spec as { parts: { name: string }[] }).parts.map(({ name }) => name);
  assert.equal(names, ["x", "b", "a"]);
});

test("apply: an item that another manager adds to is kept with what is theirs", () => {
  const first = apply(undefined, { parts: [{ name: "p", value: "v" }] }, "one");
  const update = structuredClone(first);
  (update.spec as { parts: Record<string, unknown>[] }).parts[0]!.value = "w";
  const second = trackUpdate({ type, live: first, object: update, manager: "user", subresource: undefined, now });
  const third = apply(second, {}, "one");
  assert.equal(third.spec, { parts: [{ value: "w" }] });
});

test("apply: a keyed list that names a key twice, or an item without a key, is no typed object", () => {
  assert.throws(
    () => apply(undefined, { parts: [{ name: "p" }, { name: "p" }] }),
    /\.spec\.parts: duplicate entries for key \[name="p"\]/,
  );
  assert.throws(() => apply(undefined, { names: ["n", "n"] }), /duplicate entries for key \[="n"\]/);
  assert.throws(() => apply(undefined, { parts: [{ value: "v" }] }), /omits key field "name"/);
});

test("apply: numbers kept as text survive merging", () => {
  const spec = parseJson('{"free":{"big":12345678901234567890,"exact":1.0}}');
  const first = mergeApplied({
    type,
    live: undefined,
    applied: thing(spec),
    manager: "one",
    force: false,
    subresource: undefined,
    now,
  });
  const second = apply(first, { list: ["x"] }, "two");
  assert.is(stringifyJson((second.spec as { free: unknown }).free), '{"big":12345678901234567890,"exact":1.0}');
});

test("update: a manager owns what it adds and changes, and loses what others change", () => {
  const made = trackUpdate({
    type,
    object: thing({ list: ["x"], whole: { a: "1" } }, { labels: { a: "b" } }),
    manager: "maker",
    subresource: undefined,
    now,
  });
  assert.equal(ownedBy(made), {
    maker: {
      "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
      "f:spec": { ".": {}, "f:list": {}, "f:whole": {} },
    },
  });
  const changed = { ...made, spec: { list: ["y"], whole: { a: "1" } } };
  const next = trackUpdate({ type, live: made, object: changed, manager: "other", subresource: undefined, now });
  assert.equal(ownedBy(next).other, { "f:spec": { "f:list": {} } });
  assert.equal(ownedBy(next).maker, {
    "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
    "f:spec": { ".": {}, "f:whole": {} },
  });
});

test("update: an empty list of managers forgets them all", () => {
  const made = apply(undefined, { list: ["x"] });
  const object = { ...made, metadata: { ...made.metadata, managedFields: [] } };
  const next = trackUpdate({ type, live: made, object, manager: "other", subresource: undefined, now });
  assert.is(next.metadata.managedFields, undefined);
});

test.run();
