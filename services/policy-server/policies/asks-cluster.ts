// pure
import { capabilityPatternProblem } from "../../../contracts/capabilities.ts";
import type { PoliciesFile, RunnableEntry } from "../../../contracts/policy-config.ts";

/**
 * Policies and members (`group/member`) that are meant to ask a cluster: their owner names kinds of objects, or grants
 * what asks it by its name. A grant of everything says nothing, since most policies have it.
 */
export function policiesAskingTheCluster(file: PoliciesFile): string[] {
  return [...file].flatMap(([id, entry]) => {
    if (entry.kind === "policy") return isMeantToAsk(entry) ? [id] : [];
    return [...entry.policies].filter(([, member]) => isMeantToAsk(member)).map(([name]) => `${id}/${name}`);
  });
}

function isMeantToAsk({ contextAwareResources, hostCapabilities }: RunnableEntry): boolean {
  return contextAwareResources.length > 0 || hostCapabilities.some(namesTheCluster);
}

function namesTheCluster(pattern: string): boolean {
  return pattern.trim().startsWith("kubernetes/") && capabilityPatternProblem(pattern) === undefined;
}
