import { apiVersion, caSecretName, ownedObjectName } from "../../contracts/names.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { viewOf } from "../../runtime/kube/object-view.ts";
import { nothingToDo } from "../../runtime/control/plan.ts";
import { runControllerProcess, type ServiceSpec } from "../../runtime/process/service.ts";
import { certsFlags, serviceName } from "./config.ts";
import { issueDue } from "./issue.ts";
import { measureCertificates } from "./measure.ts";
import { auditKey, createObserver } from "./observe.ts";
import { planCertificates } from "./plan.ts";
import { secretKind } from "./secrets.ts";

/**
 * Keeps the certificate authority, one serving certificate per PolicyServer and the client certificate of audit scanners.
 * A key is a PolicyServer's name, or `auditKey`.
 */
export const certsService: ServiceSpec<typeof certsFlags> = {
  name: serviceName,
  description: "Issues and rotates the certificates of policy servers",
  flags: certsFlags,
  start({ kube, log, metrics, cache, run, options }) {
    const namespace = options.deploymentsNamespace;
    const servers = cache({ apiVersion, kind: "PolicyServer" });
    // Not by label: a Secret whose labels someone took away must still be seen.
    const secrets = cache({ ...secretKind, namespace });
    const now = () => new Date();
    const providedSecret = options.providedCaSecret || undefined;
    const settleMs = options.trustSettleTime;
    const observe = createObserver({ namespace, settleMs, providedSecret, servers, secrets, now });
    const measures = measureCertificates(metrics);
    const issuing = { kube, log, secrets, fieldManager: serviceName, now, onIssue: measures.issued };

    const keysOf = ({ metadata: { name } }: KubeObject): string[] => {
      const all = servers.list().map((each) => each.metadata.name);
      const concerned = [caSecretName, providedSecret].includes(name)
        ? all
        : all.filter((each) => ownedObjectName(each) === name);
      // The client certificate follows the serving ones.
      return [...concerned, auditKey];
    };
    run({
      name: serviceName,
      always: [auditKey],
      sources: [
        { cache: servers, keysFor: ({ metadata }) => [metadata.name, auditKey], view: serverView },
        { cache: secrets, keysFor: keysOf },
      ],
      observe: async (key, signal) => {
        const observed = await observe(key);
        const outcome = observed && await issueDue(observed, issuing, signal);
        measures.saw(key, outcome, now());
        return outcome;
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
