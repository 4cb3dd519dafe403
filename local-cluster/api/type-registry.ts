import type { KindRef, KubeObject } from "../../contracts/kubernetes.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import { apiVersionOf, groupResourceOf, type ResourceType } from "../schema/resource-type.ts";
import type { Storage } from "./storage.ts";

/** Which kinds are served: the built-in ones, and those of every CustomResourceDefinition that is Established. */
export class TypeRegistry {
  readonly #builtin: readonly ResourceType[];
  readonly #custom = new Map<string, readonly ResourceType[]>();

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
    if (types.length === 0) this.#custom.delete(crdName);
    else this.#custom.set(crdName, types);
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
