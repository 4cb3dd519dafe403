import { type KubeObject, ownerReferenceTo, refOf } from "../../contracts/kubernetes.ts";
import { annotations, caSecretName, ownedObjectName, serviceDnsName } from "../../contracts/names.ts";
import type { PolicyServerStatus } from "../../contracts/policy-server.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { AuthorityFacts, CertificateFacts, LeafFacts, Observed, SecretFacts, ServerFacts } from "./facts.ts";
import { authorityLabels, certFormatVersion, leafLabels, secretText } from "./secrets.ts";
import { isKeyOf, isSignedBy, readCertificates } from "./x509.ts";

/** Where objects come from: the part of a `WatchCache` that reading needs. */
export type ObjectSource = {
  list(): readonly KubeObject[];
  get(name: string, namespace?: string): KubeObject | undefined;
};

export type ObserveOptions = {
  namespace: string;
  settleMs: number;
  servers: ObjectSource;
  secrets: ObjectSource;
  now: () => Date;
};

/** Makes the function that turns cached objects into facts; it remembers since when each server's webhooks trust. */
export function createObserver(o: ObserveOptions): (serverName: string) => Promise<Observed | undefined> {
  const trusted = new Map<string, { digest: string; since: Date }>();

  /** A restart forgets and waits the settle time once more, which costs nothing but time. */
  const trustedSince = (uid: string, confirmed: string | undefined, digest: string | undefined): Date | undefined => {
    if (digest === undefined || confirmed !== digest) {
      trusted.delete(uid);
      return undefined;
    }
    const known = trusted.get(uid);
    if (known?.digest === digest) return known.since;
    const since = o.now();
    trusted.set(uid, { digest, since });
    return since;
  };

  return async (serverName) => {
    const object = o.servers.get(serverName);
    if (!object) return undefined;
    const authority = await authorityFacts(o.secrets.get(caSecretName, o.namespace), o.servers.list());
    const server = await serverFacts(object, authority, o);
    const since = trustedSince(server.target.uid, server.trustedCaDigest, authority.bundle?.digest);
    return { namespace: o.namespace, settleMs: o.settleMs, authority, server: { ...server, trustedSince: since } };
  };
}

/** Facts of the CA Secret. `servers` show which authorities were published before. */
export async function authorityFacts(
  secret: KubeObject | undefined,
  servers: readonly KubeObject[],
): Promise<AuthorityFacts> {
  const certificate = secretText(secret, "ca.crt");
  const privateKey = secretText(secret, "ca.key");
  const [current] = await readableAuthorities(certificate);
  const bundles = await Promise.all(servers.map((server) => readableAuthorities(statusOf(server).caBundle)));
  const problem = secret && await authorityProblem({ certificate, privateKey, current });
  const old = await readableAuthorities(secretText(secret, "old-ca.crt"));
  const pem = [...(current ? [current] : []), ...old].map((each) => each.pem).join("");
  return {
    secret: secret && secretFacts(secret, hasLabels(secret, authorityLabels)),
    current,
    problem,
    old,
    bundle: current && problem === undefined ? { pem, digest: sha256Hex(pem) } : undefined,
    published: bundles.filter((bundle) => bundle.length > 0),
  };
}

async function authorityProblem(
  o: { certificate?: string; privateKey?: string; current?: CertificateFacts },
): Promise<string | undefined> {
  if (o.certificate === undefined) return "ca.crt is missing";
  if (o.privateKey === undefined) return "ca.key is missing";
  if (!o.current) return "ca.crt is not the certificate of an authority";
  if (!await isKeyOf(o.privateKey, o.current.pem)) return "ca.key is not the key of ca.crt";
  return undefined;
}

async function serverFacts(
  object: KubeObject,
  authority: AuthorityFacts,
  { namespace, secrets }: ObserveOptions,
): Promise<ServerFacts> {
  const { metadata } = object;
  const status = statusOf(object);
  const secretName = ownedObjectName(metadata.name);
  const dnsName = serviceDnsName(metadata.name, namespace);
  const owner = ownerReferenceTo(object);
  const secret = secrets.get(secretName, namespace);
  return {
    target: { ...refOf(object), uid: metadata.uid ?? "" },
    owner,
    generation: metadata.generation,
    terminating: metadata.deletionTimestamp !== undefined,
    secretName,
    dnsName,
    publishedBundle: status.caBundle,
    trustedCaDigest: status.trustedCaDigest,
    leaf: await leafFacts(secret, { owner: owner.uid, dnsName, authorities: trustedAuthorities(authority) }),
  };
}

/** Facts of a serving Secret. */
export async function leafFacts(
  secret: KubeObject | undefined,
  { owner, dnsName, authorities }: { owner: string; dnsName: string; authorities: CertificateFacts[] },
): Promise<LeafFacts> {
  if (!secret) return {};
  const owned = secret.metadata.ownerReferences?.some((each) => each.uid === owner) ?? false;
  const facts: LeafFacts = { secret: secretFacts(secret, owned && hasLabels(secret, leafLabels)) };
  const certificate = secretText(secret, "tls.crt");
  const privateKey = secretText(secret, "tls.key");
  if (certificate === undefined) return { ...facts, problem: "tls.crt is missing" };
  if (privateKey === undefined) return { ...facts, problem: "tls.key is missing" };
  const parsed = await readCertificates(certificate).catch(() => []); // Damaged: the same as none.
  const [leaf] = parsed;
  if (!leaf) return { ...facts, problem: "tls.crt holds no readable certificate" };
  // Policy servers refuse chains (reference/controller.md 4.2).
  if (parsed.length > 1) return { ...facts, certificate: leaf, problem: "tls.crt holds more than one certificate" };
  const format = secret.metadata.annotations?.[annotations.certFormatVersion];
  if (format !== certFormatVersion || !privateKey.includes("-----BEGIN EC PRIVATE KEY-----")) {
    return { ...facts, certificate: leaf, problem: "tls.key is in another format" };
  }
  if (!await isKeyOf(privateKey, leaf.pem)) {
    return { ...facts, certificate: leaf, problem: "tls.key is not the key of tls.crt" };
  }
  if (!leaf.dnsNames.includes(dnsName)) return { ...facts, certificate: leaf, problem: `it is not for "${dnsName}"` };
  return { ...facts, certificate: leaf, issuer: await issuerOf(leaf, authorities) };
}

function trustedAuthorities({ current, problem, old }: AuthorityFacts): CertificateFacts[] {
  return [...(current && problem === undefined ? [current] : []), ...old];
}

async function issuerOf(
  leaf: CertificateFacts,
  authorities: CertificateFacts[],
): Promise<CertificateFacts | undefined> {
  for (const authority of authorities) if (await isSignedBy(leaf.pem, authority.pem)) return authority;
  return undefined;
}

async function readableAuthorities(pem: string | undefined): Promise<CertificateFacts[]> {
  if (pem === undefined) return [];
  const certificates = await readCertificates(pem).catch(() => []); // Damaged: trusted by nobody, so none.
  return certificates.filter((each) => each.isAuthority);
}

function statusOf(server: KubeObject): PolicyServerStatus {
  return server.status as PolicyServerStatus | undefined ?? {};
}

function secretFacts({ metadata }: KubeObject, metadataInPlace: boolean): SecretFacts {
  return { uid: metadata.uid ?? "", resourceVersion: metadata.resourceVersion ?? "", metadataInPlace };
}

function hasLabels({ metadata }: KubeObject, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => metadata.labels?.[key] === value);
}
