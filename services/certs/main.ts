import { apiVersion, caSecretName, ownedObjectName } from "../../contracts/names.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { viewOf } from "../../runtime/object-view.ts";
import { nothingToDo } from "../../runtime/plan.ts";
import { runControllerProcess, type ServiceSpec } from "../../runtime/service.ts";
import { certsFlags, serviceName } from "./config.ts";
import { issueDue } from "./issue.ts";
import { createObserver } from "./observe.ts";
import { planCertificates } from "./plan.ts";
import { secretKind } from "./secrets.ts";

/** Keeps the certificate authority and one serving certificate per PolicyServer. A key is a PolicyServer's name. */
export const certsService: ServiceSpec<typeof certsFlags> = {
  name: serviceName,
  description: "Issues and rotates the certificates of policy servers",
  flags: certsFlags,
  start({ kube, log, cache, run, options }) {
    const namespace = options.deploymentsNamespace;
    const servers = cache({ apiVersion, kind: "PolicyServer" });
    // Not by label: a Secret whose labels someone took away must still be seen.
    const secrets = cache({ ...secretKind, namespace });
    const now = () => new Date();
    const observe = createObserver({ namespace, settleMs: options.trustSettleTime, servers, secrets, now });
    const issuing = { kube, log, secrets, fieldManager: serviceName, now };

    const serversOf = ({ metadata: { name } }: KubeObject): string[] => {
      const all = servers.list().map((each) => each.metadata.name);
      return name === caSecretName ? all : all.filter((each) => ownedObjectName(each) === name);
    };
    run({
      name: serviceName,
      sources: [
        { cache: servers, keysFor: ({ metadata }) => [metadata.name], view: serverView },
        { cache: secrets, keysFor: serversOf },
      ],
      observe: async (key, signal) => {
        const observed = await observe(key);
        return observed && await issueDue(observed, issuing, signal);
      },
      plan: (observed, at) => observed ? planCertificates(observed, at) : nothingToDo,
    });
  },
};

/** What of a PolicyServer concerns certs: not how its pods are doing. */
function serverView(server: KubeObject): unknown {
  return viewOf(server, {
    conditions: ["CARootSecretReconciled", "CertSecretReconciled"],
    fields: ["caBundle", "trustedCaDigest"],
  });
}

/** Runs the process. */
export async function main(argv: string[]): Promise<void> {
  await runControllerProcess(certsService, argv);
}
