// pure
import { z } from "zod";
import { KubewardenError } from "./errors.ts";
import type { KubeObject } from "./kubernetes.ts";
import { apiVersion } from "./names.ts";

/**
 * Reads one of our custom resources: `spec` and `status` by schema (defaults filled in), `metadata` as it is.
 * Throws `CUSTOM_RESOURCE_INVALID` naming the object and every field in error.
 */
export function parseCustomResource(
  object: KubeObject,
  kinds: readonly string[],
  spec: z.ZodType,
  status: z.ZodType,
): KubeObject {
  const { namespace, name } = object.metadata;
  const subject = `${object.kind} "${namespace === undefined ? "" : `${namespace}/`}${name}"`;
  if (object.apiVersion !== apiVersion || !kinds.includes(object.kind)) {
    throw new KubewardenError(
      "CUSTOM_RESOURCE_INVALID",
      `Cannot read ${subject}: expected ${kinds.join(" or ")} of ${apiVersion}, not ${object.apiVersion}`,
    );
  }
  const parsed = z.object({ spec, status: status.optional() }).safeParse(object);
  if (!parsed.success) {
    throw new KubewardenError("CUSTOM_RESOURCE_INVALID", `Cannot read ${subject}: ${issuesOf(parsed.error)}`);
  }
  return { ...object, ...parsed.data };
}

/** Every issue of a failed parse as `path: reason`, on one line. */
export function issuesOf(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join(".") || "value"}: ${message}`).join("; ");
}
