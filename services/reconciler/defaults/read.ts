import { parseAllDocuments } from "yaml";
import { messageOf } from "../../../contracts/errors.ts";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { apiVersion } from "../../../contracts/names.ts";

/** The PolicyServers of a defaults ConfigMap, and what in it could not be read. */
export type Defaults = { servers: KubeObject[]; problems: string[] };

/** Reads every key of the ConfigMap as YAML documents. Throws nothing: one faulty key does not take the others away. */
export function readDefaults(configMap: KubeObject | undefined): Defaults {
  const servers: KubeObject[] = [];
  const problems: string[] = [];
  for (const [key, text] of Object.entries((configMap?.data ?? {}) as Record<string, string>)) {
    try {
      servers.push(...policyServersIn(text));
    } catch (error) {
      problems.push(`${key}: ${messageOf(error).split("\n")[0]}`);
    }
  }
  return { servers, problems };
}

function policyServersIn(text: string): KubeObject[] {
  const documents = parseAllDocuments(text);
  const values = [...documents].map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    return document.toJS() as unknown;
  });
  return values.filter((value) => value !== null && value !== undefined).map(policyServer);
}

function policyServer(value: unknown): KubeObject {
  const object = value as Partial<KubeObject>;
  if (typeof value !== "object" || object.apiVersion !== apiVersion || object.kind !== "PolicyServer") {
    throw new Error(`expected a PolicyServer of ${apiVersion}`);
  }
  if (typeof object.metadata?.name !== "string") throw new Error("metadata.name is missing");
  return object as KubeObject;
}
