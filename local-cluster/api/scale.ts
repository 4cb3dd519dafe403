import type { KubeObject } from "../../contracts/kubernetes.ts";
import { cloneJson } from "../schema/clone.ts";
import { groupResourceOf } from "../schema/resource-type.ts";
import { isRecord } from "../schema/schema.ts";
import type { ApiContext, WriteRequest, WriteResult } from "./context.ts";
import { parseBody } from "./decode.ts";
import { badRequest, notFound, unsupportedMediaType } from "./failures.ts";
import { asVersion } from "./type-registry.ts";
import { objectAt, valueAt } from "./values.ts";
import { updateObject } from "./write/update.ts";

/** The `scale` subresource of Deployments and ReplicaSets: GET, PUT and merge PATCH of an autoscaling/v1 Scale. */
export async function handleScale(
  context: ApiContext,
  request: WriteRequest,
  { verb }: { verb: string },
): Promise<WriteResult> {
  const { type, name = "", namespace } = request;
  const live = context.storage.get(groupResourceOf(type), name, namespace);
  if (live === undefined) throw notFound({ type, name });
  if (verb === "get") return { object: scaleOf(asVersion(live, type)), code: 200 };
  if (
    verb === "patch" &&
    !["application/merge-patch+json", "application/strategic-merge-patch+json"].includes(request.contentType)
  ) {
    throw unsupportedMediaType("scale is patched by application/merge-patch+json");
  }
  const body = parseBody(request.body, request.contentType);
  const replicas = valueAt(body, "spec", "replicas") ?? (verb === "patch" ? valueAt(live, "spec", "replicas") : 0);
  if (!isRecord(body) || typeof replicas !== "number" || replicas < 0) {
    throw badRequest("spec.replicas must be a number that is not negative");
  }
  const resourceVersion = valueAt(body, "metadata", "resourceVersion");
  // A change through /scale is an ordinary change of the object.
  const { subresource: _scale, ...main } = request;
  const object = await updateObject(context, main, (current) => {
    const next = cloneJson(current);
    next.metadata.resourceVersion = typeof resourceVersion === "string" ? resourceVersion : "";
    objectAt(next, "spec").replicas = replicas;
    return { object: next };
  });
  return { object: scaleOf(object), code: 200 };
}

function scaleOf(object: KubeObject): unknown {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = valueAt(object, "spec", "selector", "matchLabels");
  const selector = Object.entries(isRecord(labels) ? labels : {}).map(([key, value]) => `${key}=${value}`).join(",");
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: valueAt(object, "spec", "replicas") ?? 0 },
    status: { replicas: valueAt(object, "status", "replicas") ?? 0, selector },
  };
}
