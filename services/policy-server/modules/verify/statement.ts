// pure
import { anyObject } from "../../../../contracts/kubernetes-schema.ts";
import { objectIn, textsOf } from "./simple-signing.ts";

/** The type of payload that in-toto's statements have in an envelope. */
const payloadType = "application/vnd.in-toto+json";
const statementTypes = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/**
 * What cosign 3 calls a signature. Statements of other types (provenance, a list of parts, a scan's findings) are signed
 * by the same people and are about the same image, but do not say that it should be run.
 */
const signPredicate = "https://sigstore.dev/cosign/sign/v1";

/**
 * What a signed statement says of the image with this digest: the annotations of its subject, as text. Undefined if it
 * is about another image, or no signature.
 */
export function statedClaims(
  envelope: { payloadType: string; payload: Uint8Array },
  digest: string,
): ReadonlyMap<string, string> | undefined {
  if (envelope.payloadType !== payloadType) return undefined;
  const { _type, predicateType, subject } = objectIn(envelope.payload);
  if (typeof _type !== "string" || !statementTypes.includes(_type) || predicateType !== signPredicate) return undefined;
  const subjects = Array.isArray(subject) ? subject.map((each) => anyObject.catch({}).parse(each)) : [];
  const [algorithm = "", hex] = digest.split(":");
  const meant = subjects.find((each) => anyObject.catch({}).parse(each["digest"])[algorithm] === hex);
  return meant && textsOf(meant["annotations"]);
}
