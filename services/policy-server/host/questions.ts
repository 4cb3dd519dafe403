// pure
import { z } from "zod";
import { parseJson } from "../../../contracts/json.ts";

/**
 * What guests ask of the host: their payloads, parsed. Names and fields are those of upstream's internal requests, since
 * recordings are written in them (reference/policy-server.md 5.3-5.8, 11.4); an optional field that is absent is null.
 */
const text = z.string();
const optionalText = text.nullish().transform((value) => value ?? null);
const masks = z.array(text).nullish().transform((value) => value ?? null);
const annotations = z.record(text, text).nullish().transform((value) => value ?? null);
const bytes = z.custom<readonly number[]>(isBytes, "expected an array of bytes");
const chain = z.array(bytes).nullish().transform((value) => value ?? null);

const kind = { api_version: text, kind: text };
const selection = { label_selector: optionalText, field_selector: optionalText, field_masks: masks };
const signer = z.object({ issuer: text, subject: text });
const prefixSigner = z.object({ issuer: text, url_prefix: z.url("expected a URL") });
const byKey = { image: text, pub_keys: z.array(text), annotations };
const keyless = { image: text, keyless: z.array(signer), annotations };
const certificate = z.object({ encoding: z.enum(["Pem", "Der"]), data: bytes });
const resourceAttributes = z.object({
  namespace: optionalText,
  verb: text,
  group: optionalText,
  version: optionalText,
  resource: text,
  subresource: optionalText,
  name: optionalText,
});
const accessReview = z.object({
  user: text,
  groups: z.array(text).nullish().transform((value) => value ?? null),
  resource_attributes: resourceAttributes,
});

const verifications = z.discriminatedUnion("type", [
  z.object({ type: z.literal("SigstorePubKeyVerify"), ...byKey }),
  z.object({ type: z.literal("SigstoreKeylessVerify"), ...keyless }),
  z.object({
    type: z.literal("SigstoreKeylessPrefixVerify"),
    image: text,
    keyless_prefix: z.array(prefixSigner),
    annotations,
  }),
  z.object({
    type: z.literal("SigstoreGithubActionsVerify"),
    image: text,
    owner: text,
    repo: optionalText,
    annotations,
  }),
  z.object({
    type: z.literal("SigstoreCertificateVerify"),
    image: text,
    certificate: bytes,
    certificate_chain: chain,
    require_rekor_bundle: z.boolean(),
    annotations,
  }),
]);

const listAll = z.object({ ...kind, ...selection });
const listNamespace = z.object({ ...kind, namespace: text, ...selection });
const getResource = z.object({
  ...kind,
  name: text,
  namespace: optionalText,
  disable_cache: z.boolean(),
  field_masks: masks,
});
const trust = z.object({
  cert: certificate,
  cert_chain: z.array(certificate).nullish().transform((value) => value ?? null),
  not_after: optionalText,
});

export type Verification = z.output<typeof verifications>;
export type ListAll = { type: "KubernetesListResourceAll" } & z.output<typeof listAll>;
export type ListNamespace = { type: "KubernetesListResourceNamespace" } & z.output<typeof listNamespace>;
export type GetResource = { type: "KubernetesGetResource" } & z.output<typeof getResource>;
export type CanI = { type: "KubernetesCanI"; request: z.output<typeof accessReview>; disable_cache: boolean };
export type CertificateTrust = z.output<typeof trust>;
export type OciQuestion = { type: "OciManifestDigest" | "OciManifest" | "OciManifestAndConfig"; image: string };
export type HostQuestion =
  | ListAll
  | ListNamespace
  | GetResource
  | CanI
  | Verification
  | OciQuestion
  | { type: "DNSLookupHost"; host: string }
  | { type: "CryptoIsCertificateTrusted"; request: CertificateTrust };

