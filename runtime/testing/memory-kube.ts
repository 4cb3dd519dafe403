import { type ErrorCode, KubewardenError } from "../../contracts/errors.ts";
import { parseJson, stringifyJson } from "../../contracts/json.ts";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import type { Kube, WatchEvent } from "../kube/kube.ts";

/**
 * A `Kube` over a map, for unit tests of what stands on top of it: uids, resourceVersions, optimistic writes, JSON Patch
 * tests and removals, watches. Apply replaces what is there; for anything finer use the local cluster's API server.
 */
export class MemoryKube implements Kube {
  readonly server = "memory";
  readonly objects = new Map<string, KubeObject>();
  /** Verbs and names of every call that writes, in order. */
  readonly writes: string[] = [];
  /** Called before every call; what it throws is the call's failure. */
  intercept: (verb: string, name: string, object?: KubeObject) => void | Promise<void> = () => {};
  readonly #watchers = new Set<(event: WatchEvent) => void>();
  #version = 0;

  async get(ref: ObjectRef): Promise<KubeObject | undefined> {
    await this.intercept("get", ref.name);
    return this.objects.get(keyOf(ref));
  }

  async list({ apiVersion, kind }: { apiVersion: string; kind: string }) {
    await this.intercept("list", kind);
    const items = [...this.objects.values()].filter((each) => each.kind === kind && each.apiVersion === apiVersion);
    return { items, resourceVersion: String(this.#version) };
  }

  async *pages(kind: { apiVersion: string; kind: string }) {
    yield { ...await this.list(kind), first: true };
  }

  async resource({ kind }: { kind: string }) {
    return { plural: `${kind.toLowerCase()}s`, namespaced: true };
  }

  async create(object: KubeObject): Promise<KubeObject> {
    await this.#write("create", object);
    if (this.objects.has(keyOfObject(object))) throw failure("KUBE_ALREADY_EXISTS");
    return this.#store({ ...object, metadata: { ...object.metadata, uid: crypto.randomUUID() } }, "ADDED");
  }

  async replace(object: KubeObject): Promise<KubeObject> {
    await this.#write("replace", object);
    const current = this.objects.get(keyOfObject(object));
    if (!current) throw failure("KUBE_NOT_FOUND");
    const { uid, resourceVersion } = object.metadata;
    if (uid && uid !== current.metadata.uid) throw failure("KUBE_CONFLICT");
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) throw failure("KUBE_CONFLICT");
    return this.#store(object, "MODIFIED");
  }

  async apply(object: KubeObject, o: { subresource?: string; fieldManager: string }): Promise<KubeObject> {
    await this.#write(o.subresource ? "apply status" : "apply", object);
    const current = this.objects.get(keyOfObject(object));
    if (!current && o.subresource) throw failure("KUBE_NOT_FOUND");
    if (!current) {
      return this.#store({ ...object, metadata: { uid: crypto.randomUUID(), ...object.metadata } }, "ADDED");
    }
    if (object.metadata.uid && object.metadata.uid !== current.metadata.uid) throw failure("KUBE_CONFLICT");
    const next = { ...current, ...object, metadata: { ...current.metadata, ...object.metadata } };
    if (stringifyJson(next) === stringifyJson(current)) return current;
    return this.#store(next, "MODIFIED");
  }

  async patch(ref: ObjectRef, body: unknown): Promise<KubeObject> {
    await this.#write("patch", { ...ref, metadata: ref });
    const current = this.objects.get(keyOf(ref));
    if (!current) throw failure("KUBE_NOT_FOUND");
    const next = parseJson(stringifyJson(current)) as KubeObject;
    if (!Array.isArray(body)) Object.assign(next, body); // A merge patch, as deep as our tests need it.
    for (const { op, path, value } of Array.isArray(body) ? body as JsonPatch : []) {
      const [, , field, index] = path.split("/");
      const metadata = next.metadata as Record<string, unknown>;
      if (op === "test" && metadata[field ?? ""] !== value) throw failure("KUBE_INVALID");
      if (op === "remove") next.metadata.finalizers?.splice(Number(index), 1);
      if (op === "add" && index === undefined) metadata[field ?? ""] = value;
      if (op === "add" && index === "-") next.metadata.finalizers?.push(String(value));
    }
    return this.#store(next, "MODIFIED");
  }

  async remove(ref: ObjectRef): Promise<void> {
    await this.#write("remove", { ...ref, metadata: ref });
    const current = this.objects.get(keyOf(ref));
    if (!current || (ref.uid && current.metadata.uid !== ref.uid)) return;
    this.objects.delete(keyOf(ref));
    this.#version++;
    this.#announce("DELETED", {
      ...current,
      metadata: { ...current.metadata, resourceVersion: String(this.#version) },
    });
  }

  async *watch(
    { kind }: { kind: string },
    { signal, opened }: { signal: AbortSignal; opened?: (() => void) | undefined },
  ): AsyncGenerator<WatchEvent> {
    const events: WatchEvent[] = [];
    let wake = () => {};
    const watcher = (event: WatchEvent) => {
      events.push(event);
      wake();
    };
    this.#watchers.add(watcher);
    opened?.();
    signal.addEventListener("abort", () => wake(), { once: true });
    try {
      while (!signal.aborted) {
        const event = events.shift();
        if (event === undefined) await new Promise<void>((resolve) => wake = resolve);
        else if (event.object.kind === kind) yield event;
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  async request(): Promise<{ status: number; body: string }> {
    return { status: 404, body: "" };
  }

  async #write(verb: string, object: KubeObject): Promise<void> {
    this.writes.push(`${verb} ${object.kind} ${object.metadata.name}`);
    await this.intercept(verb, object.metadata.name, object);
  }

  #store(object: KubeObject, type: "ADDED" | "MODIFIED"): KubeObject {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.objects.set(keyOfObject(stored), stored);
    this.#announce(type, stored);
    return stored;
  }

  #announce(type: WatchEvent["type"], object: KubeObject): void {
    for (const each of this.#watchers) each({ type, object });
  }
}

type JsonPatch = { op: string; path: string; value: unknown }[];

export function failure(code: ErrorCode): KubewardenError {
  return new KubewardenError(code, code);
}

function keyOfObject({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): string {
  return keyOf({ apiVersion, kind, name, namespace });
}

function keyOf({ apiVersion, kind, name, namespace = "" }: ObjectRef): string {
  return `${apiVersion}/${kind}/${namespace}/${name}`;
}
