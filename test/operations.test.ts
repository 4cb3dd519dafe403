/** The scripts of deploy/scripts with a real kubectl: one cluster, one life of an installation. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { startLocalCluster } from "../local-cluster/cluster.ts";
import { policiesFolder } from "../local-cluster/demo/manifests.ts";
import { serveModules } from "../local-cluster/demo/module-server.ts";
import { eventually } from "../local-cluster/testing/observe.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { scriptsFolder, shellFor } from "./shell.ts";

const overlay = fileURLToPath(new URL("../deploy/kustomize/overlays/default", import.meta.url));
const kubectlBinary = await kubectlPath();
// kubectl comes from an npm package that has it for Linux x64 only.
const step = kubectlBinary === undefined ? test.skip : test;
if (kubectlBinary === undefined) console.log("skipped: there is no kubectl for this machine, so no script is tried");

const modules = kubectlBinary === undefined ? undefined : await serveModules(policiesFolder);
const cluster = kubectlBinary === undefined ? undefined : await startLocalCluster();
const { run, kubectl, script } = shellFor({
  kubectl: kubectlBinary ?? "",
  kubeconfig: cluster?.kubeconfigPath ?? "",
  home: cluster?.dir ?? "",
});
test.after(async () => {
  await cluster?.stop();
  await modules?.stop();
});

const webhookKinds = "validatingwebhookconfigurations,mutatingwebhookconfigurations";
const webhooks = () => kubectl(["get", webhookKinds, "-o", "name"]);
const policy = () =>
  JSON.stringify({
    apiVersion: "policies.kubewarden.io/v1",
    kind: "ClusterAdmissionPolicy",
    metadata: { name: "privileged-pods" },
    spec: {
      module: `http://${modules?.host}/privileged-pods/policy.wasm`,
      mutating: false,
      rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["CREATE"] }],
    },
  });
const untilActive = () =>
  kubectl(["wait", "--for=condition=PolicyActive", "clusteradmissionpolicy/privileged-pods", "--timeout=120s"]);
let pods = 0;
const tryPrivileged = () => run(kubectlBinary!, ["run", `greedy-${pods++}`, "--image=nginx", "--privileged"]);

/** Objects that an uninstallation must not leave, by label, whatever their kind. */
async function leftovers(): Promise<string[]> {
  const listed = async (...args: string[]) => {
    const kinds = (await kubectl(["api-resources", "--verbs=list", ...args, "-o", "name"])).trim().split("\n");
    const found = await Promise.all(
      ["app.kubernetes.io/part-of=kubewarden", "app.kubernetes.io/component=policy-server"].map((label) =>
        kubectl(["get", kinds.join(), "-A", "-l", label, "-o", "name", "--ignore-not-found"])
      ),
    );
    return found.join("").trim().split("\n").filter((line) => line !== "");
  };
  return await listed();
}

step("every script explains itself, and refuses what it does not know", async () => {
  for (const name of ["install.sh", "upgrade.sh", "take-over.sh", "emergency-disable.sh", "uninstall.sh"]) {
    const path = join(scriptsFolder, name);
    const help = await run(path, ["--help"]);
    assert.is(help.code, 0, help.stderr);
    assert.match(help.stdout, new RegExp(`^Usage: ${name}`));
    const unknown = await run(path, ["--frobnicate"]);
    assert.is(unknown.code, 2);
    assert.match(unknown.stderr, "unknown option --frobnicate; see --help");
    const valueless = await run(path, ["--timeout"]);
    assert.is(valueless.code, 2);
    assert.match(valueless.stderr, "--timeout needs a value");
  }
});

step("install.sh brings up the controllers and the default PolicyServer, and may run again", async () => {
  const said = await script("install.sh");
  assert.match(said, "every PolicyServer runs: default");
  await script("install.sh");
  await kubectl(["patch", "policyserver", "default", "--type=merge", "-p", insecure()]);
  await kubectl(["apply", "-f", "-"], policy());
  await untilActive();
});
const insecure = () => JSON.stringify({ spec: { insecureSources: [modules?.host] } });

step("upgrade.sh rolls another image out and keeps every webhook and every active policy", async () => {
  const said = await script("upgrade.sh", "--image", "other.example/kubewarden-edge:0.2.0");
  assert.match(said, "all webhooks are there, all policies are as active as before");
  const path = "jsonpath={.items[*].spec.template.spec.containers[0].image}";
  const images = await kubectl(["get", "deployments", "-n", "kubewarden", "-o", path]);
  assert.equal([...new Set(images.split(" "))], ["other.example/kubewarden-edge:0.2.0"]);
  await untilActive();
});