const schemas: Readonly<Record<string, z.ZodType<HostQuestion>>> = {
  "crypto/v1/is_certificate_trusted": trust.transform((request) => ({ type: "CryptoIsCertificateTrusted", request })),
  "kubernetes/can_i": z.object({ subject_access_review: accessReview, disable_cache: z.boolean() })
    .transform(({ subject_access_review: request, disable_cache }) => ({
      type: "KubernetesCanI",
      request,
      disable_cache,
    })),
  "kubernetes/get_resource": getResource.transform((fields) => ({ type: "KubernetesGetResource", ...fields })),
  "kubernetes/list_resources_all": listAll.transform((fields) => ({ type: "KubernetesListResourceAll", ...fields })),
  "kubernetes/list_resources_by_namespace": listNamespace.transform((fields) => ({
    type: "KubernetesListResourceNamespace",
    ...fields,
  })),
  "net/v1/dns_lookup_host": text.transform((host) => ({ type: "DNSLookupHost", host })),
  "oci/v1/manifest_digest": text.transform((image) => ({ type: "OciManifestDigest", image })),
  "oci/v1/oci_manifest": text.transform((image) => ({ type: "OciManifest", image })),
  "oci/v1/oci_manifest_config": text.transform((image) => ({ type: "OciManifestAndConfig", image })),
  "oci/v1/verify": z.union([
    z.strictObject({ SigstorePubKeyVerify: z.object(byKey) })
      .transform((tagged) => ({ type: "SigstorePubKeyVerify" as const, ...tagged.SigstorePubKeyVerify })),
    z.strictObject({ SigstoreKeylessVerify: z.object(keyless) })
      .transform((tagged) => ({ type: "SigstoreKeylessVerify" as const, ...tagged.SigstoreKeylessVerify })),
  ]),
  "oci/v2/verify": verifications,
};

/** What every request may hold: much more than any of them needs, little enough to be parsed in no time. */
export const maxQuestionBytes = 1024 * 1024;

/** Parses the payload of a call to a known capability path. Throws `Error` with what is wrong with it. */
export function parseQuestion(path: string, payload: Uint8Array): HostQuestion {
  const schema = schemas[path];
  if (schema === undefined) throw new Error(`unknown host capability: ${path}`);
  if (payload.length > maxQuestionBytes) throw new Error(`a payload of ${payload.length} bytes is too large`);
  const value = parseJson(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload));
  return parsed(schema, value);
}

const recorded: Readonly<Record<HostQuestion["type"], z.ZodType<object>>> = {
  CryptoIsCertificateTrusted: z.object({ request: trust }),
  DNSLookupHost: z.object({ host: text }),
  KubernetesCanI: z.object({ request: accessReview, disable_cache: z.boolean() }),
  KubernetesGetResource: getResource,
  KubernetesListResourceAll: listAll,
  KubernetesListResourceNamespace: listNamespace,
  OciManifest: z.object({ image: text }),
  OciManifestAndConfig: z.object({ image: text }),
  OciManifestDigest: z.object({ image: text }),
  SigstoreCertificateVerify: z.looseObject({}),
  SigstoreGithubActionsVerify: z.looseObject({}),
  SigstoreKeylessPrefixVerify: z.looseObject({}),
  SigstoreKeylessVerify: z.looseObject({}),
  SigstorePubKeyVerify: z.looseObject({}),
};

/** Reads a question as a recording holds it: its type, and its fields. Throws `Error` with what is wrong with it. */
export function questionOf(type: string, fields: unknown): HostQuestion {
  if (!Object.hasOwn(recorded, type)) throw new Error(`unknown request "${type}"`);
  if (type.startsWith("Sigstore")) return parsed(verifications, { ...fields as object, type });
  return { type, ...parsed(recorded[type as HostQuestion["type"]], fields) } as HostQuestion;
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join(".")}: ${message}` : message
  );
  throw new Error(problems.join("; "));
}

function isBytes(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => Number.isInteger(each) && each >= 0 && each <= 255);
}
