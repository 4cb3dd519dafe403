import { messageOf } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { apiVersion, labels, partOfValue, type PolicyKind } from "../../contracts/names.ts";
import { policyKey } from "../../contracts/policy-checks.ts";
import { indexObjects } from "../../runtime/kube/object-index.ts";
import { runControllerProcess, type ServiceSpec } from "../../runtime/process/service.ts";
import { registrarFlags, serviceName, userNamesOf } from "./config.ts";
import {
  isPolicyKey,
  keysForPolicy,
  keysForWebhook,
  parseKey,
  serverKey,
  serverNameOf,
  serversCalledBy,
} from "./keys.ts";
import { observe, serverOfKey } from "./observe.ts";
import { ownerOfWebhooks } from "./owner.ts";
import { planRegistration, statusAfterFailure } from "./plan.ts";
import { isRefusal } from "./refusal.ts";
import { observeRelaxedWebhooks } from "./relaxed-metric.ts";
import { policyView, serverOfPolicyView, serverView } from "./views.ts";
import { webhookApiVersion } from "./webhook.ts";
import { uniqueNameOf, type World } from "./world.ts";

/** Registers a webhook for every policy that is served. A key is a policy or a PolicyServer. */
export const registrarService: ServiceSpec<typeof registrarFlags> = {
  name: serviceName,
  description: "Registers policies with the API server once their policy server serves them",
  flags: registrarFlags,
  shardable: true,
  async start({ kube, cache, run, log, options, metrics, signal }) {
    const namespace = options.deploymentsNamespace;
    const policyCache = (kind: PolicyKind) => cache({ apiVersion, kind });
    const webhookCache = (kind: string) =>
      cache({ apiVersion: webhookApiVersion, kind, labelSelector: `${labels.partOf}=${partOfValue}` });

    const servers = cache({ apiVersion, kind: "PolicyServer" });
    const policies = {
      AdmissionPolicy: policyCache("AdmissionPolicy"),
      AdmissionPolicyGroup: policyCache("AdmissionPolicyGroup"),
      ClusterAdmissionPolicy: policyCache("ClusterAdmissionPolicy"),
      ClusterAdmissionPolicyGroup: policyCache("ClusterAdmissionPolicyGroup"),
    };
    const webhooks = {
      MutatingWebhookConfiguration: webhookCache("MutatingWebhookConfiguration"),
      ValidatingWebhookConfiguration: webhookCache("ValidatingWebhookConfiguration"),
    };
    const controllers = userNamesOf(options.controllerServiceAccounts, namespace);
    const policiesOf = indexObjects(Object.values(policies), (policy) => [serverNameOf(policy)]);
    const world: Omit<World, "policyPassesEnded"> = {
      kube,
      fieldManager: serviceName,
      namespace,
      owner: await ownerOfWebhooks({ kube, namespace, log, signal }),
      controllers,
      servers,
      policies,
      webhooks,
      policiesNamed: indexObjects(Object.values(policies), (policy) => [uniqueNameOf(policy)]),
      webhooksOf: indexObjects(Object.values(webhooks), serversCalledBy),
      now: () => new Date(),
    };
    observeRelaxedWebhooks(metrics, world);

    run({
      name: serviceName,
      sources: [
        { cache: servers, keysFor: ({ metadata }) => [serverKey(metadata.name)], view: serverView },
        {
          cache: servers,
          keysFor: ({ metadata }) => policiesOf.get(metadata.name).map(policyKey),
          view: serverOfPolicyView,
        },
        ...Object.values(policies).map((each) => ({ cache: each, keysFor: keysForPolicy, view: policyView })),
        ...Object.values(webhooks).map((each) => ({
          cache: each,
          keysFor: (configuration: KubeObject) =>
            keysForWebhook(configuration, world.policiesNamed.get(configuration.metadata.name)),
        })),
      ],
      observe: (key, signal, passesEnded) =>
        observe(parseKey(key), { ...world, policyPassesEnded: () => passesEnded(isPolicyKey) }, signal),
      plan: planRegistration,
      shareOf: (key) => serverOfKey(parseKey(key), world),
      onFailure: (observed, failures) =>
        statusAfterFailure(observed, {
          message: failures.map(({ error }) => messageOf(error)).join("; "),
          refused: failures.some(({ error }) => isRefusal(error)),
        }),
    });
  },
};

/** Runs the process. */
export async function main(argv: string[]): Promise<void> {
  await runControllerProcess(registrarService, argv);
}
