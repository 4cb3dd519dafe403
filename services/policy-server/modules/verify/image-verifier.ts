import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import type { ImageReference, RegistryReader } from "../registry-reader.ts";
import type { Findings, Refusal } from "./find-signatures.ts";
import { assertSigned, type Requirements, requirementsIn } from "./requirements.ts";
import type { SignatureFacts } from "./signature-facts.ts";
import { identityOf } from "./sigstore/identity.ts";
import { isMadeWith, type PublicKey, publicKeyFrom } from "./sigstore/keys.ts";
import type { Trust } from "./sigstore/trusted-root.ts";
import { decideBySignatures, nameOf, withRefused } from "./signed-manifest.ts";

/** What was verified: only this digest may be run or believed. `signatures` are those that met the requirements. */
export type VerifiedImage = { digest: string; signatures: readonly SignatureFacts[] };

/**
 * Verifies that the manifest or index that a reference stands for is signed as required. Throws VERIFICATION_FAILED in
 * upstream's words (reference/policy-server.md 3.5); TRUST_ROOT_UNAVAILABLE if it could not be told without one.
 */
export type ImageVerifier = (
  image: ImageReference,
  how: { registry: RegistryReader; requirements: Requirements },
) => Promise<VerifiedImage>;

export type ImageVerifierOptions = {
  /** Asked for only when something is to be verified that needs it. Throws TRUST_ROOT_UNAVAILABLE. */
  trustRoot: () => Promise<Trust>;
  log: Log;
};

/** Keeps no state: what is asked twice is looked at twice. */
export function imageVerifier({ trustRoot, log }: ImageVerifierOptions): ImageVerifier {
  return async (image, { registry, requirements }) => {
    const name = nameOf(image);
    const keys = keysOf(requirements);
    let trust: Promise<KnownTrust> | undefined;
    return await decideBySignatures(image, {
      registry,
      async decide(findings, digest) {
        const known = await (trust ??= trustFor(requirements, trustRoot));
        const judged = judge(findings, { keys, trust: known });
        for (const each of judged.refused) log.debug("A signature does not count", { image: name, ...each });
        return { digest, signatures: decided(judged, { requirements, trust: known, name }) };
      },
    });
  };
}

/** The keys that are asked for, by their PEM. Throws VERIFICATION_FAILED if one cannot be read. */
export function keysOf(requirements: Requirements): ReadonlyMap<string, PublicKey> {
  const pems = requirementsIn(requirements).filter((each) => each.kind === "pubKey").map(({ key }) => key);
  return new Map(pems.map((pem) => [pem, publicKeyFrom(pem)]));
}

/** A trust root, that none is needed, or why there is none. */
type KnownTrust = Trust | KubewardenError | undefined;

async function trustFor(requirements: Requirements, trustRoot: () => Promise<Trust>): Promise<KnownTrust> {
  if (requirementsIn(requirements).every(({ kind }) => kind === "pubKey")) return undefined;
  try {
    return await trustRoot();
  } catch (error) {
    // Signatures by key may be enough still.
    if (error instanceof KubewardenError && error.code === "TRUST_ROOT_UNAVAILABLE") return error;
    throw error;
  }
}

type Judged = { signatures: SignatureFacts[]; refused: Refusal[] };
type Judging = { keys: ReadonlyMap<string, PublicKey>; trust: KnownTrust };

/** Leaves out, as upstream, what has a certificate that does not hold, unless it was made with a key as well. */
function judge({ found, refused }: Findings, { keys, trust }: Judging): Judged {
  const judged: Judged = { signatures: [], refused: [...refused] };
  for (const { where, signed, claims: annotations } of found) {
    const madeWith = [...keys].filter(([, key]) => isMadeWith(key, signed)).map(([pem]) => pem);
    const facts = { annotations, keys: new Set(madeWith) };
    const refuse = (reason: string) => judged.refused.push({ where, reason });
    if (signed.entity.key.$case !== "certificate" || trust === undefined) {
      judged.signatures.push(facts);
      if (madeWith.length === 0) refuse("it was made with no key that is asked for");
      continue;
    }
    try {
      if (trust instanceof KubewardenError) throw trust;
      judged.signatures.push({ ...facts, identity: identityOf(signed, trust) });
    } catch (error) {
      if (madeWith.length > 0) judged.signatures.push(facts);
      if (error !== trust) refuse(messageOf(error));
    }
  }
  return judged;
}

type Asked = { requirements: Requirements; trust: KnownTrust; name: string };

function decided({ signatures, refused }: Judged, { requirements, trust, name }: Asked): SignatureFacts[] {
  try {
    if (signatures.length === 0) throw failed(`no signatures found for image: ${name} `);
    return assertSigned(requirements, signatures);
  } catch (error) {
    const detail = withRefused(refused);
    if (trust instanceof KubewardenError) {
      const message = `${messageOf(error)}${detail}\nOnly keys could be looked for: ${trust.message}`;
      throw new KubewardenError(trust.code, message, { cause: trust });
    }
    throw failed(`${messageOf(error)}${detail}`, error);
  }
}

function failed(message: string, cause?: unknown): KubewardenError {
  return new KubewardenError("VERIFICATION_FAILED", message, { cause });
}
