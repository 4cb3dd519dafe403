// pure
import { StatusError } from "../schema/status-error.ts";
import { groupResourceOf, type ResourceType } from "../schema/resource-type.ts";

/** What a failure is about: a type and the object's name. */
export type Subject = { readonly type: Pick<ResourceType, "group" | "plural">; readonly name: string };

export function notFound(subject: Subject): StatusError {
  return new StatusError(404, "NotFound", `${quoted(subject)} not found`, detailsOf(subject));
}

/** A path that nothing is served under. */
export function pathNotFound(): StatusError {
  return new StatusError(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(subject: Subject): StatusError {
  return new StatusError(409, "AlreadyExists", `${quoted(subject)} already exists`, detailsOf(subject));
}

export function conflict(subject: Subject, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${quoted(subject)}: ${why}`;
  return new StatusError(409, "Conflict", message, detailsOf(subject));
}

/** The conflict of optimistic concurrency, in the words clients know. */
export function modifiedMeanwhile(subject: Subject): StatusError {
  return conflict(
    subject,
    "the object has been modified; please apply your changes to the latest version and try again",
  );
}

/** `who` cannot do this. The words after `is forbidden:` are those of k8s.io/apiserver `responsewriters`. */
export function forbidden(message: string, subject: Subject): StatusError {
  return new StatusError(403, "Forbidden", message, detailsOf(subject));
}

export function unauthorized(): StatusError {
  return new StatusError(401, "Unauthorized", "Unauthorized");
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, "BadRequest", message);
}

export function expired(message: string): StatusError {
  return new StatusError(410, "Expired", message);
}

export function methodNotAllowed(
  message = "the server does not allow this method on the requested resource",
): StatusError {
  return new StatusError(405, "MethodNotAllowed", message, {});
}

export function unsupportedMediaType(message: string): StatusError {
  return new StatusError(415, "UnsupportedMediaType", message);
}

export function notAcceptable(message: string): StatusError {
  return new StatusError(406, "NotAcceptable", message);
}

/** Something Kubernetes has and this server does not: said loudly instead of done wrong. */
export function notImplemented(what: string): StatusError {
  return new StatusError(501, "NotImplemented", `the local cluster does not implement ${what}`);
}

/** The StatusError of whatever was thrown; an unknown failure is a 500. */
export function statusErrorOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError(500, "InternalError", `Internal error occurred: ${message}`, {});
}

/** `pods "x"` or `deployments.apps "x"`. */
export function quoted({ type, name }: Subject): string {
  return `${groupResourceOf(type)} "${name}"`;
}

function detailsOf({ type, name }: Subject) {
  return { ...(name === "" ? {} : { name }), ...(type.group === "" ? {} : { group: type.group }), kind: type.plural };
}
