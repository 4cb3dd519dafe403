// pure
import { z } from "zod";
import { configFileInvalid, type ConfigProblem, type ConfigSource, problemsOf } from "./config-problems.ts";
import { anyObject } from "./kubernetes-schema.ts";

/**
 * `verification.yml`: who must have signed a module. Every field is known or refused: a requirement that is misspelled
 * must not become a weaker one. Source: reference/policy-server.md 1.6.
 */
const annotations = z.record(z.string(), z.string()).nullish().transform((value) => value ?? undefined);
const urlPrefix = z.string().refine((text) => URL.canParse(text), "expected a URL").transform(withSlash);
const publicKey = z.string().regex(/-----BEGIN [A-Z ]*PUBLIC KEY-----/, "expected a public key as PEM");

// What zod says of a field that is missing, where it would say only that no alternative fits.
const received = "received undefined";

const signature = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("pubKey"),
    owner: z.string().nullish().transform((value) => value ?? undefined),
    key: publicKey,
    annotations,
  }),
  z.strictObject({
    kind: z.literal("genericIssuer"),
    issuer: z.string(),
    subject: z.union(
      [z.strictObject({ equal: z.string() }), z.strictObject({ urlPrefix })],
      { error: ({ input }) => input === undefined ? received : "expected {equal: <text>} or {urlPrefix: <URL>}" },
    ),
    annotations,
  }),
  z.strictObject({
    kind: z.literal("githubAction"),
    owner: z.string().min(1),
    repo: z.string().nullish().transform((value) => value ?? undefined),
    annotations,
  }),
], { error: "expected one of pubKey, genericIssuer, githubAction" });

const signatures = z.array(signature).min(1, "an empty list would require nothing");
const anyOf = z.strictObject({
  minimumMatches: z.int().min(1, "0 would require nothing").max(255).default(1),
  signatures,
}).refine(({ minimumMatches, signatures }) => minimumMatches <= signatures.length, {
  message: "minimumMatches: more than there are signatures can never match",
});
const config = z.strictObject({
  apiVersion: z.string(),
  allOf: signatures.nullish().transform((value) => value ?? undefined),
  anyOf: anyOf.nullish().transform((value) => value ?? undefined),
});

/** One signature that is asked for; `kind` tells by whom. */
export type SignatureRequirement = z.output<typeof signature>;
/** Every requirement of `allOf`, and `minimumMatches` of `anyOf`, must be met; at least one of the two is there. */
export type VerificationConfig = Omit<z.output<typeof config>, "apiVersion">;

/** Reads the parsed text of verification.yml. Throws `VERIFICATION_FILE_INVALID` in upstream's words. */
export function parseVerificationConfig(value: unknown, source: ConfigSource = {}): VerificationConfig {
  const fail = (message: string) => configFileInvalid("VERIFICATION_FILE_INVALID", [{ path: [], message }]);
  const invalid = (problems: readonly ConfigProblem[]) =>
    fail(`Not a valid configuration file: ${configFileInvalid("VERIFICATION_FILE_INVALID", problems, source).message}`);
  const version = anyObject.safeParse(value).data?.["apiVersion"];
  if (typeof version === "string" && version !== "v1") {
    throw fail(`Not a supported configuration version: ${version}`);
  }
  const parsed = config.safeParse(value);
  const problems = [...source.problems ?? [], ...parsed.success ? [] : problemsOf(parsed.error)];
  if (!parsed.success || problems.length > 0) throw invalid(problems);
  const { allOf, anyOf } = parsed.data;
  if (allOf === undefined && anyOf === undefined) {
    throw fail("config is missing signatures in both allOf and anyOff list");
  }
  return { allOf, anyOf };
}

/** A prefix ends where a part of the path ends, or `https://host/a` would also match `https://host/abc`. */
function withSlash(text: string): string {
  const url = new URL(text);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url.href;
}
