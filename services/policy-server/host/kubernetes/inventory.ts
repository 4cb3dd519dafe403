// pure
import { KubewardenError } from "../../../../contracts/errors.ts";
import type { KindRef } from "../../../../contracts/kubernetes.ts";

/** An object's place in the cluster and its JSON; an empty namespace or name is one that it does not have. */
export type PlacedObject = { namespace: string; name: string; json: Uint8Array };

/** All objects of a kind. */
export type InventoryPart = KindRef & { plural: string; namespaced: boolean; objects: Iterable<PlacedObject> };

type Tree = Map<string, Tree | Uint8Array>;

/**
 * `data.kubernetes` of an OPA policy, as JSON: objects by plural, namespace where they live in one, and name. Kinds of
 * one plural share it, the later wins. Throws KUBE_INVALID in the words of reference/policy-server.md 6.3.3.
 */
export function opaInventory(parts: Iterable<InventoryPart>): Uint8Array {
  const tree: Tree = new Map(), scopes = new Map<string, boolean>();
  for (const { plural, namespaced, objects } of parts) {
    for (const object of objects) {
      if ((scopes.get(plural) ?? namespaced) !== namespaced) throw mixed(namespaced);
      scopes.set(plural, namespaced);
      place(tree, [plural, ...placeOf(object, namespaced)], object.json);
    }
  }
  return written(tree);
}

/** `data.inventory` of a Gatekeeper policy, as JSON (6.4.2). Throws KUBE_INVALID for an object without its place. */
export function gatekeeperInventory(parts: Iterable<InventoryPart>): Uint8Array {
  const cluster: Tree = new Map(), namespaces: Tree = new Map();
  for (const { apiVersion, kind, namespaced, objects } of parts) {
    for (const object of objects) {
      const [own = "", name] = placeOf(object, namespaced);
      if (name === undefined) place(cluster, [apiVersion, kind, own], object.json);
      else place(namespaces, [own, apiVersion, kind, name], object.json);
    }
  }
  return written(new Map([["cluster", cluster], ["namespace", namespaces]]));
}

/** Namespace and name, or the name alone. */
function placeOf({ namespace, name }: PlacedObject, namespaced: boolean): string[] {
  if (name === "") throw new KubewardenError("KUBE_INVALID", "DynamicObject does not have a name");
  if (!namespaced) return [name];
  if (namespace === "") throw new KubewardenError("KUBE_INVALID", "DynamicObject does not have a namespace");
  return [namespace, name];
}

function mixed(namespaced: boolean): KubewardenError {
  const [one, others] = namespaced ? ["namespaced", "clusterwide"] : ["clusterwide", "namespaced"];
  return new KubewardenError("KUBE_INVALID", `trying to add a ${one} resource to a list of ${others} resources`);
}

/** Every path of a tree has the same meaning at the same depth, so that a step never meets an object. */
function place(tree: Tree, path: string[], json: Uint8Array): void {
  const name = path.pop() as string;
  let at = tree;
  for (const step of path) {
    const next = at.get(step) as Tree | undefined ?? new Map();
    at.set(step, next);
    at = next;
  }
  at.set(name, json);
}

/** Objects are copied as they are: no number of theirs is read. */
function written(tree: Tree): Uint8Array {
  const chunks = [...chunksOf(tree)];
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function* chunksOf(tree: Tree): Generator<Uint8Array> {
  let before = "{";
  for (const [key, value] of tree) {
    yield utf8(`${before}${JSON.stringify(key)}:`);
    if (value instanceof Uint8Array) yield value;
    else yield* chunksOf(value);
    before = ",";
  }
  yield utf8(tree.size === 0 ? "{}" : "}");
}

const utf8 = (text: string) => new TextEncoder().encode(text);
