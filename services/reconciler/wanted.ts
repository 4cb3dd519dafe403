// pure
import { findCondition } from "../../contracts/conditions.ts";
import { messageOf } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { annotations } from "../../contracts/names.ts";
import { policyServerNameProblem } from "../../contracts/policy-checks.ts";
import { parsePolicyServer, type PolicyServer } from "../../contracts/policy-server.ts";
import { type Configuration, configurationFor } from "./configuration.ts";
import type { Observed } from "./facts.ts";
import { podsVerdict } from "./pods-ready.ts";
import { lastGoodEntries } from "./versions.ts";

type Digest = (text: string) => string;

/** The PolicyServer by schema, or why no objects can be made for it. */
export function readServer(server: KubeObject): { policyServer: PolicyServer } | { problem: string } {
  const problem = policyServerNameProblem(server.metadata.name);
  if (problem !== undefined) return { problem };
  try {
    return { policyServer: parsePolicyServer(server) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** The configuration that the policy server is to run. */
export function wantedConfiguration(policyServer: PolicyServer, observed: Observed, sha256Hex: Digest): Configuration {
  return configurationFor(policyServer, { ...observed, lastGood: lastGoodEntries(observed) }, sha256Hex);
}

/** Whether `PodsReady` is about to become True, or True of a later generation. */
export function wouldBecomeReady(observed: Observed, sha256Hex: Digest): boolean {
  const { server } = observed;
  if (server === undefined || server.metadata.deletionTimestamp !== undefined) return false;
  const known = findCondition(server, "PodsReady");
  if (known?.status === "True" && known.observedGeneration === server.metadata.generation) return false;
  const read = readServer(server);
  if ("problem" in read) return false;
  return podsVerdict(server, observed, wantedConfiguration(read.policyServer, observed, sha256Hex)).is;
}

/** The config version that a rollout would bring now; undefined when there is nothing to roll out. */
export function pendingVersion(observed: Observed, sha256Hex: Digest): string | undefined {
  const { server, deployment } = observed;
  if (server === undefined || server.metadata.deletionTimestamp !== undefined) return undefined;
  const read = readServer(server);
  if ("problem" in read) return undefined;
  const { version } = wantedConfiguration(read.policyServer, observed, sha256Hex);
  return deployment?.metadata.annotations?.[annotations.configVersion] === version ? undefined : version;
}
