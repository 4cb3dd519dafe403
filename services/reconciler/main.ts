import { sha256Hex } from "../../runtime/digest.ts";
import { runControllerProcess, type ServiceSpec } from "../../runtime/service.ts";
import { reconcilerFlags, settingsFrom } from "./config.ts";
import { defaultsController } from "./defaults/controller.ts";
import { observe, openCaches, sourcesOf } from "./observe.ts";
import { observeSettled } from "./observe-settled.ts";
import { ownImageReader } from "./own-image.ts";
import { planFor, statusAfterFailure } from "./plan.ts";

/** Turns PolicyServers and policies into ConfigMaps, Deployments, Services and verdicts about what runs. */
export const reconciler: ServiceSpec<typeof reconcilerFlags> = {
  name: "reconciler",
  description: "Runs a policy server for every PolicyServer, configured with the policies that are bound to it",
  flags: reconcilerFlags,
  shardable: true,
  start({ kube, cache, run, options, env, log }) {
    const settings = settingsFrom(options);
    const caches = openCaches(cache, settings.namespace);
    const ownImage = ownImageReader({ kube, env, override: options.policyServerImage });
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
      ownImage,
      log,
    }));
  },
};

/** Runs the service from its arguments to the exit of the process. */
export async function main(argv: string[]): Promise<void> {
  await runControllerProcess(reconciler, argv);
}
