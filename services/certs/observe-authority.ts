import type { KubeObject } from "../../contracts/kubernetes.ts";
import { caSecretName } from "../../contracts/names.ts";
import type { PolicyServerStatus } from "../../contracts/policy-server.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import { distinct, includes, isSame, pemOf } from "./certificate-list.ts";
import type { AuthorityFacts, CertificateFacts } from "./facts.ts";
import { type AuthorityTexts, authorityTexts, commonLabels, secretText } from "./secrets.ts";
import { hasLabels, secretFacts } from "./secret-facts.ts";
import { signerOf } from "./signer.ts";
import { isKeyOf, isSignedBy, readCertificates } from "./x509.ts";

export type AuthoritySources = {
  /** Secret `kubewarden-ca`. */
  secret: KubeObject | undefined;
  /** The Secret in which somebody else provides the authority; may be `kubewarden-ca` itself. */
  provided?: { name: string; secret: KubeObject | undefined };
  /** They show which authorities were published before. */
  servers: readonly KubeObject[];
};

/** Facts of the certificate authority. */
export async function authorityFacts({ secret, provided, servers }: AuthoritySources): Promise<AuthorityFacts> {
  const source = provided ? provided.secret : secret;
  const texts = authorityTexts(source);
  const [current, ...rest] = await readableAuthorities(texts.certificate);
  const chain = await chainAbove(current, [...rest, ...await readableAuthorities(texts.above)]);
  const problem = source && await problemOf(texts, current);
  const present = current ? [current, ...chain] : [];
  const listed = await readableAuthorities(secretText(secret, "ca.crt"));
  const old = (await readableAuthorities(secretText(secret, "old-ca.crt"))).filter((each) => !includes(present, each));
  const pem = pemOf(distinct([...present, ...old]));
  // The webhooks of a server that is going away keep what they have: its bundle says nothing about the others.
  const staying = servers.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const bundles = await Promise.all(staying.map((server) => readableAuthorities(statusOf(server).caBundle)));
  return {
    secret: secret && secretFacts(secret, hasLabels(secret, commonLabels)),
    provided: provided && {
      secretName: provided.name,
      resourceVersion: provided.secret?.metadata.resourceVersion,
      elsewhere: provided.name !== caSecretName,
    },
    current,
    chain,
    problem,
    old,
    listed,
    isListed: present.every((each, index) => isSame(each, listed[index])) &&
      listed.slice(present.length).every((each) => includes(old, each)),
    bundle: current && problem === undefined ? { pem, digest: sha256Hex(pem) } : undefined,
    published: bundles.filter((bundle) => bundle.length > 0),
  };
}

/** What leads from an authority to its root; what is beside the way is left out. */
async function chainAbove(
  current: CertificateFacts | undefined,
  candidates: readonly CertificateFacts[],
): Promise<CertificateFacts[]> {
  const chain: CertificateFacts[] = [];
  for (let last = current; last && !await isSignedBy(last.pem, last.pem);) {
    const above = await signerOf(last, candidates.filter((each) => !includes(chain, each)));
    if (above) chain.push(above);
    last = above;
  }
  return chain;
}

async function problemOf(
  { certificate, privateKey, keys }: AuthorityTexts,
  current: CertificateFacts | undefined,
): Promise<string | undefined> {
  if (certificate === undefined) return `${keys.certificate} is missing`;
  if (privateKey === undefined) return `${keys.privateKey} is missing`;
  if (!current) return `${keys.certificate} is not the certificate of an authority`;
  if (!await isKeyOf(privateKey, current.pem)) return `${keys.privateKey} is not the key of ${keys.certificate}`;
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
