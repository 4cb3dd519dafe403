// pure

/** Who asks: authentication.k8s.io UserInfo. */
export type User = {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
};

/** What is asked, as RBAC and SubjectAccessReview see it. With `path` it is a non-resource request. */
export type RequestAttributes = {
  /** get list watch create update patch delete deletecollection, or the lower-case HTTP method for a path. */
  readonly verb: string;
  readonly group?: string;
  readonly version?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly path?: string;
};

export type Decision = { readonly allowed: boolean; readonly reason: string };
