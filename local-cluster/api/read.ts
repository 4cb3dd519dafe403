import { stringifyJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { apiVersionOf, groupResourceOf, type ResourceType } from "../schema/resource-type.ts";
import type { ApiContext } from "./context.ts";
import { badRequest, expired, notFound } from "./failures.ts";
import type { Representation } from "./negotiation.ts";
import type { ResourceTarget } from "./request-info.ts";
import { fieldFilter, labelFilter, type ObjectFilter } from "./selectors.ts";
import { partialOf, tableOf } from "./table.ts";
import { asVersion } from "./type-registry.ts";
import { goneLine, watchLines } from "./watch.ts";

export type ReadRequest = {
  readonly type: ResourceType;
  readonly target: ResourceTarget;
  readonly query: URLSearchParams;
  readonly representation: Representation;
  readonly signal: AbortSignal;
};

/** GET of one object. */
export function getObject({ storage, now }: ApiContext, request: ReadRequest): unknown {
  const { type, target: { name = "", namespace } } = request;
  const object = storage.get(groupResourceOf(type), name, type.namespaced ? namespace : undefined);
  if (object === undefined) throw notFound({ type, name });
  return represent(request, asVersion(object, type), now());
}

/** An object as the client wants to see it. */
export function represent(
  { type, query, representation }: Pick<ReadRequest, "type" | "query" | "representation">,
  object: KubeObject,
  now: Date,
): unknown {
  const include = query.get("includeObject") ?? undefined;
  if (representation === "table") return tableOf(type, [object], { now, include });
  return representation === "partial" ? partialOf(object) : object;
}

/** GET of a collection, in pieces of `limit` where the client asks for that. */
export function listObjects(context: ApiContext, request: ReadRequest): unknown {
  const { type, query, representation } = request;
  checkVersionMatch(context, query);
  const { items, metadata } = page(context, request);
  if (representation === "table") {
    return tableOf(type, items, { now: context.now(), metadata, include: query.get("includeObject") ?? undefined });
  }
  if (representation === "partial") {
    return { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", metadata, items: items.map(partialOf) };
  }
  return { kind: type.listKind, apiVersion: apiVersionOf(type), metadata, items };
}

/** Only the present can be listed: an older state that is asked for exactly counts as compacted. */
function checkVersionMatch({ storage }: ApiContext, query: URLSearchParams): void {
  if (query.get("resourceVersionMatch") !== "Exact") return;
  if (revisionOf(query.get("resourceVersion")) !== storage.revision) {
    throw expired("The resourceVersion for the provided list is too old.");
  }
}

/** The objects a collection request selects. */
export function selectObjects({ storage }: ApiContext, request: ReadRequest): KubeObject[] {
  const { type, target: { namespace } } = request;
  const matches = filterOf(request);
  return storage.list(groupResourceOf(type), namespace).map((each) => asVersion(each, type)).filter(matches);
}

type Page = { items: readonly KubeObject[]; metadata: Record<string, unknown> };

/** A list goes on as it was when it began, whatever is written meanwhile. */
function page(context: ApiContext, request: ReadRequest): Page {
  const { query } = request;
  const { unfinishedLists: unfinished } = context;
  const limit = Number(query.get("limit") ?? 0);
  const token = query.get("continue");
  const begun = token === null || token === "" ? undefined : unfinished.get(token);
  if (token && begun === undefined) {
    throw expired("The provided continue parameter is too old to display a consistent list result.");
  }
  if (token) unfinished.delete(token);
  const { items, resourceVersion } = begun ??
    { items: selectObjects(context, request), resourceVersion: String(context.storage.revision) };
  if (!(limit > 0) || items.length <= limit) return { items, metadata: { resourceVersion } };
  const next = crypto.randomUUID();
  unfinished.set(next, { items: items.slice(limit), resourceVersion });
  for (const oldest of [...unfinished.keys()].slice(0, -100)) unfinished.delete(oldest);
  const metadata = { resourceVersion, continue: next, remainingItemCount: items.length - limit };
  return { items: items.slice(0, limit), metadata };
}

/** GET with `watch=true`: a stream of one JSON object a line. */
export function watchObjects(context: ApiContext, request: ReadRequest): ReadableStream<Uint8Array> {
  const { type, target, query, signal } = request;
  const { storage, hub, random, disturbances } = context;
  const resource = groupResourceOf(type);
  const since = revisionOf(query.get("resourceVersion"));
  const sendInitial = query.get("sendInitialEvents") === "true";
  if (sendInitial && query.get("resourceVersionMatch") !== "NotOlderThan") {
    throw badRequest("sendInitialEvents requires resourceVersionMatch=NotOlderThan");
  }
  const timeoutMs = 1000 * (Number(query.get("timeoutSeconds") ?? 0) || random.between(1800, 3600));
  const stop = new AbortController();
  const lines = since !== undefined && !sendInitial && isTooOld(context, resource, since)
    ? oneLine(goneLine(since))
    : watchLines(storage, hub, {
      resource,
      namespace: target.namespace,
      matches: filterOf(request),
      since: sendInitial ? undefined : since,
      bookmarks: query.get("allowWatchBookmarks") === "true",
      markInitialEnd: sendInitial,
      bookmarkObject: (revision, initialEnd) => bookmark(type, revision, initialEnd),
      endAfterMs: disturbances ? Math.min(timeoutMs, random.between(2_000, 30_000)) : timeoutMs,
      endGone: disturbances && random.chance(0.3),
      signal: AbortSignal.any([stop.signal, signal, context.types.removed(type)]),
    });
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await lines.next();
      if (done) return controller.close();
      const object = ["BOOKMARK", "ERROR"].includes(value.type)
        ? value.object
        : represent(request, asVersion(value.object as KubeObject, type), context.now());
      controller.enqueue(encoder.encode(`${stringifyJson({ ...value, object })}\n`));
    },
    async cancel() {
      stop.abort();
      await lines.return(undefined);
    },
  });
}

async function* oneLine<T>(line: T): AsyncGenerator<T> {
  yield line;
}

/** A watch may have to start over at any time; with disturbances it sometimes must although nothing was forgotten. */
function isTooOld({ storage, random, disturbances }: ApiContext, resource: string, since: number): boolean {
  return storage.eventsSince(resource, since) === "gone" || (disturbances && random.chance(0.1));
}

/** Undefined and 0 mean: start with what is there. */
function revisionOf(resourceVersion: string | null): number | undefined {
  if (resourceVersion === null || resourceVersion === "" || resourceVersion === "0") return undefined;
  const revision = Number(resourceVersion);
  if (!Number.isInteger(revision)) throw badRequest(`Invalid value: "${resourceVersion}": invalid resource version`);
  return revision;
}

function bookmark(type: ResourceType, revision: number, initialEnd: boolean): unknown {
  const annotations = initialEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {};
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...annotations };
  return { kind: type.kind, apiVersion: apiVersionOf(type), metadata };
}

function filterOf({ type, target, query }: ReadRequest): ObjectFilter {
  const byLabel = labelFilter(query.get("labelSelector"));
  const byField = fieldFilter(query.get("fieldSelector"), type.plural);
  return (object) =>
    byLabel(object) && byField(object) && (target.name === undefined || object.metadata.name === target.name);
}
