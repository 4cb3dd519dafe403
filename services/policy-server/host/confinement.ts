// pure
import type { KindRef } from "../../../contracts/kubernetes.ts";
import type { HostQuestion } from "./questions.ts";

/** Whether objects of a kind live in namespaces; rejects if nobody can tell. */
export type IsNamespaced = (kind: KindRef, signal: AbortSignal) => Promise<boolean>;

/**
 * Whether a question stays within one namespace, for policies that may not look out of theirs: what lives in it, the
 * Namespace itself, and who may do what in it. An empty namespace is one that nobody knows; nothing is within it.
 */
export async function staysWithin(
  namespace: string,
  question: HostQuestion,
  { isNamespaced, signal }: { isNamespaced: IsNamespaced; signal: AbortSignal },
): Promise<boolean> {
  const isOwn = (name: string | null) => namespace !== "" && name === namespace;
  switch (question.type) {
    case "KubernetesListResourceAll":
      return false;
    case "KubernetesListResourceNamespace":
      return isOwn(question.namespace);
    case "KubernetesGetResource": {
      const { api_version: apiVersion, kind, name } = question;
      if (apiVersion === "v1" && kind === "Namespace") return isOwn(name);
      // The namespace of a request for a cluster-wide object means nothing (reference/policy-server.md 5.8.15).
      return isOwn(question.namespace) && await isNamespaced({ apiVersion, kind }, signal);
    }
    case "KubernetesCanI":
      return isOwn(question.request.resource_attributes.namespace);
    default:
      return true;
  }
}
