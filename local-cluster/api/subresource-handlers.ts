import type { KubeObject } from "../../contracts/kubernetes.ts";
import { cloneJson } from "../schema/clone.ts";
import { groupResourceOf } from "../schema/resource-type.ts";
import { isRecord } from "../schema/schema.ts";
import type { ApiContext, WriteRequest, WriteResult } from "./context.ts";
import { parseBody } from "./decode.ts";
import { badRequest, conflict, notFound, notImplemented } from "./failures.ts";
import { handleScale } from "./scale.ts";
import type { Subresource } from "./subresources.ts";
import { timestamp } from "./timestamp.ts";
import { asVersion } from "./type-registry.ts";
import { objectAt } from "./values.ts";
import { patchObject } from "./write/patch.ts";
import { replaceObject, updateObject } from "./write/update.ts";

/** Answers that only other parts of the cluster can give. */
export type SubresourceHooks = {
  /** The log of a pod's container, as the node keeps it. */
  podLogs?: (pod: KubeObject, query: URLSearchParams, signal: AbortSignal) => Promise<Response>;
  /** A token for a ServiceAccount: the answer to a TokenRequest. */
  issueToken?: (serviceAccount: KubeObject, request: Record<string, unknown>) => Promise<Record<string, unknown>>;
};

export type SubresourceCall = {
  readonly verb: string;
  readonly query: URLSearchParams;
  readonly hooks: SubresourceHooks;
  readonly mayCreate: () => void;
};
export type SubresourceHandler = (
  context: ApiContext,
  request: WriteRequest,
  call: SubresourceCall,
) => Promise<WriteResult | Response>;

export function subresourceHandler({ name }: Subresource): SubresourceHandler | undefined {
  return handlers[name];
}

const handlers: Record<string, SubresourceHandler> = {
  status: async (context, request, { verb, mayCreate }) => {
    if (verb === "get") return { object: existing(context, request), code: 200 };
    return verb === "update" ? await replaceObject(context, request) : await patchObject(context, request, mayCreate);
  },
  scale: handleScale,
  /** Only spec.finalizers changes: how the namespace controller lets a Namespace go. */
  finalize: async (context, request) => {
    const wanted = parseBody(request.body, request.contentType);
    if (!isRecord(wanted) || !isRecord(wanted.metadata)) throw badRequest("the body is not a Namespace");
    const { uid, resourceVersion } = wanted.metadata as KubeObject["metadata"];
    const finalizers = isRecord(wanted.spec) ? wanted.spec.finalizers ?? [] : [];
    const object = await updateObject(context, request, (live) => {
      const next = cloneJson(live);
      next.metadata = { ...next.metadata, uid, resourceVersion: resourceVersion ?? "" };
      objectAt(next, "spec").finalizers = finalizers;
      return { object: next };
    });
    return { object, code: 200 };
  },
  log: async (context, request, { query, hooks }) => {
    if (hooks.podLogs === undefined) throw notImplemented("pods/log without a node");
    return await hooks.podLogs(existing(context, request), query, request.signal);
  },
  binding: async (context, request) => {
    const binding = parseBody(request.body, request.contentType);
    const nodeName = isRecord(binding) && isRecord(binding.target) ? binding.target.name : undefined;
    if (typeof nodeName !== "string" || nodeName === "") throw badRequest("target.name: Required value");
    await updateObject(context, request, (live) => {
      const next = cloneJson(live);
      const spec = objectAt(next, "spec");
      if (spec.nodeName) {
        const why = `pod ${live.metadata.name} is already assigned to node "${spec.nodeName}"`;
        throw conflict({ type: request.type, name: live.metadata.name }, why);
      }
      spec.nodeName = nodeName;
      const status = objectAt(next, "status");
      const others = (Array.isArray(status.conditions) ? status.conditions : []) as Record<string, unknown>[];
      status.conditions = [
        ...others.filter(({ type }) => type !== "PodScheduled"),
        { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: timestamp(context.now()) },
      ];
      return { object: next };
    });
    return { object: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, code: 201 };
  },
  token: async (context, request, { hooks }) => {
    if (hooks.issueToken === undefined) throw notImplemented("serviceaccounts/token");
    const asked = parseBody(request.body, request.contentType);
    if (!isRecord(asked)) throw badRequest("the body is not a TokenRequest");
    return { object: await hooks.issueToken(existing(context, request), asked), code: 201 };
  },
};

function existing({ storage }: ApiContext, { type, name = "", namespace }: WriteRequest): KubeObject {
  const object = storage.get(groupResourceOf(type), name, namespace);
  if (object === undefined) throw notFound({ type, name });
  return asVersion(object, type);
}
