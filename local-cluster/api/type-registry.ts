import type { KindRef, KubeObject } from "../../contracts/kubernetes.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import { apiVersionOf, groupResourceOf, type ResourceType } from "../schema/resource-type.ts";
import type { Storage } from "./storage.ts";

/** Which kinds are served: the built-in ones, and those of every CustomResourceDefinition that is Established. */
export class TypeRegistry {
  readonly #builtin: readonly ResourceType[];
  readonly #custom = new Map<string, readonly ResourceType[]>();
  readonly #terminating = new Set<string>();
  readonly #removed = new Map<string, AbortController>();

  constructor(builtin: readonly ResourceType[]) {
    this.#builtin = builtin;
  }

  all(): ResourceType[] {
    return [...this.#builtin, ...[...this.#custom.values()].flat()];
  }

  find(group: string, version: string, plural: string): ResourceType | undefined {
    return this.all().find((type) => type.group === group && type.version === version && type.plural === plural);
  }

  ofKind({ apiVersion, kind }: KindRef): ResourceType | undefined {
    return this.all().find((type) => type.kind === kind && apiVersionOf(type) === apiVersion);
  }

  /** Serves the types of one CRD, by its name; an empty list stops serving them. */
  setCustom(crdName: string, types: readonly ResourceType[]): void {
    this.#terminating.delete(crdName);
    if (types.length > 0) this.#custom.set(crdName, types);
    else if (this.#custom.delete(crdName)) this.#removed.get(crdName)?.abort();
  }

  /** From now on nothing new of this kind is taken. */
  setTerminating(crdName: string): void {
    this.#terminating.add(crdName);
  }

  isTerminating(type: ResourceType): boolean {
    return this.#terminating.has(groupResourceOf(type));
  }

  /** Aborted when the kind is no longer served; never for built-in ones. */
  removed(type: ResourceType): AbortSignal {
    const key = groupResourceOf(type);
    const current = this.#removed.get(key);
    if (current && !current.signal.aborted) return current.signal;
    const made = new AbortController();
    this.#removed.set(key, made);
    return made.signal;
  }
}

/** Direct reads by kind, for authentication, authorization and admission. */
export function objectReader(storage: Storage, types: TypeRegistry): ObjectReader {
  return {
    get(ref) {
      const type = types.ofKind(ref);
      const object = type && storage.get(groupResourceOf(type), ref.name, type.namespaced ? ref.namespace : "");
      return type && object && asVersion(object, type);
    },
    list(kind) {
      const type = types.ofKind(kind);
      if (type === undefined) return [];
      return storage.list(groupResourceOf(type), kind.namespace).map((object) => asVersion(object, type));
    },
  };
}

/** The object in a version of its kind: versions differ in apiVersion only (conversion strategy None). */
export function asVersion(object: KubeObject, type: ResourceType): KubeObject {
  const apiVersion = apiVersionOf(type);
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}
