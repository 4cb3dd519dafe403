/** The shipped overlay and the examples, driven by a real kubectl: one cluster, one story, a test for each command. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { conditionOwners } from "../contracts/status-owners.ts";
import { startLocalCluster } from "../local-cluster/cluster.ts";
import { policiesFolder } from "../local-cluster/demo/manifests.ts";
import { serveModules } from "../local-cluster/demo/module-server.ts";
import { kubectlPath } from "../tools/kubectl.ts";

const overlay = join(dirname(fileURLToPath(import.meta.url)), "..", "deploy", "kustomize", "overlays", "default");
const kubectl = await kubectlPath();
// kubectl comes from an npm package that has it for Linux x64 only.
const step = kubectl === undefined ? test.skip : test;

type Outcome = { code: number; stdout: string; stderr: string };

const modules = kubectl === undefined ? undefined : await serveModules(policiesFolder);
const cluster = kubectl === undefined ? undefined : await startLocalCluster();

/** Runs kubectl to its end; a command that waits says for how long by itself. */
function run(args: string[], input = ""): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // Its discovery cache goes where the cluster's files are.
    const env = { ...process.env, KUBECONFIG: cluster?.kubeconfigPath, HOME: cluster?.dir };
    const child = spawn(kubectl ?? "", args, { env });
    let stdout = "", stderr = "";
    child.stdout.on("data", (chunk) => stdout += chunk);
    child.stderr.on("data", (chunk) => stderr += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.end(input);
  });
}

async function succeed(args: string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await run(args, input);
  assert.is(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

function policy(name: string, spec: Record<string, unknown>): string {
  return JSON.stringify({
    apiVersion: "policies.kubewarden.io/v1",
    kind: "ClusterAdmissionPolicy",
    metadata: { name },
    spec: {
      module: `http://${modules?.host}/privileged-pods/policy.wasm`,
      mutating: false,
      rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["CREATE"] }],
      settings: {},
      ...spec,
    },
  });
}

test.after(async () => {
  await cluster?.stop();
  await modules?.stop();
});

step("kubectl kustomize renders the overlay without warnings, and one apply on an empty cluster succeeds", async () => {
  const rendered = await run(["kustomize", overlay]);
  assert.is(rendered.code, 0, rendered.stderr);
  assert.is(rendered.stderr, "");
  const applied = await run(["apply", "-f", "-"], rendered.stdout);
  assert.is(applied.code, 0, applied.stderr);
  assert.is(applied.stderr, "");
});

step("the controllers roll out, and the default PolicyServer comes up by itself", async () => {
  for (const name of ["certs", "reconciler", "webhook-registrar"]) {
    await succeed(["rollout", "status", `deployment/${name}`, "-n", "kubewarden", "--timeout=60s"]);
  }
  await succeed(["wait", "--for=create", "deployment/policy-server-default", "-n", "kubewarden", "--timeout=60s"]);
  await succeed(["rollout", "status", "deployment/policy-server-default", "-n", "kubewarden", "--timeout=60s"]);
});

step("apply of a policy, and wait until it is active", async () => {
  const patch = JSON.stringify({ spec: { insecureSources: [modules?.host] } });
  await succeed(["patch", "policyserver", "default", "--type=merge", "-p", patch]);
  await succeed(["apply", "-f", "-"], policy("privileged-pods", {}));
  await succeed(["wait", "--for=condition=PolicyActive", "cap/privileged-pods", "--timeout=90s"]);
});

step("wait works on every condition, and each is about the present generation", async () => {
  const ofPolicies = ["PolicyServerConfigurationUpToDate", "PolicyUniquelyReachable", "PolicyActive"];
  const whileDeleted = "PolicyWebhooksCleanedUp";
  const ofServers = Object.keys(conditionOwners).filter((each) => ![...ofPolicies, whileDeleted].includes(each));
  const asked: [string, string[]][] = [["ps/default", ofServers], ["cap/privileged-pods", ofPolicies]];
  for (const [object, types] of asked) {
    for (const type of types) await succeed(["wait", `--for=condition=${type}`, object, "--timeout=60s"]);
    const { metadata, status } = JSON.parse(await succeed(["get", object, "-o", "json"])) as {
      metadata: { generation: number };
      status: { conditions: { type: string; observedGeneration?: number }[] };
    };
    assert.equal(status.conditions.map(({ type }) => type).sort(), [...types].sort());
    for (const { type, observedGeneration } of status.conditions) {
      assert.is(observedGeneration, metadata.generation, type);
    }
  }
});

