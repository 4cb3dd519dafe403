import { test } from "uvu";
import * as assert from "uvu/assert";
import { gatekeeperInventory, type InventoryPart, opaInventory, type PlacedObject } from "./inventory.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const placed = (namespace: string, name: string, json = `{"is":"${namespace}/${name}"}`): PlacedObject => ({
  namespace,
  name,
  json: new TextEncoder().encode(json),
});
const services: InventoryPart = {
  ...{ apiVersion: "v1", kind: "Service", plural: "services", namespaced: true },
  objects: [placed("blue", "one"), placed("green", "one")],
};
const deployments: InventoryPart = {
  ...{ apiVersion: "apps/v1", kind: "Deployment", plural: "deployments", namespaced: true },
  objects: [placed("blue", "a"), placed("blue", "b"), placed("green", "a")],
};
const namespaces: InventoryPart = {
  ...{ apiVersion: "v1", kind: "Namespace", plural: "namespaces", namespaced: false },
  objects: [placed("", "blue"), placed("", "green")],
};
const all = [deployments, namespaces, services];

function failure(make: typeof opaInventory, parts: InventoryPart[]): unknown {
  try {
    return text(make(parts));
  } catch (error) {
    return (error as Error).message;
  }
}

test("AT-083: a Gatekeeper policy sees objects by namespace, version, kind and name", () => {
  assert.equal(JSON.parse(text(gatekeeperInventory(all))), {
    cluster: { v1: { Namespace: { blue: { is: "/blue" }, green: { is: "/green" } } } },
    namespace: {
      blue: {
        "apps/v1": { Deployment: { a: { is: "blue/a" }, b: { is: "blue/b" } } },
        v1: { Service: { one: { is: "blue/one" } } },
      },
      green: {
        "apps/v1": { Deployment: { a: { is: "green/a" } } },
        v1: { Service: { one: { is: "green/one" } } },
      },
    },
  });
});

test("AT-085: an OPA policy sees objects by plural, namespace and name", () => {
  assert.equal(JSON.parse(text(opaInventory(all))), {
    deployments: {
      blue: { a: { is: "blue/a" }, b: { is: "blue/b" } },
      green: { a: { is: "green/a" } },
    },
    namespaces: { blue: { is: "/blue" }, green: { is: "/green" } },
    services: { blue: { one: { is: "blue/one" } }, green: { one: { is: "green/one" } } },
  });
});

test("inventory: of a cluster without objects there is nothing", () => {
  const none = all.map((each) => ({ ...each, objects: [] }));
  assert.equal([text(opaInventory(none)), text(gatekeeperInventory(none))], ["{}", '{"cluster":{},"namespace":{}}']);
});

test("inventory: objects keep every digit, and names that mean something to JavaScript are names", () => {
  const json = '{"n":[9007199254740993,1.0,-0]}';
  const part = {
    ...namespaces,
    objects: [placed("", "__proto__", json), placed("", 'a"b', "1"), placed("", "7", "2")],
  };
  const objects = `{"__proto__":${json},"a\\"b":1,"7":2}`;
  assert.is(text(opaInventory([part])), `{"namespaces":${objects}}`);
  assert.is(text(gatekeeperInventory([part])), `{"cluster":{"v1":{"Namespace":${objects}}},"namespace":{}}`);
});

test("inventory: kinds of one plural share it in an OPA policy, unless one of them lives in namespaces", () => {
  const newer = {
    ...services,
    apiVersion: "new/v1",
    objects: [placed("blue", "one", "1"), placed("blue", "two", "2")],
  };
  assert.is(
    text(opaInventory([services, newer])),
    '{"services":{"blue":{"one":1,"two":2},"green":{"one":{"is":"green/one"}}}}',
  );
  const wide = { ...namespaces, plural: "services" };
  assert.is(
    failure(opaInventory, [wide, services]),
    "trying to add a namespaced resource to a list of clusterwide resources",
  );
  assert.is(
    failure(opaInventory, [services, wide]),
    "trying to add a clusterwide resource to a list of namespaced resources",
  );
  assert.ok(String(failure(gatekeeperInventory, [services, wide])).startsWith('{"cluster":{"v1":{"Namespace":'));
});

test("inventory: an object without its name or namespace is an error", () => {
  for (const make of [opaInventory, gatekeeperInventory]) {
    assert.is(failure(make, [{ ...services, objects: [placed("blue", "")] }]), "DynamicObject does not have a name");
    assert.is(failure(make, [{ ...services, objects: [placed("", "a")] }]), "DynamicObject does not have a namespace");
  }
});

test.run();
