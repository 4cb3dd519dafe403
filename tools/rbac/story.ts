import { findCondition } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { apiVersion, policyKindNames } from "../../contracts/names.ts";
import { policy, policyServer, type Stage, untilCondition, untilGone } from "../../local-cluster/demo/looks.ts";
import { until } from "../../local-cluster/demo/until.ts";
import {
  fieldManager,
  inNamespace,
  orphanOf,
  owned,
  patch,
  policyFor,
  refOfPolicy,
  untilThere,
  versionsOf,
  webhookRef,
} from "./moves.ts";

/** An image that only lives and dies as a policy server does (test/doubles/policy-server.ts). */
export const policyServerImage = "policy-server-double:1";

type Step = { title: string; run(stage: Stage): Promise<void> };

const secret = inNamespace("v1", "Secret", owned);
const budget = inNamespace("policy/v1", "PodDisruptionBudget", owned);
const policies = policyKindNames.map((kind) => policyFor(kind, "p"));
const mutating = policyFor("ClusterAdmissionPolicy", "m", { mutating: true });
const validating = webhookRef("Validating", policyFor("ClusterAdmissionPolicy", "p"));

/**
 * What the three controllers need their rights for, all of it: the steps that check-rbac.ts plays. A new right needs a
 * step that uses it.
 */
export const story: readonly Step[] = [
  {
    title: "the default PolicyServer comes up",
    run: async (stage) => {
      await untilCondition(stage, policyServer("default"), "CertSecretReconciled");
      await untilCondition(stage, policyServer("default"), "DeploymentReconciled");
    },
  },
  {
    title: "policies of every kind become active",
    run: async (stage) => {
      for (const object of [...policies, mutating]) await stage.kube.apply(object, { fieldManager });
      for (const object of [...policies, mutating]) await untilCondition(stage, refOfPolicy(object), "PolicyActive");
    },
  },
  {
    title: "a changed policy is rolled out, and the old configuration goes",
    run: async (stage) => {
      const before = await versionsOf(stage);
      await patch(stage, policy("ClusterAdmissionPolicy", "p"), { spec: { settings: { changed: true } } });
      await until("the old ConfigMaps gone", async () => {
        const left = (await versionsOf(stage)).filter((each) => before.includes(each));
        return left.length === 0 || left.join();
      }, stage.wait);
    },
  },
  {
    title: "a budget comes and goes",
    run: async (stage) => {
      await patch(stage, policyServer("default"), { spec: { minAvailable: 1 } });
      await untilThere(stage, budget);
      await patch(stage, policyServer("default"), { spec: { minAvailable: null } });
      await untilGone(stage, budget);
    },
  },
  {
    title: "what was changed by hand is put back",
    run: async (stage) => {
      const label = "app.kubernetes.io/part-of";
      await patch(stage, secret, { metadata: { labels: { [label]: null } } });
      await until(
        "the label of the Secret",
        async () => (await stage.kube.get(secret))?.metadata.labels?.[label] !== undefined || "none",
        stage.wait,
      );
      await patch(stage, secret, { data: { "tls.crt": null } });
      await until(
        "the certificate",
        async () => ((await stage.kube.get(secret))?.data as Record<string, string>)["tls.crt"] !== undefined || "none",
        stage.wait,
      );
      await stage.kube.remove(validating);
      await untilThere(stage, validating);
    },
  },
  {
    title: "a webhook without its label is found while nobody serves its policy",
    run: async (stage) => {
      const label = "app.kubernetes.io/part-of";
      const served = policy("ClusterAdmissionPolicy", "p");
      await patch(stage, policyServer("default"), { spec: { replicas: 0 } });
      await until("a policy that nobody serves", async () => {
        const found = await stage.kube.get(served);
        return found && findCondition(found, "PolicyUniquelyReachable")?.status === "False" || "served";
      }, stage.wait);
      await patch(stage, validating, { metadata: { labels: { [label]: null } } });
      await until(
        "the label of the webhook",
        async () => (await stage.kube.get(validating))?.metadata.labels?.[label] !== undefined || "none",
        stage.wait,
      );
      await patch(stage, policyServer("default"), { spec: { replicas: 1 } });
      await untilCondition(stage, served, "PolicyUniquelyReachable");
    },
  },
  {
    title: "what the defaults cannot say is said on their ConfigMap",
    run: async (stage) => {
      const defaults = inNamespace("v1", "ConfigMap", "kubewarden-defaults");
      await patch(stage, defaults, { data: { "bad.yaml": "a: [" } });
      await until(
        "an annotation",
        async () => (await stage.kube.get(defaults))?.metadata.annotations !== undefined || "none",
        stage.wait,
      );
    },
  },
  {
    title: "policies are deleted, and their webhooks go",
    run: async (stage) => {
      for (const object of [...policies, mutating]) await stage.kube.remove(refOfPolicy(object));
      for (const object of [...policies, mutating]) {
        await untilGone(stage, refOfPolicy(object));
        await untilGone(stage, webhookRef(object === mutating ? "Mutating" : "Validating", object));
      }
    },
  },
  {
    title: "webhooks of policies that are gone are removed",
    run: async (stage) => {
      for (const object of policyKindNames.map((kind) => policyFor(kind, "ghost"))) {
        await stage.kube.create(orphanOf(object));
        await untilGone(stage, webhookRef("Validating", object));
      }
    },
  },
  {
    title: "a Secret that cannot be mended is told of, twice",
    run: async (stage) => {
      for (const time of ["first", "second"]) {
        await patch(stage, secret, { data: { "tls.crt": null }, immutable: true });
        await until(`the ${time} complaint`, async () => {
          const server = await stage.kube.get(policyServer("default"));
          const found = server && findCondition(server, "CertSecretReconciled");
          return found?.status === "False" || `${found?.status}`;
        }, stage.wait);
        await stage.kube.remove(secret);
        await untilCondition(stage, policyServer("default"), "CertSecretReconciled");
      }
    },
  },
  {
    title: "a PolicyServer is deleted with a policy on it, twice",
    run: async (stage) => {
      const bound = policyFor("ClusterAdmissionPolicy", "bound", { policyServer: "other" });
      await stage.kube.apply(bound, { fieldManager });
      for (const time of ["first", "second"]) {
        const other: KubeObject = { apiVersion, kind: "PolicyServer", metadata: { name: "other" } };
        await stage.kube.apply({ ...other, spec: { image: policyServerImage, replicas: 1 } }, { fieldManager });
        await untilCondition(stage, refOfPolicy(bound), "PolicyActive");
        await stage.kube.remove(policyServer("other"));
        await untilGone(stage, policyServer("other"));
        await until(`the policy without a server, the ${time} time`, async () => {
          const found = await stage.kube.get(refOfPolicy(bound));
          const active = found && findCondition(found, "PolicyActive");
          return active?.status === "False" || `${active?.status}`;
        }, stage.wait);
      }
    },
  },
];
