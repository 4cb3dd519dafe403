// pure
import { isRawNumber, parseJson } from "../../../../contracts/json.ts";
import { anyObject } from "../../../../contracts/kubernetes-schema.ts";

/** The media type of what cosign signs, and the tag's suffix where it puts it (reference/policy-server.md 3.5.2). */
export const simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json";

/** What cosign writes into `critical.type`. */
const signatureType = "cosign container image signature";

/** The tag of the signatures of an image. */
export function signatureTag(digest: string): string {
  return `${digest.replace(":", "-")}.sig`;
}

/**
 * What a payload says of the image with this digest: its `optional` part, values as text. Undefined if it is about
 * another image or is no such payload at all: then it signs nothing (3.5.5).
 */
export function claimsOf(payload: Uint8Array, digest: string): ReadonlyMap<string, string> | undefined {
  const { critical, optional } = objectIn(payload);
  const { type, image } = anyObject.catch({}).parse(critical);
  if (type !== signatureType) return undefined;
  if (anyObject.catch({}).parse(image)["docker-manifest-digest"] !== digest) return undefined;
  return textsOf(optional);
}

/** The object that bytes hold as JSON; empty if they hold none. */
export function objectIn(bytes: Uint8Array): Record<string, unknown> {
  try {
    return anyObject.catch({}).parse(parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    return {}; // Whoever pushed it wrote something else; what says nothing vouches for nothing.
  }
}

/** The members that have a text: annotations are compared as text, and only such can be asked for (3.5.7). */
export function textsOf(value: unknown): ReadonlyMap<string, string> {
  const texts = Object.entries(anyObject.catch({}).parse(value ?? {})).map(([name, each]) => [name, textOf(each)]);
  return new Map(texts.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function textOf(value: unknown): string | undefined {
  if (isRawNumber(value)) return value.rawJSON;
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : undefined;
}
