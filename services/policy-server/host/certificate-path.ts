// pure
import { messageOf } from "../../../contracts/errors.ts";

/** What a path is made of. Names are DER, comparable as text. */
export type PathCertificate = {
  subject: string;
  issuer: string;
  notBefore: Date;
  notAfter: Date;
  /** Whether it may sign certificates; `pathLength` is how many CAs may come below it. */
  isAuthority: boolean;
  pathLength: number | undefined;
  /** A rule it makes that we do not know how to keep. */
  unsupported: string | undefined;
  /** Whether the key of another one signed it. Rejects if that cannot be checked. */
  isSignedBy(signer: PathCertificate): Promise<boolean>;
};

export type PathProblem = "expired" | "not-yet-valid" | "unknown-issuer" | { other: string };
type Path = {
  intermediates: readonly PathCertificate[];
  anchorsFor: (issuer: string) => readonly PathCertificate[];
  at: Date;
};

const maxIntermediates = 6;
const maxSignatures = 100;

/**
 * Why no path leads from an end-entity certificate over intermediates to an anchor at a time; undefined if one does.
 * Anchors are trusted as they are, also when they have expired; extended key usages do not matter.
 * Source: reference/policy-server.md 5.7; RFC 5280 6.1, without policies and name constraints.
 */
export async function pathProblem(leaf: PathCertificate, path: Path): Promise<PathProblem | undefined> {
  if (leaf.isAuthority) return { other: "a CA certificate cannot be an end-entity certificate" };
  return await new PathSearch(path).problemFrom(leaf, []);
}

class PathSearch {
  readonly #path: Path;
  #signaturesLeft = maxSignatures;

  constructor(path: Path) {
    this.#path = path;
  }

  async problemFrom(certificate: PathCertificate, below: readonly PathCertificate[]): Promise<PathProblem | undefined> {
    const own = this.#ownProblem(certificate);
    if (own !== undefined) return own;
    let problem: PathProblem = "unknown-issuer";
    for (const anchor of this.#path.anchorsFor(certificate.issuer)) {
      const found = await this.#signatureProblem(certificate, anchor);
      if (found === undefined) return undefined;
      problem = graver(problem, found);
    }
    if (below.length >= maxIntermediates) return problem;
    for (const authority of this.#path.intermediates) {
      if (authority.subject !== certificate.issuer || authority === certificate || below.includes(authority)) continue;
      const found = await this.#problemThrough(authority, [...below, certificate]);
      if (found === undefined) return undefined;
      problem = graver(problem, found);
    }
    return problem;
  }

  async #problemThrough(
    authority: PathCertificate,
    below: readonly PathCertificate[],
  ): Promise<PathProblem | undefined> {
    if (!authority.isAuthority) return { other: "an end-entity certificate cannot sign others" };
    // The first one below is the end-entity certificate, which is not counted.
    if (authority.pathLength !== undefined && below.length - 1 > authority.pathLength) {
      return { other: "more intermediates than a CA certificate allows" };
    }
    const [signed] = below.slice(-1);
    const unsigned = signed && await this.#signatureProblem(signed, authority);
    return unsigned ?? await this.problemFrom(authority, below);
  }

  #ownProblem({ notBefore, notAfter, unsupported }: PathCertificate): PathProblem | undefined {
    if (this.#path.at < notBefore) return "not-yet-valid";
    if (this.#path.at > notAfter) return "expired";
    return unsupported === undefined ? undefined : { other: unsupported };
  }

  async #signatureProblem(certificate: PathCertificate, signer: PathCertificate): Promise<PathProblem | undefined> {
    if (signer.unsupported !== undefined) return { other: signer.unsupported };
    if (this.#signaturesLeft-- <= 0) return { other: "too many ways to build a chain" };
    try {
      if (await certificate.isSignedBy(signer)) return undefined;
    } catch (error) {
      return { other: messageOf(error) };
    }
    return { other: "a signature does not match its issuer's key" };
  }
}

/** Of two ways that both fail, the one that came further says more. */
function graver(known: PathProblem, found: PathProblem): PathProblem {
  return known === "unknown-issuer" ? found : known;
}
