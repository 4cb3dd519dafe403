import type { SignatureRequirement } from "../../../contracts/verification-config.ts";
import { sha256Hex } from "../../../runtime/digest.ts";
import { parseImageReference } from "../modules/registry/image-reference.ts";
import type { ImageReference } from "../modules/registry-reader.ts";
import { type AnswerBytes, answerOf } from "./answer.ts";
import { AnswerCache } from "./answer-cache.ts";
import { imageAnswers } from "./oci.ts";
import type { Verification } from "./questions.ts";

/** A certificate that must have signed an image; all of it is PEM. */
export type CertificateRequirement = {
  certificate: Uint8Array;
  chain: readonly Uint8Array[] | undefined;
  mustBeLogged: boolean;
  annotations: Readonly<Record<string, string>> | undefined;
};

/** Verifies images; what it returns is the digest of the manifest or index that was signed. Throws if it was not. */
export type ImageTrust = {
  /** Every one of `allOf` must be met. */
  bySigners(
    image: ImageReference,
    options: { allOf: readonly SignatureRequirement[]; signal: AbortSignal },
  ): Promise<string>;
  byCertificate(
    image: ImageReference,
    options: { certificate: CertificateRequirement; signal: AbortSignal },
  ): Promise<string>;
};
export type AnswerWhetherTrusted = (question: Verification, signal: AbortSignal) => Promise<AnswerBytes>;

/**
 * `oci/v1/verify` and `oci/v2/verify`: `{"is_trusted":true,"digest":...}`, or it throws; what was trusted is so for a
 * minute, by everything that was asked. Source: reference/policy-server.md 5.4.
 */
export function trustHost(trust: ImageTrust, { now }: { now?: () => number } = {}): AnswerWhetherTrusted {
  const answers = new AnswerCache({ ...imageAnswers, ...(now === undefined ? {} : { now }) });
  return async (question, signal) => {
    const image = parseImageReference(question.image);
    const verify = verificationFor(question, trust);
    return await answers.get(keyOf(question), {
      signal,
      make: async (stop) => answerOf(JSON.stringify({ is_trusted: true, digest: await verify(image, stop) })),
    });
  };
}

type Verify = (image: ImageReference, signal: AbortSignal) => Promise<string>;

function verificationFor(question: Verification, trust: ImageTrust): Verify {
  if (question.type === "SigstoreCertificateVerify") {
    const { certificate, certificate_chain, require_rekor_bundle, annotations } = question;
    const requirement = {
      certificate: Uint8Array.from(certificate),
      chain: certificate_chain?.map((each) => Uint8Array.from(each)),
      mustBeLogged: require_rekor_bundle,
      annotations: annotations ?? undefined,
    };
    return (image, signal) => trust.byCertificate(image, { certificate: requirement, signal });
  }
  const allOf = requirementsFor(question);
  return (image, signal) => trust.bySigners(image, { allOf, signal });
}

/** Who must have signed: every one of the list, with the annotations. Throws in upstream's words if nobody is named. */
export function requirementsFor(
  question: Exclude<Verification, { type: "SigstoreCertificateVerify" }>,
): SignatureRequirement[] {
  const annotations = question.annotations ?? undefined;
  const genericIssuer = (issuer: string, subject: { equal: string } | { urlPrefix: string }) =>
    ({ kind: "genericIssuer", issuer, subject, annotations }) as const;
  switch (question.type) {
    case "SigstorePubKeyVerify":
      if (question.pub_keys.length === 0) throw new Error("Must provide at least one pub key");
      return question.pub_keys.map((key) => ({ kind: "pubKey", key, owner: undefined, annotations }));
    case "SigstoreKeylessVerify":
      if (question.keyless.length === 0) throw new Error("Must provide keyless info");
      return question.keyless.map(({ issuer, subject }) => genericIssuer(issuer, { equal: subject }));
    case "SigstoreKeylessPrefixVerify":
      if (question.keyless_prefix.length === 0) throw new Error("Must provide keyless info");
      return question.keyless_prefix.map(({ issuer, url_prefix }) =>
        genericIssuer(issuer, { urlPrefix: withSlash(url_prefix) })
      );
    case "SigstoreGithubActionsVerify":
      if (question.owner === "") throw new Error("Must provide owner info");
      return [{ kind: "githubAction", owner: question.owner, repo: question.repo ?? undefined, annotations }];
  }
}

/** A prefix ends where a part of the path ends: https://github.com/kubewarden is not https://github.com/kubewardens. */
function withSlash(prefix: string): string {
  const url = new URL(prefix);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url.href;
}

/** Structured, so that no two questions share a key, and short; the order of annotations does not matter. */
function keyOf({ annotations, ...question }: Verification): string {
  const asked = Object.entries(annotations ?? {}).sort(([one], [other]) => one < other ? -1 : 1);
  return sha256Hex(JSON.stringify([question, asked]));
}
