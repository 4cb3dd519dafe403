import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { User } from "../auth/user.ts";
import { groupResourceOf, type ResourceType } from "../schema/resource-type.ts";
import type { StatusError } from "../schema/status-error.ts";
import { authorizeRequest } from "./access.ts";
import type { ApiContext, RequestSeen, WriteInfo, WriteRequest, WriteResult } from "./context.ts";
import { decodeObject } from "./decode.ts";
import { methodNotAllowed, pathNotFound, statusErrorOf, unauthorized } from "./failures.ts";
import { impersonated } from "./impersonation.ts";
import { type Representation, representationOf } from "./negotiation.ts";
import { answerPlainPath } from "./plain-paths.ts";
import { getObject, listObjects, type ReadRequest, represent, watchObjects } from "./read.ts";
import { type RequestInfo, requestInfoOf, type ResourceTarget } from "./request-info.ts";
import { json, withWarnings } from "./responses.ts";
import { subresourceHandler, type SubresourceHooks } from "./subresource-handlers.ts";
import { subresourcesOf, verbsOf } from "./subresources.ts";
import { writeRequestOf } from "./write-request.ts";
import { deleteCollection } from "./write/collection.ts";
import { createObject } from "./write/create.ts";
import { patchObject } from "./write/patch.ts";
import { deleteObject, deleteOptionsOf } from "./write/remove.ts";
import { replaceObject } from "./write/update.ts";

export type RouterOptions = {
  readonly authenticate: (request: Request) => User | undefined;
  /** Answers a review kind (SubjectAccessReview, TokenReview, ...). */
  readonly review: (review: KubeObject, user: User, namespace: string | undefined) => KubeObject;
  readonly hooks: SubresourceHooks;
  /** Whether the cluster's own parts are up: what /readyz says. */
  readonly ready: () => boolean;
  /** Comes before everything else; what it throws is the answer. */
  readonly onRequest?: (info: RequestSeen) => void | Promise<void>;
  readonly onWrite?: (info: WriteInfo) => void | Promise<void>;
};

type Incoming = { context: ApiContext; options: RouterOptions; request: Request; info: RequestInfo; user: User };

/** The API server as a function from request to response; every failure is answered with a metav1.Status. */
export function apiHandler(context: ApiContext, options: RouterOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const warnings: string[] = [];
    try {
      const info = requestInfoOf(request.method, new URL(request.url));
      const sender = options.authenticate(request);
      if (sender === undefined) throw unauthorized();
      const user = impersonated(context, sender, request.headers);
      await options.onRequest?.(seenOf(user, info.verb, resourceOf(info)));
      const response = await route({ context, options, request, info, user }, (text) => warnings.push(text));
      return withWarnings(response, warnings);
    } catch (error) {
      return withWarnings(failure(statusErrorOf(error)), warnings);
    }
  };
}

async function route(incoming: Incoming, warn: (text: string) => void): Promise<Response> {
  const { context, info, user, request } = incoming;
  const { target } = info;
  authorizeRequest(context, user, info);
  if (target === undefined) {
    const { ready } = incoming.options;
    return answerPlainPath(info, { types: context.types, ready: ready(), headers: request.headers });
  }
  const type = context.types.find(target.group, target.version, target.resource);
  if (type === undefined) throw pathNotFound();
  if (type.namespaced && target.namespace === undefined && !["list", "watch"].includes(info.verb)) throw pathNotFound();
  if (!type.namespaced && target.namespace !== undefined && type.plural !== "namespaces") throw pathNotFound();
  if (["list", "watch", "get"].includes(info.verb) && target.subresource === undefined) {
    return read(incoming, type, target);
  }
  const write = await writeRequestOf(request, { info, type, user, warn });
  if (["get", "watch"].includes(info.verb)) return subresource(incoming, write);
  // What stores nothing is no write.
  const onWrite = write.dryRun || type.virtual ? undefined : incoming.options.onWrite;
  const about = writeInfoOf(write, type);
  await onWrite?.({ ...about, phase: "before" });
  const response = await carriedOut(incoming, type, write).catch(async (error) => {
    await onWrite?.({ ...about, phase: "refused" });
    throw error;
  });
  await onWrite?.({ ...about, phase: "after" });
  request.signal.throwIfAborted();
  return response;
}

