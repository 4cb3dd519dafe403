import type { KubeObject } from "../../contracts/kubernetes.ts";
import { recordAt, strings } from "../schema/builtin/access.ts";
import { isRecord } from "../schema/schema.ts";
import { StatusError } from "../schema/status-error.ts";
import { type AuthenticationContext, userOfToken } from "./authenticate.ts";
import type { ObjectReader } from "./object-reader.ts";
import { authorize, grantsOf } from "./rbac.ts";
import type { RequestAttributes, User } from "./user.ts";

/**
 * Answers a review object (authorization.k8s.io and authentication.k8s.io): the same object with its status. `namespace`
 * is the path's, for LocalSubjectAccessReview.
 */
export function answerReview(
  review: KubeObject,
  context: AuthenticationContext & { user: User; namespace?: string | undefined },
): KubeObject {
  const spec = recordAt(review, "spec") ?? {};
  switch (review.kind) {
    case "SelfSubjectAccessReview":
      return { ...review, status: decide(context.user, spec, context.reader) };
    case "SubjectAccessReview":
      return { ...review, status: decide(userOfSpec(spec), spec, context.reader) };
    case "LocalSubjectAccessReview": {
      if (recordAt(spec, "resourceAttributes")?.namespace !== context.namespace) {
        throw new StatusError(400, "BadRequest", `spec.resourceAttributes.namespace must be ${context.namespace}`);
      }
      return { ...review, status: decide(userOfSpec(spec), spec, context.reader) };
    }
    case "SelfSubjectRulesReview":
      return { ...review, status: rulesFor(context.user, String(spec.namespace ?? "default"), context.reader) };
    case "SelfSubjectReview":
      return { ...review, status: { userInfo: userInfoOf(context.user) } };
    case "TokenReview": {
      const user = userOfToken(String(spec.token ?? ""), context);
      return {
        ...review,
        status: user
          ? { authenticated: true, user: userInfoOf(user), ...(spec.audiences ? { audiences: spec.audiences } : {}) }
          : { user: {}, error: "invalid bearer token" },
      };
    }
    default:
      throw new StatusError(405, "MethodNotAllowed", `no answer to a ${review.kind} here`);
  }
}

/** authentication.k8s.io UserInfo, as admission requests and reviews carry it. */
export function userInfoOf({ username, uid, groups, extra }: User): Record<string, unknown> {
  return { username, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}

function userOfSpec(spec: Record<string, unknown>): User {
  return { username: String(spec.user ?? ""), groups: strings(spec.groups) };
}

function decide(user: User, spec: Record<string, unknown>, reader: ObjectReader): Record<string, unknown> {
  const attributes = attributesOf(spec);
  if (!attributes) {
    throw new StatusError(
      422,
      "Invalid",
      "exactly one of nonResourceAttributes or resourceAttributes must be specified",
    );
  }
  const { allowed, reason } = authorize(user, attributes, reader);
  return { allowed, ...(reason ? { reason } : {}) };
}

function attributesOf(spec: Record<string, unknown>): RequestAttributes | undefined {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  const text = (value: unknown) => typeof value === "string" && value !== "" ? value : undefined;
  if (isRecord(path) === isRecord(resource)) return undefined;
  if (isRecord(path)) return { verb: String(path.verb), path: String(path.path) };
  if (!isRecord(resource)) return undefined;
  const entries = ["group", "version", "resource", "subresource", "namespace", "name"].map((each) =>
    [each, text(resource[each])] as const
  );
  return {
    verb: String(resource.verb),
    ...Object.fromEntries(entries.filter((entry) => entry[1] !== undefined)),
  };
}

function rulesFor(user: User, namespace: string, reader: ObjectReader): Record<string, unknown> {
  const rules = [...grantsOf(user, namespace, reader)].map(({ rule }) => rule);
  return {
    resourceRules: rules.filter((each) => each.resources.length > 0).map(({ nonResourceURLs: _, ...rule }) => rule),
    nonResourceRules: rules.filter((each) => each.nonResourceURLs.length > 0).map(({ verbs, nonResourceURLs }) => ({
      verbs,
      nonResourceURLs,
    })),
    incomplete: false,
  };
}
