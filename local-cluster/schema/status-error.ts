// pure
import { type FieldError, renderFieldErrors } from "./field-error.ts";

/** metav1.Status of a failure. */
export type FailureStatus = {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Record<string, never>;
  readonly status: "Failure";
  readonly message: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
};

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly retryAfterSeconds?: number;
  readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field?: string }[];
};

/** A request the API server refuses: thrown anywhere on its way, written to the client as a metav1.Status. */
export class StatusError extends Error {
  readonly status: FailureStatus;

  constructor(code: number, reason: string | undefined, message: string, details?: StatusDetails) {
    super(message);
    this.name = "StatusError";
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      ...(reason === undefined ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

/** `Deployment.apps "x" is invalid: spec.replicas: Required value`, 422 with one cause per field. */
export function invalidObject(
  kind: { group: string; kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const qualified = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  return new StatusError(422, "Invalid", `${qualified} "${name}" is invalid: ${renderFieldErrors(errors)}`, {
    name,
    group: kind.group,
    kind: kind.kind,
    causes: errors.map(({ path, reason, message }) => ({ reason, message, field: path })),
  });
}

/** `pods "x" is forbidden: <why>`. */
export function forbiddenRequest(
  resource: { group: string; plural: string },
  name: string,
  why: string,
): StatusError {
  const qualified = resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
  const message = name === "" ? `${qualified} is forbidden: ${why}` : `${qualified} "${name}" is forbidden: ${why}`;
  return new StatusError(403, "Forbidden", message, {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
  });
}
