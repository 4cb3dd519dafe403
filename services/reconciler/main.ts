import { sha256Hex } from "../../runtime/digest.ts";
import { runControllerProcess, type ServiceSpec } from "../../runtime/process/service.ts";
import { reconcilerFlags, settingsFrom } from "./config.ts";
import { defaultsController } from "./defaults/controller.ts";
import { allPolicies, observe, openCaches, sourcesOf } from "./observe.ts";
import { policyServerOf } from "./configuration.ts";
import { observeSettled } from "./observe-settled.ts";
import { ownImageReader } from "./own-image.ts";
import { planFor, statusAfterFailure } from "./plan.ts";
import { policyMetric, policySeries } from "./policy-metrics.ts";

/** Turns PolicyServers and policies into ConfigMaps, Deployments, Services and verdicts about what runs. */
export const reconciler: ServiceSpec<typeof reconcilerFlags> = {
  name: "reconciler",
  description: "Runs a policy server for every PolicyServer, configured with the policies that are bound to it",
  flags: reconcilerFlags,
  shardable: true,
  start({ kube, cache, run, mine, options, env, log, metrics }) {
    const settings = settingsFrom(options, env);
    if (settings.hostNetwork) log.warn("policy servers use the network of their nodes: their ports must be free there");
    const caches = openCaches(cache, settings);
    const ownImage = ownImageReader({ kube, env, override: options.policyServerImage });
    // Only who works on them tells of them: the sum over all replicas is the number of policies.
    metrics.observed(
      policyMetric.name,
      policyMetric.help,
      () => policySeries(allPolicies(caches).filter((policy) => mine(policyServerOf(policy)))),
    );
    run({
      name: "reconciler",
      sources: sourcesOf(caches),
      observe: async (name, signal) => {
        const image = await ownImage(signal);
        return await observeSettled(() => observe(caches, name, settings, image), { kube, signal });
      },
      plan: (observed) => planFor(observed, sha256Hex),
      onFailure: (observed, failures) => statusAfterFailure(observed, failures, sha256Hex),
    }, { workers: 4 });
    run(defaultsController({
      servers: caches.servers,
      configMap: cache({
        apiVersion: "v1",
        kind: "ConfigMap",
        namespace: settings.namespace,
        fieldSelector: `metadata.name=${options.defaultsConfigmapName}`,
      }),
      log,
    }));
  },
};

/** Runs the service from its arguments to the exit of the process. */
export async function main(argv: string[]): Promise<void> {
  await runControllerProcess(reconciler, argv);
}
