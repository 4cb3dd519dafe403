// Policies that ask the cluster, in pods: with the rights that docs/operations says they need, and without any.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseAllDocuments } from "yaml";
import { findCondition } from "../contracts/conditions.ts";
import { messageOf } from "../contracts/errors.ts";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { apiVersion } from "../contracts/names.ts";
import { policy, untilPolicyStatus } from "../local-cluster/demo/looks.ts";
import { until } from "../local-cluster/demo/until.ts";
import { applyAll, installedCluster, untilObject } from "./installed-cluster.ts";

const folder = await mkdtemp(join(tmpdir(), "context-modules-"));
const installed = await installedCluster({ moreModules: folder });
const { kube, stage, modules } = installed;
test.after(async () => {
  await installed.stop();
  await rm(folder, { recursive: true });
});

/** The account, its rights and the PolicyServer of the manual. */
async function manifestsOfTheManual(): Promise<KubeObject[]> {
  const manual = await readFile(new URL("../docs/operations/context-aware.md", import.meta.url), "utf8");
  const [, text = ""] = /```yaml\n([^]*?)```/.exec(manual) ?? [];
  return parseAllDocuments(text).map((each) => each.toJS() as KubeObject);
}

function uniqueNamesOn(server: string): KubeObject {
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], resources: ["services"], operations: ["CREATE"] }];
  return {
    apiVersion,
    kind: "ClusterAdmissionPolicy",
    metadata: { name: `unique-${server}` },
    spec: {
      module: `${modules.examples}/unique-external-names/policy.wasm`,
      policyServer: server,
      mutating: false,
      rules,
      contextAwareResources: [{ apiVersion: "v1", kind: "Service" }],
    },
  };
}

async function createService(name: string): Promise<string> {
  const spec = { type: "ExternalName", externalName: "taken.example.com" };
  try {
    await kube.create({ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec });
    return "created";
  } catch (error) {
    return messageOf(error);
  }
}

test("context: a policy server with the rights of the manual serves a policy that asks the cluster", async () => {
  const insecureSources = [new URL(modules.examples).host];
  const manifests = (await manifestsOfTheManual()).map((object) =>
    object.kind === "PolicyServer" ? { ...object, spec: { ...object.spec as object, insecureSources } } : object
  );
  assert.ok(manifests.some(({ kind }) => kind === "PolicyServer"));
  await applyAll(kube, [...manifests, uniqueNamesOn("context")]);
  await untilPolicyStatus(stage, policy("ClusterAdmissionPolicy", "unique-context"), "active");
  await until("a first Service", async () => await createService("first") === "created" || "refused", stage.wait);
  let denial = "";
  await until("the refusal of a second one", async () => {
    denial = await createService("second");
    if (denial !== "created") return true;
    // The copy that the policy looks at lags behind the cluster.
    await kube.remove({ apiVersion: "v1", kind: "Service", name: "second", namespace: "default" });
    return denial;
  }, stage.wait);
  assert.match(denial, "There is a Service with the external name 'taken.example.com' already");
});

test("context: without a token the policy's condition says what is missing", async () => {
  await applyAll(kube, [uniqueNamesOn("default")]);
  await untilObject(stage, policy("ClusterAdmissionPolicy", "unique-default"), (object) => {
    const { message = "no condition" } = findCondition(object, "PolicyUniquelyReachable") ?? {};
    return message.includes("Cannot connect to Kubernetes, context aware policies would not work properly") || message;
  });
});

test.run();