async function carriedOut(incoming: Incoming, type: ResourceType, write: WriteRequest): Promise<Response> {
  const { context, info, user, options } = incoming;
  if (type.virtual && info.verb === "create") {
    return json(options.review(decodeObject(write), user, write.namespace), 201);
  }
  if (write.subresource !== undefined) return await subresource(incoming, write);
  return answer(incoming, type, await writeTo(context, write, info));
}

function read({ context, info, request }: Incoming, type: ResourceType, target: ResourceTarget): Response {
  if (type.virtual) throw methodNotAllowed();
  const representation = representationOf(request.headers.get("accept"));
  const reading: ReadRequest = { type, target, query: info.query, representation, signal: request.signal };
  switch (info.verb) {
    case "get":
      return json(getObject(context, reading), 200);
    case "list":
      return json(listObjects(context, reading), 200);
    default:
      return new Response(watchObjects(context, reading), { headers: { "Content-Type": "application/json" } });
  }
}

async function writeTo(context: ApiContext, write: WriteRequest, { verb, query }: RequestInfo): Promise<WriteResult> {
  const { type, contentType, body } = write;
  if (!verbsOf(type).includes(verb)) throw methodNotAllowed();
  switch (verb) {
    case "create":
      if (write.name !== undefined) throw methodNotAllowed();
      return await createObject(context, write);
    case "update":
      return await replaceObject(context, write);
    case "patch":
      return await patchObject(context, write, () => authorizeCreate(context, write));
    case "delete":
      return await deleteObject(context, write, deleteOptionsOf(body, contentType, query));
    case "deletecollection":
      return await deleteCollection(context, write, query);
    default:
      throw methodNotAllowed();
  }
}

/** An apply that has to make the object needs the permission to create, too. */
function authorizeCreate(context: ApiContext, { type, namespace, user, name }: WriteRequest): void {
  const { group, version, plural: resource } = type;
  const target = { group, version, resource, name, ...(namespace === undefined ? {} : { namespace }) };
  authorizeRequest(context, user, { method: "POST", path: "", query: new URLSearchParams(), verb: "create", target });
}

async function subresource({ context, options, info }: Incoming, write: WriteRequest): Promise<Response> {
  const served = subresourcesOf(write.type).find(({ name }) => name === write.subresource);
  const handler = served && subresourceHandler(served);
  if (handler === undefined) throw pathNotFound();
  if (!served?.verbs.includes(info.verb)) throw methodNotAllowed();
  const mayCreate = () => authorizeCreate(context, write);
  const result = await handler(context, write, { verb: info.verb, query: info.query, hooks: options.hooks, mayCreate });
  return result instanceof Response ? result : json(result.object, result.code);
}

function answer({ context, info, request }: Incoming, type: ResourceType, { object, code }: WriteResult): Response {
  const isObject = (object as KubeObject).kind === type.kind;
  const representation: Representation = representationOf(request.headers.get("accept"));
  const body = isObject
    ? represent({ type, query: info.query, representation }, object as KubeObject, context.now())
    : object;
  return json(body, code);
}

function seenOf({ username, extra }: User, verb: string, resource: string): RequestSeen {
  const [pod] = extra?.["authentication.kubernetes.io/pod-name"] ?? [];
  return { user: username, verb, resource, ...(pod === undefined ? {} : { pod }) };
}

function resourceOf({ target, path }: RequestInfo): string {
  return target === undefined ? path : target.group === "" ? target.resource : `${target.resource}.${target.group}`;
}

function failure({ status }: StatusError): Response {
  const response = json(status, status.code);
  const { retryAfterSeconds } = status.details ?? {};
  if (retryAfterSeconds !== undefined) response.headers.set("Retry-After", String(retryAfterSeconds));
  return response;
}

function writeInfoOf(write: WriteRequest, type: ResourceType): Omit<WriteInfo, "phase"> {
  const { user, verb, namespace, name = nameInBody(write) } = write;
  return {
    ...seenOf(user, verb, groupResourceOf(type)),
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
  };
}

/** A POST names its object in the body alone; one that cannot be read is refused in a moment. */
function nameInBody({ verb, body, contentType }: WriteRequest): string | undefined {
  if (verb !== "create" || !contentType.includes("json")) return undefined;
  try {
    return (JSON.parse(body) as Partial<KubeObject>).metadata?.name;
  } catch {
    return undefined;
  }
}
