import { KubewardenError } from "../../../../contracts/errors.ts";
import type { KindRef } from "../../../../contracts/kubernetes.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import type { Runnable } from "../../policies/catalogue.ts";
import { isRego } from "../../policies/execution-mode.ts";
import type { ContextMemory, Made } from "./context-memory.ts";
import { gatekeeperInventory, type InventoryPart, opaInventory } from "./inventory.ts";
import type { Snapshot } from "./kubernetes.ts";

/** All objects of a kind as they are now, kept up to date; rejects if they cannot be known. */
export type TakeSnapshot = (kind: KindRef, signal: AbortSignal) => Promise<Snapshot>;

/** Whom an inventory is for, and what of the cluster that policy may see. */
export type Viewer = Pick<Runnable, "policy" | "mode" | "contextAwareResources" | "namespace" | "timeoutMs">;

type Options = {
  snapshot: TakeSnapshot;
  /** Where inventories are kept, beside the copies that they are made of. */
  memory: ContextMemory;
  /** Whether policies of a namespace may see only what is in it. */
  confineNamespacedPolicies: boolean;
  /** Counts a policy that was meant to see more than it may. */
  refused: (policy: string, capability: string) => void;
  log: Log;
};

/**
 * What Rego policies may see of the cluster (reference/policy-server.md 6.3.3, 6.4.2): shared by policies that see the
 * same, and built anew only after a change of it. Capabilities do not bound it (5.1.12).
 */
export class Inventories {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** What a policy asks for each evaluation; undefined for those that see nothing. Waits as long as one may take. */
  contextDataFor(viewer: Viewer): Runnable["contextData"] {
    if (!isRego(viewer.mode) || viewer.contextAwareResources.length === 0) return undefined;
    return async (signal) => {
      const started = performance.now();
      const json = await this.#inTime(viewer, signal);
      return { json, tookMs: performance.now() - started };
    };
  }

  async #inTime(viewer: Viewer, signal: AbortSignal): Promise<Uint8Array> {
    const { timeoutMs } = viewer;
    if (timeoutMs === undefined) return await this.bytes(viewer, signal);
    const late = AbortSignal.timeout(timeoutMs);
    try {
      return await this.bytes(viewer, AbortSignal.any([signal, late]));
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error;
      throw new KubewardenError(
        "KUBE_UNREACHABLE",
        `the policy's view of the cluster took more than ${timeoutMs} ms`,
      );
    }
  }

  /** Treat as read-only. Rejects with the signal, if a kind cannot be listed, and in the words of 6.3.3. */
  async bytes(viewer: Viewer, signal: AbortSignal): Promise<Uint8Array> {
    const kinds = sortedKinds(viewer.contextAwareResources);
    const within = this.#options.confineNamespacedPolicies ? viewer.namespace : undefined;
    const snapshots = await Promise.all(kinds.map((kind) => this.#snapshot(kind, { viewer, within, signal })));
    // From here on nothing waits: what is looked at does not change, and whoever comes next finds it built.
    const of = new Map(snapshots.map(({ collection }) => [collection, collection.changes]));
    const key = JSON.stringify([viewer.mode, within, kinds]);
    const { memory } = this.#options;
    const kept = memory.made(key);
    if (kept !== undefined && isSame(kept.of, of)) return kept.bytes;
    const parts = snapshots.map((each) => partOf(each, within));
    const bytes = viewer.mode === "gatekeeper" ? gatekeeperInventory(parts) : opaInventory(parts);
    memory.keep(key, { bytes, of });
    return bytes;
  }

  async #snapshot(
    kind: KindRef,
    { viewer: { policy }, within, signal }: { viewer: Viewer; within: string | undefined; signal: AbortSignal },
  ): Promise<Snapshot> {
    const snapshot = await this.#options.snapshot(kind, signal);
    if (within === undefined || (within !== "" && (snapshot.namespaced || isNamespace(kind)))) return snapshot;
    const { apiVersion, kind: name } = kind;
    const { log, refused } = this.#options;
    // Seeing is what listing all of them would be; the policy's grants name no other word for it.
    refused(policy, "kubernetes/list_resources_all");
    log.error("Policy is meant to see objects outside of its own namespace", {
      policy,
      resource: `${apiVersion}/${name}`,
    });
    const message = "Policy has not been granted access to anything outside of its own namespace. " +
      "The violation has been reported.";
    throw new KubewardenError("HOST_CALL_FAILED", message);
  }
}

/** Throws if the copy has ended meanwhile; it knows nothing any more then. */
function partOf({ collection, plural, namespaced }: Snapshot, within: string | undefined): InventoryPart {
  const { apiVersion, kind } = collection.query;
  const objects = collection.placed();
  if (within === undefined) return { apiVersion, kind, plural, namespaced, objects };
  const own = objects.filter(({ namespace, name }) => (namespaced ? namespace : name) === within);
  return { apiVersion, kind, plural, namespaced, objects: own };
}

/** In one order and each once, so that policies that see the same share it. */
function sortedKinds(kinds: readonly KindRef[]): KindRef[] {
  const byKey = new Map(kinds.map(({ apiVersion, kind }) => [`${apiVersion}/${kind}`, { apiVersion, kind }]));
  return [...byKey].sort(([one], [other]) => one < other ? -1 : 1).map(([, kind]) => kind);
}

function isNamespace({ apiVersion, kind }: KindRef): boolean {
  return apiVersion === "v1" && kind === "Namespace";
}

function isSame(one: Made["of"], other: Made["of"]): boolean {
  return [...one].every(([copy, changes]) => other.get(copy) === changes);
}
