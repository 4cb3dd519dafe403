import { type KubeObject, ownerReferenceTo, refOf } from "../../contracts/kubernetes.ts";
import { auditClientSecretName, caSecretName, ownedObjectName, serviceDnsName } from "../../contracts/names.ts";
import type { PolicyServerStatus } from "../../contracts/policy-server.ts";
import { isSame } from "./certificate-list.ts";
import type { AuditFacts, AuthorityFacts, Observed, ServerFacts } from "./facts.ts";
import { createMemory } from "./memory.ts";
import type { ObjectSource } from "./object-source.ts";
import { authorityFacts } from "./observe-authority.ts";
import { auditLeafFacts, servingFacts, trustedAuthorities } from "./observe-leaf.ts";

/** The key of the pass about the client certificate. No PolicyServer can have such a name. */
export const auditKey = "audit client";

export type ObserveOptions = {
  namespace: string;
  settleMs: number;
  /** The Secret in which somebody else provides the certificate authority. */
  providedSecret?: string;
  servers: ObjectSource;
  secrets: ObjectSource;
  now: () => Date;
};

/**
 * Makes the function that turns cached objects into facts about a PolicyServer, or about the client certificate. It
 * remembers since when those who verify certificates trust the present authority.
 */
export function createObserver(o: ObserveOptions): (key: string) => Promise<Observed | undefined> {
  const trusted = createMemory(o.now), followed = createMemory(o.now), inUse = createMemory(o.now);
  const secretNamed = (name: string) => o.secrets.get(name, o.namespace);

  return async (key) => {
    const object = o.servers.get(key);
    if (!object && key !== auditKey) return undefined;
    const servers = o.servers.list();
    const provided = o.providedSecret === undefined
      ? undefined
      : { name: o.providedSecret, secret: secretNamed(o.providedSecret) };
    const authority = await authorityFacts({ secret: secretNamed(caSecretName), provided, servers });
    // The start of an authority of ours is when it was put in place; one of somebody else may have been made long before.
    const firstSeen = inUse.since("authority", authority.current?.fingerprint);
    const inUseSince = provided ? firstSeen : authority.current?.notBefore;
    const facts = { namespace: o.namespace, settleMs: o.settleMs, authority: { ...authority, inUseSince } };
    if (object) {
      const server = await serverFacts(object, authority, o);
      const { digest } = authority.bundle ?? {};
      const confirmed = server.trustedCaDigest === digest ? digest : undefined;
      const trustedSince = trusted.since(server.target.uid, confirmed);
      return { about: "server", ...facts, server: { ...server, trustedSince } };
    }
    const audit = await auditFacts(authority, o);
    const follows = !isSame(audit.leaf.issuer, authority.current) && await allFollow(servers, { authority, o });
    const followedSince = followed.since(key, follows ? authority.current?.fingerprint : undefined);
    return { about: "audit", ...facts, audit: { ...audit, followedSince } };
  };
}

async function serverFacts(
  object: KubeObject,
  authority: AuthorityFacts,
  { namespace, secrets }: ObserveOptions,
): Promise<ServerFacts> {
  const { metadata } = object;
  const status = object.status as PolicyServerStatus | undefined ?? {};
  const secretName = ownedObjectName(metadata.name);
  const dnsName = serviceDnsName(metadata.name, namespace);
  const owner = ownerReferenceTo(object);
  const authorities = trustedAuthorities(authority);
  return {
    target: { ...refOf(object), uid: metadata.uid ?? "" },
    owner,
    generation: metadata.generation,
    terminating: metadata.deletionTimestamp !== undefined,
    secretName,
    dnsName,
    publishedBundle: status.caBundle,
    trustedCaDigest: status.trustedCaDigest,
    leaf: await servingFacts(secrets.get(secretName, namespace), { owner: owner.uid, dnsName, authorities }),
  };
}

async function auditFacts(authority: AuthorityFacts, { namespace, secrets }: ObserveOptions): Promise<AuditFacts> {
  const secret = secrets.get(auditClientSecretName, namespace);
  return { secretName: auditClientSecretName, leaf: await auditLeafFacts(secret, trustedAuthorities(authority)) };
}

/** Whether the serving certificates of all servers that stay are of the present authority. */
async function allFollow(
  servers: readonly KubeObject[],
  { authority, o }: { authority: AuthorityFacts; o: ObserveOptions },
): Promise<boolean> {
  for (const server of servers.filter(({ metadata }) => metadata.deletionTimestamp === undefined)) {
    const { leaf } = await serverFacts(server, authority, o);
    if (!isSame(leaf.issuer, authority.current)) return false;
  }
  return true;
}
