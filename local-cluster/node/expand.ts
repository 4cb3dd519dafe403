// pure

/**
 * Kubernetes' `$(NAME)` expansion: a known name becomes its value, an unknown one stays as it is, `$$` escapes.
 * Source: k8s.io/kubernetes/third_party/forked/golang/expansion.
 */
export function expandVariables(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(
    /\$\$|\$\(([^)]*)\)/g,
    (whole, name: string | undefined) => whole === "$$" ? "$" : variables[name ?? ""] ?? whole,
  );
}
