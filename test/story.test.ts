import { test } from "uvu";
import { startLocalCluster } from "../local-cluster/cluster.ts";
import { policiesFolder } from "../local-cluster/demo/manifests.ts";
import { serveModules } from "../local-cluster/demo/module-server.ts";
import { storyOf } from "../local-cluster/demo/story.ts";
import { connectKube } from "../runtime/kube/kube.ts";
import { renderKustomization } from "../tools/kustomize.ts";
import { overlay } from "./installed-cluster.ts";

const modules = await serveModules(policiesFolder);
const cluster = await startLocalCluster();
test.after(async () => {
  await cluster.stop();
  await modules.stop();
});

const failed = new AbortController();
const stage = {
  kube: await connectKube({ kubeconfig: cluster.kubeconfigPath, userAgent: "story" }),
  modulesHost: modules.host,
  wait: { limitMs: 60_000, signal: failed.signal },
};

for (const step of storyOf(await renderKustomization(overlay))) {
  test(`story: ${step.title}`, async () => {
    try {
      await step.run(stage);
    } catch (error) {
      // Every later step builds on this one: none of them is worth its time limit.
      failed.abort(new Error(`an earlier step failed: ${step.title}`));
      throw error;
    }
  });
}

test.run();
