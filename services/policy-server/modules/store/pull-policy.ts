// pure
import type { ModuleUrl } from "../module-url.ts";

/** When what is in the store is asked for again: as Kubernetes says it of images, `auto` being its default. */
export type PullPolicy = "auto" | "Always" | "IfNotPresent";

export const pullPolicies: readonly PullPolicy[] = ["auto", "Always", "IfNotPresent"];

/**
 * Whether what a URL meant when it was last fetched may be used without asking. `auto`: not for the tag `latest`
 * (reference/policy-server.md 3.3.6). A digest never means anything else.
 */
export function mayUseStored(url: ModuleUrl, policy: PullPolicy): boolean {
  const reference = url.scheme === "registry" ? url.image.reference : "";
  if (reference.includes(":") || policy === "IfNotPresent") return true;
  return policy === "auto" && reference !== "latest";
}
