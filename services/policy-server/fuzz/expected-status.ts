// pure
import { isObject, strictJson, tooDeep } from "./strict-json.ts";
import { isStringList } from "./well-formed.ts";

/** A request as a client sends it to the API. */
export type Sent = { pathname: string; method: string; contentType: string; body: Uint8Array };

export type Expected = { status: number; uid?: string };

/**
 * What a request must be answered with, told by section 2 of reference/policy-server.md alone and written without a look at
 * the server's own readers. `policies`: the ids that are served.
 */
export function expectedOf({ pathname, method, contentType, body }: Sent, policies: readonly string[]): Expected {
  const [, endpoint, segment] = /^\/(validate|audit|validate_raw)\/([^/]+)$/.exec(pathname) ?? [];
  const id = segment === undefined ? undefined : decoded(segment);
  if (endpoint === undefined || id === undefined) return { status: 404 };
  if (method !== "POST") return { status: 405 };
  if (!/^\s*application\/([^/]+\+)?json\s*(;|$)/i.test(contentType)) return { status: 415 };
  const json = strictJson(body);
  // Lists and the like are refused for their shape, however deep.
  if (json === undefined || (isObject(json.value) && json.depth > tooDeep)) return { status: 400 };
  const request = (json.value as { request?: unknown } | null)?.request;
  const uid = (request as { uid?: unknown } | null | undefined)?.uid;
  if (endpoint === "validate_raw" ? !hasRequest(json.value) : !isReview(json.value)) return { status: 422 };
  const parts = id.split("/");
  if (parts.length > 2 || parts.includes("")) return { status: 500 };
  if (!policies.includes(id)) return { status: 404 };
  return { status: 200, uid: typeof uid === "string" ? uid : "" };
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // No percent-encoding.
    return undefined;
  }
}

const isText = (value: unknown) => typeof value === "string";
const isTextOrNone = (value: unknown) => value === undefined || value === null || isText(value);

function hasRequest(json: unknown): boolean {
  return isObject(json) && Object.hasOwn(json, "request");
}

function isReview(json: unknown): boolean {
  if (!isObject(json) || !isTextOrNone(json["kind"]) || !isTextOrNone(json["apiVersion"])) return false;
  const request = Object.hasOwn(json, "request") ? json["request"] : undefined;
  if (!isObject(request)) return false;
  const { uid, kind, resource, operation, userInfo, requestKind, requestResource, dryRun } = request;
  return isText(uid) && isText(operation) && isTriple(kind, "kind") && isTriple(resource, "resource") &&
    (requestKind === undefined || requestKind === null || isTriple(requestKind, "kind")) &&
    (requestResource === undefined || requestResource === null || isTriple(requestResource, "resource")) &&
    (dryRun === undefined || dryRun === null || typeof dryRun === "boolean") &&
    ["subResource", "requestSubResource", "name", "namespace"].every((name) => isTextOrNone(request[name])) &&
    isUser(userInfo);
}

function isTriple(value: unknown, last: string): boolean {
  return isObject(value) && ["group", "version", last].every((name) => isText(value[name]));
}

function isUser(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { username, uid, groups, extra } = value;
  return isTextOrNone(username) && isTextOrNone(uid) &&
    (groups === undefined || groups === null || isStringList(groups)) &&
    (extra === undefined || extra === null || (isObject(extra) && Object.values(extra).every(isStringList)));
}
