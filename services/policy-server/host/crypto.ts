import { messageOf } from "../../../contracts/errors.ts";
import { publicRootsOf } from "../../../runtime/net/public-roots.ts";
import { type AnswerBytes, answerOf } from "./answer.ts";
import { type PathCertificate, type PathProblem, pathProblem } from "./certificate-path.ts";
import type { CertificateTrust } from "./questions.ts";
import { certificateOf, PemInvalid, readDer } from "./read-certificate.ts";

type Encoded = CertificateTrust["cert"];

// Parsing takes time in which nothing else is done, and guests may send what they like.
const maxChain = 16;

/**
 * `crypto/v1/is_certificate_trusted`: whether a certificate is trusted by a chain, whose last entry is the anchor, or else
 * by the public roots. Throws for certificates and times that cannot be read; texts: reference/policy-server.md 5.7.
 */
export async function isCertificateTrusted(request: CertificateTrust, now = new Date()): Promise<AnswerBytes> {
  const at = request.not_after ? timeOf(request.not_after) : now;
  const leaf = readLeaf(request.cert);
  const chain = request.cert_chain;
  if (chain !== null && chain.length > maxChain) {
    throw new Error(`a chain of ${chain.length} certificates is too long`);
  }
  const authorities = chain?.map((each) => () => certificateOf(each));
  let problem: PathProblem | undefined;
  try {
    const known = authorities?.map((read) => read());
    problem = await pathProblem(leaf, {
      intermediates: known?.slice(0, -1) ?? [],
      anchorsFor: known === undefined
        ? publicAnchors
        : (issuer) => known.slice(-1).filter((each) => each.subject === issuer),
      at,
    });
  } catch (error) {
    if (error instanceof PemInvalid) throw error;
    problem = { other: messageOf(error) };
  }
  return answerOf(
    JSON.stringify({ trusted: problem === undefined, reason: problem === undefined ? "" : reasonFor(problem) }),
  );
}

function reasonFor(problem: PathProblem): string {
  switch (problem) {
    case "expired":
      return "Certificate is being used after its expiration date";
    case "not-yet-valid":
      return "Certificate is being used before its validity date";
    case "unknown-issuer":
      return "Certificate is not trusted by the provided cert chain";
    default:
      return `Certificate not trusted: ${problem.other}`;
  }
}

/** RFC 3339, to the second, as certificates have it; leap seconds count as the second before. */
function timeOf(text: string): Date {
  const [, day, time, zone = ""] =
    /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  const date = new Date(`${day}T${time?.replace(/60$/, "59")}${zone.toUpperCase()}`);
  // Dates roll over the end of a month: the 31st of June is none.
  const lastDay = new Date(Date.UTC(Number(day?.slice(0, 4)), Number(day?.slice(5, 7)), 0)).getUTCDate();
  if (Number.isNaN(date.getTime()) || Number(day?.slice(8)) > lastDay) {
    throw new Error("Timestamp not_after is not in RFC3339 format");
  }
  return date;
}

function readLeaf(encoded: Encoded): PathCertificate {
  try {
    return certificateOf(encoded);
  } catch (error) {
    if (error instanceof PemInvalid) throw error;
    throw new Error(`Certificate is not a valid end-entity certificate: ${messageOf(error)}`);
  }
}

function publicAnchors(issuer: string): PathCertificate[] {
  const name = Uint8Array.from(issuer, (character) => character.charCodeAt(0));
  return publicRootsOf(name).map(readDer).filter(({ subject }) => subject === issuer);
}
