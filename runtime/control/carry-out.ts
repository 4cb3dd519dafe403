import { KubewardenError, messageOf } from "../../contracts/errors.ts";
import { stringifyJson } from "../../contracts/json.ts";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { refOf } from "../../contracts/kubernetes.ts";
import { appliedContent } from "./applied-content.ts";
import { changeFinalizer } from "./finalizers.ts";
import type { Kube } from "../kube/kube.ts";
import type { FinalizerChange, ObjectPatch, Plan, StatusIntent } from "./plan.ts";
import { isAtLeast, statusApplyFor, statusIsApplied } from "./status-apply.ts";

/** A write that the API server refused or that did not reach it. */
export type WriteFailure = { ref: ObjectRef; error: unknown };

/** What the caches show of an object now. `complete`: it would be among them if it existed, no selector hides it. */
export type Lookup = (ref: ObjectRef) => { object: KubeObject | undefined; complete: boolean };

export type Carrier = {
  /**
   * Carries out a plan in the order: finalizers to add, apply, patch, remove, status, finalizers to drop. The first failure
   * ends the object writes (a later one may build on an earlier one) and keeps every finalizer, but the status is written on
   * every exit, as `onFailure` has it. Throws the failure, or `WRITES_FAILED` when there are several.
   */
  carryOut(plan: Plan, now: Date, onFailure?: (failures: WriteFailure[]) => StatusIntent[]): Promise<void>;
};

export type CarrierOptions = {
  kube: Kube;
  fieldManager: string;
  lookup: Lookup;
  signal: AbortSignal;
  onWrite?: (verb: "apply" | "patch" | "remove" | "status" | "finalizer") => void;
  /** Told after a status was written: the object before it, and what was applied, in its new version. Must neither wait nor fail. */
  onStatus?: (target: StatusIntent["target"], before: KubeObject, after: KubeObject) => void;
};

const rememberedWrites = 10_000;

/** Executes plans under one field manager; remembers its own last writes, since caches lag behind them. */
export function createCarrier(
  { kube, fieldManager, lookup, signal, onWrite = () => {}, onStatus = () => {} }: CarrierOptions,
): Carrier {
  /** Object -> what was applied and what came of it: while it is there, the same again would be a no-op. */
  const applied = new Map<string, { body: string; content: string | undefined }>();
  /** uid -> the object as our last status write left it, until the cache has caught up. */
  const written = new Map<string, KubeObject>();

  async function applyObject(object: KubeObject): Promise<void> {
    const key = keyOf(refOf(object));
    // A resourceVersion is a condition of the write, no part of what is wanted.
    const body = stringifyJson({ ...object, metadata: { ...object.metadata, resourceVersion: undefined } });
    const last = applied.get(key);
    const cached = lookup(refOf(object)).object;
    if (last?.body === body && cached && last.content === appliedContent(cached, object)) return;
    onWrite("apply");
    const result = await kube.apply(object, { fieldManager, force: true, signal });
    remember(applied, key, { body, content: appliedContent(result, object) });
  }

  /** The newest state of the target that we know of; `undefined` when that incarnation is gone. */
  async function currentOf(target: StatusIntent["target"]): Promise<KubeObject | undefined> {
    const known = lookup(target);
    const object = known.object || known.complete ? known.object : await kube.get(target, { signal });
    const ours = written.get(target.uid);
    if (object?.metadata.uid !== target.uid) return undefined;
    if (!ours) return object;
    if (isAtLeast(object.metadata.resourceVersion, ours.metadata.resourceVersion) === false) return ours;
    written.delete(target.uid);
    return object;
  }

  /** Without asking the API server. */
  function newestKnown(target: StatusIntent["target"]): KubeObject | undefined {
    const { object } = lookup(target), ours = written.get(target.uid);
    return ours && isAtLeast(object?.metadata.resourceVersion, ours.metadata.resourceVersion) !== true ? ours : object;
  }

  async function writeStatus(intent: StatusIntent, now: Date): Promise<void> {
    const current = await currentOf(intent.target);
    if (!current) return;
    const body = statusApplyFor(intent, current, now);
    if (statusIsApplied(body, current, fieldManager)) return;
    onWrite("status");
    try {
      const result = await kube.apply(body, { fieldManager, force: true, subresource: "status", signal });
      remember(written, intent.target.uid, result);
      onStatus(intent.target, current, { ...body, metadata: result.metadata });
    } catch (error) {
      if (!(error instanceof KubewardenError && error.code === "KUBE_NOT_FOUND")) throw error;
      // Deleted in the meantime: there is nothing left to report on.
    }
  }

  async function setFinalizer(change: FinalizerChange): Promise<void> {
    onWrite("finalizer");
    await changeFinalizer(kube, change, { signal, known: newestKnown(change.target) });
  }

  async function patchObject({ target, merge }: ObjectPatch): Promise<void> {
    onWrite("patch");
    await kube.patch(target, merge, { type: "merge", fieldManager, signal });
  }

  async function removeObject(ref: ObjectRef): Promise<void> {
    onWrite("remove");
    applied.delete(keyOf(ref));
    await kube.remove(ref, { propagationPolicy: "Background", signal });
  }

  return {
    async carryOut(plan, now, onFailure) {
      const failures: WriteFailure[] = [];
      const attempt = async <T>(each: T, ref: ObjectRef, write: (each: T) => Promise<void>) => {
        try {
          await write(each);
        } catch (error) {
          signal.throwIfAborted();
          failures.push({ ref, error });
        }
      };
      const changes = (which: FinalizerChange["change"]) => plan.finalizers.filter(({ change }) => change === which);

      for (const each of changes("add")) if (!failures.length) await attempt(each, each.target, setFinalizer);
      for (const each of plan.apply) if (!failures.length) await attempt(each, refOf(each), applyObject);
      for (const each of plan.patch ?? []) if (!failures.length) await attempt(each, each.target, patchObject);
      for (const each of plan.remove) if (!failures.length) await attempt(each, each, removeObject);

      const overriding = failures.length > 0 && onFailure ? onFailure(failures) : [];
      for (const each of mergedIntents(plan.status, overriding)) {
        await attempt(each, each.target, (intent) => writeStatus(intent, now));
      }
      for (const each of changes("drop")) if (!failures.length) await attempt(each, each.target, setFinalizer);
      if (failures.length > 0) throw errorFor(failures);
    },
  };
}

/** One full set per object: an overriding one replaces the planned one. */
function mergedIntents(planned: StatusIntent[], overriding: StatusIntent[]): StatusIntent[] {
  const overridden = new Set(overriding.map(({ target }) => target.uid));
  return [...planned.filter(({ target }) => !overridden.has(target.uid)), ...overriding];
}

function errorFor(failures: WriteFailure[]): unknown {
  const [first, ...others] = failures;
  if (others.length === 0) return first?.error;
  const message = `${failures.length} writes failed: ${failures.map(({ error }) => messageOf(error)).join("; ")}`;
  return new KubewardenError("WRITES_FAILED", message, { cause: first?.error });
}

function keyOf({ apiVersion, kind, name, namespace = "" }: ObjectRef): string {
  return `${apiVersion}/${kind}/${namespace}/${name}`;
}

/** Remembering too little costs a write that changes nothing, so the oldest may go. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > rememberedWrites && oldest !== undefined) map.delete(oldest);
}
