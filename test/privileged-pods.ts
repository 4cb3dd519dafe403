import { type PodWish, policy } from "../local-cluster/demo/looks.ts";
import { webhookApiVersion } from "../services/webhook-registrar/webhook.ts";

/** The example policy that every installed cluster has, its webhook, and a Pod that it denies with these words. */
export const privilegedPods = policy("ClusterAdmissionPolicy", "privileged-pods");
export const privilegedPodsWebhook = {
  apiVersion: webhookApiVersion,
  kind: "ValidatingWebhookConfiguration",
  name: "clusterwide-privileged-pods",
};
export const greedy: PodWish = { name: "greedy", privileged: true };
export const denialOfGreedy = "Privileged container is not allowed";
