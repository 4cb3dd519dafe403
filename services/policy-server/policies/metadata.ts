import { z } from "zod";
import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { executionModes } from "./execution-mode.ts";

const sectionName = "io.kubewarden.metadata";

const metadataSchema = z.object({
  protocolVersion: z.enum(["v1", "Unknown"]).nullish(),
  rules: z.array(z.unknown()),
  mutating: z.boolean(),
  backgroundAudit: z.boolean().default(true),
  executionMode: z.enum(executionModes).default("kubewarden-wapc"),
  policyType: z.enum(["kubernetes", "raw"]).default("kubernetes"),
  minimumKubewardenVersion: z.string().regex(/^\d+\.\d+\.\d+/, "not a semantic version").nullish(),
});

/** What a module says about itself, as far as the server looks at it (reference/policy-server.md 3.6). */
export type PolicyMetadata = z.infer<typeof metadataSchema>;

/** Reads the metadata section of a compiled module; undefined if it has none. Throws MODULE_INVALID. */
export function metadataOf(module: WebAssembly.Module): PolicyMetadata | undefined {
  const [section] = WebAssembly.Module.customSections(module, sectionName);
  if (section === undefined) return undefined;
  try {
    return metadataSchema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(section)));
  } catch (cause) {
    const detail = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause);
    throw new KubewardenError(
      "MODULE_INVALID",
      `cannot deserialize custom section \`${sectionName}\` of wasm module: ${detail}`,
      { cause },
    );
  }
}

/** Returns the metadata if this server can run a module with it; throws MODULE_INCOMPATIBLE otherwise. */
export function assertRunnable(metadata: PolicyMetadata | undefined, serverVersion: string): PolicyMetadata {
  const minimum = metadata?.minimumKubewardenVersion;
  if (minimum && isNewer(minimum, serverVersion)) {
    throw incompatible(`Policy required Kubewarden version ${minimum} but is running on ${serverVersion}`);
  }
  // Only waPC has protocol versions (reference/policy-server.md 3.6.10).
  if (metadata !== undefined && metadata.executionMode !== "kubewarden-wapc") return metadata;
  if (!metadata?.protocolVersion) {
    throw incompatible("Policy is missing protocol version, which is required for KubewardenWapc execution mode");
  }
  if (metadata.protocolVersion !== "v1") {
    throw incompatible(`Policy uses protocol version ${metadata.protocolVersion} but only V1 is supported`);
  }
  return metadata;
}

/** Compares major and minor only, as upstream does. */
function isNewer(wanted: string, own: string): boolean {
  const [major = 0, minor = 0] = wanted.split(".").map(Number);
  const [ownMajor = 0, ownMinor = 0] = own.split(".").map(Number);
  return major > ownMajor || (major === ownMajor && minor > ownMinor);
}

function incompatible(message: string): KubewardenError {
  return new KubewardenError("MODULE_INCOMPATIBLE", message);
}