step("get knows the short names and shows the printer columns", async () => {
  const listed = await succeed(["get", "ps,cap,ap"]);
  assert.match(listed, /policyserver\.policies\.kubewarden\.io\/default/);
  assert.match(listed, /NAME\s+POLICY SERVER\s+MUTATING\s+BACKGROUNDAUDIT\s+MODE\s+OBSERVED MODE\s+STATUS\s+AGE/);
  assert.match(listed, /privileged-pods\s+default\s+false\s+true\s+protect\s+protect\s+active/);
});

step("describe shows the conditions", async () => {
  const described = await succeed(["describe", "cap", "privileged-pods"]);
  assert.match(described, /Type:\s+PolicyActive/);
  assert.match(described, /Type:\s+PolicyUniquelyReachable/);
});

step("describe shows an Event for each change of them, from both services that write them", async () => {
  const described = await succeed(["describe", "cap", "privileged-pods"]);
  const [, events = ""] = described.split("\nEvents:");
  assert.match(events, /Normal\s+PolicyActive\s.*webhook-registrar\s+PolicyActive is True/);
  assert.match(events, /Normal\s+LatestReplicaSetIsUniquelyReachable\s.*reconciler\s+PolicyUniquelyReachable is True/);
  assert.match(events, /Normal\s+PolicyStatusChanged\s.*webhook-registrar\s+policyStatus is active/);
  const [, ofServer = ""] = (await succeed(["describe", "ps", "default"])).split("\nEvents:");
  assert.match(ofServer, /Normal\s+ReconciliationSucceeded\s.*certs\s+CertSecretReconciled is True/);
  assert.match(ofServer, /Normal\s+PodsReady\s.*reconciler\s+PodsReady is True/);
});

step("run of a privileged pod is denied in the policy's own words, a modest one is created", async () => {
  // The API server reads a new webhook configuration late, so the first attempts may still pass.
  let denied = await run(["run", "greedy-0", "--image=nginx", "--privileged"]);
  for (let count = 1; denied.code === 0; count++) {
    denied = await run(["run", `greedy-${count}`, "--image=nginx", "--privileged"]);
  }
  assert.match(
    denied.stderr,
    /admission webhook "clusterwide-privileged-pods.kubewarden.admission" denied the request/,
  );
  assert.match(await succeed(["run", "modest", "--image=nginx"]), /pod\/modest created/);
  assert.match(await succeed(["get", "pod", "modest"]), /modest\s+0\/1/);
});

step("apply of a policy with a wrong field is refused, with the field's name", async () => {
  const { code, stderr } = await run(["apply", "-f", "-"], policy("wrong", { modul: "x" }));
  assert.is.not(code, 0);
  assert.match(stderr, /strict decoding error: unknown field "spec.modul"/);
  const { stderr: mode } = await run(["apply", "-f", "-"], policy("wrong", { mode: "shout" }));
  assert.match(mode, /spec.mode: Unsupported value: "shout"/);
});

step("patch of all three kinds", async () => {
  await succeed(["create", "configmap", "c", "--from-literal=k=1"]);
  await succeed(["patch", "configmap", "c", "-p", '{"data":{"strategic":"1"}}']);
  await succeed(["patch", "configmap", "c", "--type=merge", "-p", '{"data":{"k":null}}']);
  await succeed(["patch", "configmap", "c", "--type=json", "-p", '[{"op":"add","path":"/data/json","value":"2"}]']);
  const data = await succeed(["get", "configmap", "c", "-o", "jsonpath={.data}"]);
  assert.equal(JSON.parse(data), { strategic: "1", json: "2" });
});

step("server-side apply tells of a conflict, and takes the field when forced", async () => {
  const config = (value: string) =>
    JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { json: value } });
  const { code, stderr } = await run(["apply", "--server-side", "-f", "-"], config("3"));
  assert.is.not(code, 0);
  assert.match(stderr, /Apply failed with 1 conflict/);
  await succeed(["apply", "--server-side", "--force-conflicts", "-f", "-"], config("3"));
});

step("logs of a policy-server pod", async () => {
  const logs = await succeed(["logs", "-n", "kubewarden", "deployment/policy-server-default"]);
  assert.match(logs, /privileged-pods/);
});

step("a second apply of the overlay changes nothing, and server-side apply takes over without a conflict", async () => {
  const again = await succeed(["apply", "-k", overlay]);
  assert.equal(again.split("\n").filter((line) => line !== "" && !line.endsWith(" unchanged")), []);
  await succeed(["apply", "--server-side", "-k", overlay]);
});

step("delete of a policy takes its webhook with it, and the pod may run", async () => {
  await succeed(["delete", "cap", "privileged-pods", "--timeout=60s"]);
  const webhooks = await succeed(["get", "validatingwebhookconfigurations", "-o", "name"]);
  assert.not.match(webhooks, /privileged-pods/);
  await succeed(["delete", "pod", "modest", "--timeout=60s"]);
});

test.run();
