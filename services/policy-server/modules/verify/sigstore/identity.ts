import type { X509Certificate } from "@sigstore/core";
import { type TrustMaterial, Verifier } from "@sigstore/verify";
import { KubewardenError } from "../../../../../contracts/errors.ts";
import { completeNodeCrypto } from "../../../../../runtime/node-crypto.ts";
import type { Identity, Subject } from "../signature-facts.ts";
import { assertLoggedFor } from "./logged-certificate.ts";
import { reasonOf } from "./reason.ts";
import type { Signed } from "./signed.ts";

/** Object identifiers of certificates (RFC 5280; docs/oid-info.md of Fulcio, reference/policy-server.md 3.5.6). */
const oids = {
  extendedKeyUsage: "2.5.29.37",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  workflowRepository: "1.3.6.1.4.1.57264.1.5",
  sourceRepository: "1.3.6.1.4.1.57264.1.12",
};

/**
 * Who made a signature: its certificate chains to a trusted authority at a time that a trusted log or timestamp authority
 * vouches for, is in a certificate log where the trust root has any, is for signing code, and the log entry is about
 * this very signature. Throws VERIFICATION_FAILED saying what does not hold.
 */
export function identityOf(signed: Signed, trust: TrustMaterial): Identity {
  completeNodeCrypto();
  try {
    const { key } = signed.entity;
    if (key.$case !== "certificate") throw new Error("it has no certificate");
    const verifier = new Verifier(trust, {
      tlogThreshold: 1,
      timestampThreshold: 1,
      ctlogThreshold: trust.ctlogs.length > 0 ? 1 : 0,
    });
    const signer = verifier.verify(signed.entity);
    assertLoggedFor(key.certificate, signed.entity.tlogEntries);
    assertForSigningCode(key.certificate);
    const issuer = signer.identity?.extensions?.issuer;
    if (!issuer) throw new Error("its certificate names no issuer of an identity");
    const repository = repositoryIn(key.certificate);
    const identity = { issuer, subject: subjectOf(key.certificate) };
    return repository === undefined ? identity : { ...identity, workflowRepository: repository };
  } catch (cause) {
    throw new KubewardenError("VERIFICATION_FAILED", reasonOf(cause), { cause });
  }
}

function assertForSigningCode(certificate: X509Certificate): void {
  if (!certificate.extKeyUsage?.digitalSignature) throw new Error("its certificate is not for signatures");
  const usages = certificate.extension(oids.extendedKeyUsage)?.valueObj.subs[0]?.subs ?? [];
  if (!usages.some((each) => each.toOID() === oids.codeSigning)) {
    throw new Error("its certificate is not for signing code");
  }
}

/** Exactly one name: with several, the rules could be about one and the signer be the other. */
function subjectOf(certificate: X509Certificate): Subject {
  const names = certificate.extSubjectAltName?.valueObj.subs[0]?.subs ?? [];
  const [name] = names;
  if (names.length === 1 && name?.tag.isContextSpecific(1)) return { kind: "email", value: textOf(name.value) };
  if (names.length === 1 && name?.tag.isContextSpecific(6)) return { kind: "uri", value: textOf(name.value) };
  throw new Error("its certificate does not name one email address or URI");
}

/** As the older extension says it, `owner/repository`, or the newer, a URL on github.com. They must agree. */
function repositoryIn(certificate: X509Certificate): string | undefined {
  const older = certificate.extension(oids.workflowRepository)?.value;
  const newer = certificate.extension(oids.sourceRepository)?.valueObj.subs[0]?.value;
  const named = [
    older && textOf(older),
    newer && /^https:\/\/github\.com\/([^/]+\/[^/]+)$/.exec(textOf(newer))?.[1],
  ].filter((each) => each !== undefined);
  if (new Set(named).size > 1) throw new Error("its certificate names two repositories");
  return named[0];
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
