import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import { parseJson, stringifyJson } from "../../../../contracts/json.ts";
import type { KindRef, KubeObject } from "../../../../contracts/kubernetes.ts";
import { abortable } from "../../../../runtime/abortable.ts";
import type { Kube } from "../../../../runtime/kube/kube.ts";
import { type AnswerBytes, answerOf } from "../answer.ts";
import { AnswerCache } from "../answer-cache.ts";
import type { CanI, GetResource, ListAll, ListNamespace } from "../questions.ts";
import type { Collection, CollectionQuery } from "./collection.ts";
import type { Collections } from "./collections.ts";
import { parseFieldMask } from "./field-mask.ts";
import { maskObject } from "./trim.ts";

export type KubernetesQuestion = ListAll | ListNamespace | GetResource | CanI;

/** A kind, and the copy of its objects, which knows them and says how often they changed. */
export type Snapshot = { plural: string; namespaced: boolean; collection: Collection };

/** What the host asks a cluster for policies. Texts and shapes: reference/policy-server.md 5.8. */
export class KubernetesHost {
  readonly #kube: Kube;
  readonly #collections: Collections;
  readonly #maxBytes: number;
  readonly #answers: AnswerCache;

  /** `maxBytes`: what an answer may have. `now`: milliseconds that only grow. */
  constructor(kube: Kube, o: { collections: Collections; maxBytes: number; now?: () => number }) {
    this.#kube = kube;
    this.#collections = o.collections;
    this.#maxBytes = o.maxBytes;
    const now = o.now === undefined ? {} : { now: o.now };
    this.#answers = new AnswerCache({ ttlMs: 5_000, maxEntries: 2_000, maxBytes: 32 * 1024 * 1024, ...now });
  }

  async answer(question: KubernetesQuestion, signal: AbortSignal): Promise<AnswerBytes> {
    switch (question.type) {
      case "KubernetesListResourceAll":
        return await this.#list(question, signal);
      case "KubernetesListResourceNamespace":
        return await this.#list(question, signal);
      case "KubernetesGetResource":
        return await this.#get(question, signal);
      case "KubernetesCanI":
        return await this.#canI(question, signal);
    }
  }

  async isNamespaced(kind: KindRef, signal: AbortSignal): Promise<boolean> {
    return (await this.resource(kind, signal)).namespaced;
  }

  /** Plural and scope of a kind. */
  async resource({ apiVersion, kind }: KindRef, signal: AbortSignal): Promise<Omit<Snapshot, "collection">> {
    if (!/^[a-z0-9.-]+(\/[a-z0-9.-]+)?$/i.test(apiVersion) || apiVersion.includes("..")) {
      throw new KubewardenError("KUBE_INVALID", `cannot determine group and version for ${apiVersion}`);
    }
    try {
      return await abortable(this.#kube.resource({ apiVersion, kind }), signal);
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof KubewardenError && cause.code === "KUBE_NOT_FOUND") {
        throw new KubewardenError(cause.code, `Cannot find resource ${apiVersion}/${kind}`, { cause });
      }
      const code = cause instanceof KubewardenError ? cause.code : "KUBE_FAILED";
      const message = `error finding resource ${apiVersion} / ${kind}: ${messageOf(cause)}`;
      throw new KubewardenError(code, message, { cause });
    }
  }

  /** All objects of a kind, for whoever builds on them; neither selectors nor field masks count. */
  async snapshot(kind: KindRef, signal: AbortSignal): Promise<Snapshot> {
    const resource = await this.resource(kind, signal);
    const collection = this.#collections.for({ ...kind, fieldMasks: null });
    await collection.known(signal);
    return { ...resource, collection };
  }

  async #list(question: ListAll | ListNamespace, signal: AbortSignal): Promise<AnswerBytes> {
    const { api_version: apiVersion, kind, field_masks: masks } = question;
    const { namespaced } = await this.resource({ apiVersion, kind }, signal);
    if (question.type === "KubernetesListResourceNamespace") {
      if (!namespaced) {
        throw new KubewardenError(
          "KUBE_INVALID",
          `resource ${apiVersion}/${kind} is cluster wide. Cannot search for it inside of a namespace`,
        );
      }
      // An empty namespace would mean all of them.
      if (question.namespace === "") throw new KubewardenError("KUBE_INVALID", "the namespace must not be empty");
    }
    const query: CollectionQuery = {
      apiVersion,
      kind,
      ...(question.type === "KubernetesListResourceNamespace" ? { namespace: question.namespace } : {}),
      ...(question.label_selector ? { labelSelector: question.label_selector } : {}),
      ...(question.field_selector ? { fieldSelector: question.field_selector } : {}),
      fieldMasks: masks !== null && masks.length > 0 ? masks : null,
    };
    return await this.#collections.for(query).answer({ maxBytes: this.#maxBytes, signal });
  }

  async #get(question: GetResource, signal: AbortSignal): Promise<AnswerBytes> {
    const { api_version, kind, name, namespace, disable_cache, field_masks } = question;
    const make = (stop: AbortSignal) => this.#fetch(question, stop);
    const whole = disable_cache
      ? await make(signal)
      : await this.#answers.get(JSON.stringify(["get", api_version, kind, name, namespace]), { signal, make });
    const mask = parseFieldMask(field_masks);
    if (mask === undefined) return whole;
    return answerOf(stringifyJson(maskObject(parseJson(new TextDecoder().decode(whole)) as KubeObject, mask)));
  }

  async #fetch(
    { api_version: apiVersion, kind, name, namespace }: GetResource,
    signal: AbortSignal,
  ): Promise<AnswerBytes> {
    const { namespaced } = await this.resource({ apiVersion, kind }, signal);
    if (namespaced && !namespace) {
      throw new KubewardenError(
        "KUBE_INVALID",
        `Resource ${apiVersion}/${kind} is namespaced, but no namespace was provided`,
      );
    }
    // An empty name would list; Kubernetes has none that is.
    const place = namespaced && namespace ? { namespace } : {};
    const found = name === "" ? undefined : await this.#kube.get({ apiVersion, kind, name, ...place }, { signal });
    if (found === undefined) {
      const shown = namespace === null ? "None" : `Some(${JSON.stringify(namespace)})`;
      throw new KubewardenError(
        "KUBE_NOT_FOUND",
        `Cannot find ${apiVersion}/${kind} named '${name}' inside of namespace '${shown}'`,
      );
    }
    return answerOf(stringifyJson(found));
  }

  async #canI({ request, disable_cache }: CanI, signal: AbortSignal): Promise<AnswerBytes> {
    const make = (stop: AbortSignal) => this.#review(request, stop);
    if (disable_cache) return await make(signal);
    return await this.#answers.get(JSON.stringify(["can_i", request]), { signal, make });
  }

  async #review({ user, groups, resource_attributes }: CanI["request"], signal: AbortSignal): Promise<AnswerBytes> {
    const given = Object.entries(resource_attributes).filter(([, value]) => value !== null);
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      metadata: {},
      spec: { user, ...(groups === null ? {} : { groups }), resourceAttributes: Object.fromEntries(given) },
    };
    const { status } = await this.#kube.create(review as unknown as KubeObject, { signal });
    if (typeof status !== "object" || status === null) {
      throw new KubewardenError("KUBE_FAILED", "SubjectAccessReview did not return a response");
    }
    const { allowed = false, denied, evaluationError, reason } = status as Record<string, unknown>;
    return answerOf(stringifyJson({ allowed, denied, evaluationError, reason }));
  }
}
