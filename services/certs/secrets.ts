// pure
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { annotations, caSecretName, labels, partOfValue } from "../../contracts/names.ts";
import type { SecretFacts, ServerFacts } from "./facts.ts";

/** A certificate and its private key, both PEM; the key is `EC PRIVATE KEY` (reference/controller.md 4.2). */
export type CertifiedKey = { certificate: string; privateKey: string };

/** Written to every serving Secret; older versions wrote keys that policy servers could not read. */
export const certFormatVersion = "1";

export const secretKind = { apiVersion: "v1", kind: "Secret" } as const;

/** Labels of a serving Secret (reference/controller.md 4.1). */
export const leafLabels = { [labels.partOf]: partOfValue, [labels.component]: "policy-server" } as const;
/** Labels of the Secrets that belong to no PolicyServer. */
export const commonLabels = { [labels.partOf]: partOfValue } as const;

/** An authority as a Secret holds it, and how its keys are called there. */
export type AuthorityTexts = {
  certificate?: string;
  privateKey?: string;
  /** Authorities above it that are not in `certificate`. */
  above?: string;
  keys: { certificate: string; privateKey: string };
};

/** Reads `ca.crt` and `ca.key`, or what cert-manager writes: `tls.crt` and `tls.key`, with the root in `ca.crt`. */
export function authorityTexts(secret: KubeObject | undefined): AuthorityTexts {
  const text = (key: string) => secretText(secret, key);
  if (text("ca.key") !== undefined || text("tls.key") === undefined) {
    const keys = { certificate: "ca.crt", privateKey: "ca.key" };
    return { certificate: text("ca.crt"), privateKey: text("ca.key"), keys };
  }
  const keys = { certificate: "tls.crt", privateKey: "tls.key" };
  return { certificate: text("tls.crt"), privateKey: text("tls.key"), above: text("ca.crt"), keys };
}

/**
 * The CA Secret with another authority, and the PEM of those that stay trusted; whatever else an adopted Secret holds is
 * kept. An authority that another Secret provides comes without its key, which has one place to be.
 */
export function authoritySecretFor(
  { certificate, privateKey }: { certificate: string; privateKey: string | undefined },
  o: { namespace: string; trusted: string; existing?: KubeObject },
): KubeObject {
  const base = o.existing ?? newSecret({ name: caSecretName, namespace: o.namespace }, commonLabels);
  const texts = { "ca.crt": certificate + o.trusted, "ca.key": privateKey, "old-ca.crt": o.trusted || undefined };
  return withData(base, texts);
}

/** The CA Secret with another list of former authorities, also behind the `present` ones in `ca.crt` if that is ours. */
export function trustedListSecretFor(
  existing: KubeObject,
  { trusted, present }: { trusted: string; present: string | undefined },
): KubeObject {
  const list = present === undefined ? {} : { "ca.crt": present + trusted };
  return withData(existing, { ...list, "old-ca.crt": trusted || undefined });
}

/** The Secret of audit scanners' client certificate with a new one. */
export function auditSecretFor(
  { certificate, privateKey }: CertifiedKey,
  o: { namespace: string; name: string; existing?: KubeObject },
): KubeObject {
  const base = o.existing ?? newSecret({ name: o.name, namespace: o.namespace }, commonLabels);
  return withData(base, { "tls.crt": certificate, "tls.key": privateKey });
}

/** The serving Secret of a PolicyServer with a new certificate. */
export function leafSecretFor(
  { certificate, privateKey }: CertifiedKey,
  o: { namespace: string; server: ServerFacts; existing?: KubeObject },
): KubeObject {
  const base = o.existing ?? newSecret({ name: o.server.secretName, namespace: o.namespace }, leafLabels);
  const references = base.metadata.ownerReferences ?? [];
  const owned = references.some((each) => each.uid === o.server.owner.uid);
  const metadata = {
    ...base.metadata,
    labels: { ...base.metadata.labels, ...leafLabels },
    annotations: { ...base.metadata.annotations, [annotations.certFormatVersion]: certFormatVersion },
    ownerReferences: owned ? references : [...references, o.server.owner],
  };
  return withData({ ...base, metadata }, { "tls.crt": certificate, "tls.key": privateKey });
}

/** Puts labels (and the owner) back on a Secret that exists; its uid keeps a late apply from creating an empty one. */
export function metadataRepairFor(ref: ObjectRef, secret: SecretFacts, server?: ServerFacts): KubeObject {
  return {
    ...secretKind,
    metadata: {
      name: ref.name,
      namespace: ref.namespace,
      uid: secret.uid,
      labels: server ? leafLabels : commonLabels,
      ...(server ? { ownerReferences: [server.owner] } : {}),
    },
  };
}

/** A text value of a Secret's data; undefined when missing, empty or not base64. */
export function secretText(secret: KubeObject | undefined, key: string): string | undefined {
  const encoded = (secret?.data as Record<string, unknown> | undefined)?.[key];
  if (typeof encoded !== "string" || encoded === "") return undefined;
  try {
    return atob(encoded);
  } catch {
    // An API server never stores such a value; one that does is treated like a missing value.
    return undefined;
  }
}

function newSecret(metadata: { name: string; namespace: string }, labels: Record<string, string>): KubeObject {
  return { ...secretKind, metadata: { ...metadata, labels: { ...labels } }, type: "Opaque" };
}

function withData(secret: KubeObject, texts: Record<string, string | undefined>): KubeObject {
  const data = { ...secret.data as Record<string, string> | undefined };
  for (const [key, text] of Object.entries(texts)) {
    if (text === undefined) delete data[key];
    else data[key] = btoa(text);
  }
  return { ...secret, data };
}
