import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { deployment, policyServer } from "../test-objects.ts";
import { replicasFor } from "./replicas.ts";

/** The Deployment as it stands: what was applied for the PolicyServer, and what somebody may have made of it. */
function standing({ applied, replicas }: { applied?: string; replicas?: number }): KubeObject {
  const object = deployment("v1");
  const annotations = { ...object.metadata.annotations, ...(applied && { "kubewarden.io/applied-replicas": applied }) };
  return { ...object, metadata: { ...object.metadata, annotations, resourceVersion: "7" }, spec: { replicas } };
}

for (
  const [title, wanted, deployment, replicas] of [
    ["there is no Deployment", 3, undefined, { replicas: 3 }],
    ["it changed", 3, standing({ applied: "1", replicas: 5 }), { replicas: 3 }],
    ["it changed to 0", 0, standing({ applied: "1", replicas: 5 }), { replicas: 0 }],
    ["nobody knows what was applied", 3, standing({ replicas: 5 }), { replicas: 3 }],
  ] as const
) {
  test(`replicas: those of the PolicyServer when ${title}`, () =>
    assert.equal(replicasFor(policyServer({ replicas: wanted }), deployment), replicas));
}

for (
  const [title, wanted, deployment, replicas] of [
    ["an autoscaler changed them", 1, standing({ applied: "1", replicas: 5 }), 5],
    ["somebody scaled it to 0", 1, standing({ applied: "1", replicas: 0 }), 0],
    ["a PolicyServer of 0 was scaled up", 0, standing({ applied: "0", replicas: 2 }), 2],
  ] as const
) {
  test(`replicas: those of the Deployment, as long as nobody writes it meanwhile, when ${title}`, () =>
    assert.equal(replicasFor(policyServer({ replicas: wanted }), deployment), { replicas, asOf: "7" }));
}

test.run();
