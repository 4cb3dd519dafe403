// pure
import { stringifyJson } from "../../contracts/json.ts";

/** A kubeconfig (JSON, which is YAML) for one user with a bearer token, or with a file that holds one. */
export function kubeconfigFor(
  { url, caPem, user, namespace = "default" }: {
    url: string;
    caPem: string;
    user: { token: string } | { tokenFile: string };
    namespace?: string;
  },
): string {
  const name = "local-cluster";
  return stringifyJson({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: url, "certificate-authority-data": btoa(caPem) } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    "current-context": name,
  });
}