step("upgrade.sh waits for the image that the reconciler is told to give to policy servers", async () => {
  const tell = (what: string) => kubectl(["set", "env", "deployment/reconciler", "-n", "kubewarden", what]);
  const image = "other.example/kubewarden-edge";
  await tell(`KUBEWARDEN_POLICY_SERVER_IMAGE=${image}:0.2.1`);
  await script("upgrade.sh", "--image", `${image}:0.2.0`);
  const path = "jsonpath={.spec.template.spec.containers[0].image}";
  const imageNow = () => kubectl(["get", "deployment/policy-server-default", "-n", "kubewarden", "-o", path]);
  assert.is(await imageNow(), `${image}:0.2.1`);
  await tell("KUBEWARDEN_POLICY_SERVER_IMAGE-");
  await script("upgrade.sh", "--image", `${image}:0.2.0`);
  assert.is(await imageNow(), `${image}:0.2.0`);
  await untilActive();
});

step("emergency-disable.sh takes every webhook away for good, and --undo brings them back", async () => {
  await eventually("a refusal", async () => (await tryPrivileged()).code !== 0);
  const said = await script("emergency-disable.sh");
  assert.match(said, "no policy is asked any more");
  assert.is(await webhooks(), "");
  await eventually("an admission", async () => (await tryPrivileged()).code === 0);
  assert.is(await webhooks(), "");
  await script("emergency-disable.sh", "--undo");
  await eventually("the webhook", async () => (await webhooks()).includes("clusterwide-privileged-pods"));
  await untilActive();
});

step("uninstall.sh leaves nothing but policies, PolicyServers and their definitions, and these are free", async () => {
  await script("uninstall.sh");
  assert.is(await webhooks(), "");
  assert.equal((await leftovers()).filter((each) => !each.startsWith("customresourcedefinition")), []);
  assert.is(await kubectl(["get", "leases", "-A", "-o", "name"]), "");
  assert.is(await kubectl(["get", "namespace", "kubewarden", "--ignore-not-found"]), "");
  for (const name of ["policyserver/default", "clusteradmissionpolicy/privileged-pods"]) {
    const metadata = JSON.parse(await kubectl(["get", name, "-o", "jsonpath={.metadata}"]));
    assert.is(metadata.finalizers, undefined, name);
    assert.is(metadata.deletionTimestamp, undefined, name);
  }
});

step("install.sh after that goes on with what was kept", async () => {
  await script("install.sh");
  await untilActive();
  await eventually("a refusal", async () => (await tryPrivileged()).code !== 0);
});

step("kubectl delete -k of everything at once hangs, and uninstall.sh frees it: no webhook survives", async () => {
  const { code } = await run(kubectlBinary!, ["delete", "-k", overlay, "--timeout=10s"]);
  assert.is.not(code, 0);
  // The namespace takes the webhooks with it, though a PolicyServer hangs.
  await eventually("no namespace", async () => await kubectl(["get", "ns", "kubewarden", "--ignore-not-found"]) === "");
  await eventually("no webhook", async () => await webhooks() === "");
  await eventually("an admission", async () => (await tryPrivileged()).code === 0);
  const hanging = JSON.parse(await kubectl(["get", "ps,cap", "-o", "json"])).items as KubeObject[];
  assert.ok(hanging.some(({ kind }) => kind === "PolicyServer"));
  for (const { metadata } of hanging) {
    assert.ok(metadata.deletionTimestamp, metadata.name);
    assert.equal(metadata.finalizers, ["kubewarden.io/finalizer"], metadata.name);
  }
  await script("uninstall.sh");
  await eventually("no CRD", async () => await kubectl(["get", "crds", "-o", "name"]) === "");
  assert.equal(await leftovers(), []);
  assert.is(await webhooks(), "");
});

step(
  "uninstall.sh --with-resources removes policies, PolicyServers and their definitions, also of a broken installation",
  async () => {
    await kubectl(["apply", "-f", fileURLToPath(new URL("../deploy/kustomize/base/crds", import.meta.url))]);
    await kubectl(["wait", "--for=condition=Established", "crds", "--all", "--timeout=60s"]);
    const left = {
      ...JSON.parse(policy()),
      metadata: { name: "left", finalizers: ["kubewarden", "kubewarden.io/finalizer"] },
    };
    await eventually(
      "a policy",
      async () => (await run(kubectlBinary!, ["apply", "-f", "-"], JSON.stringify(left))).code === 0,
    );
    await script("uninstall.sh", "--with-resources");
    assert.is(await kubectl(["get", "crds", "-o", "name"]), "");
  },
);

test.run();
