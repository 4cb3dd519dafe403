// pure
import type { ConditionReason } from "../../contracts/conditions.ts";

type Reason = ConditionReason<"PolicyUniquelyReachable"> | ConditionReason<"PodsReady">;

/** What to do, by reason, for failures whose words tell only what went wrong. The longer form: docs/status.md. */
const advice: Partial<Record<Reason, string>> = {
  CrashLoop: "See the container's log (kubectl logs --previous) and spec.limits of the PolicyServer",
  ImagePullFailed: "Check spec.image of the PolicyServer and the Secrets that images are pulled with",
  ModuleFetchFailed:
    "Check spec.module, and insecureSources, sourceAuthorities and imagePullSecret of the PolicyServer; restart its pods after mending the registry",
  ModuleInvalid: "Name another module in spec.module, one that is built for this policy server",
  NoReplicas: "Scale its Deployment up, or change spec.replicas of the PolicyServer",
  OtherPolicyFailed: "Mend that policy, delete it, or move this one to a PolicyServer of its own",
  PodCreationRefused: "Mend what is named, or the fields of the PolicyServer that its pods get",
  PodUnschedulable: "Free or add a node, or change requests, affinity or tolerations of the PolicyServer",
  QuotaExceeded: "Raise the quota of the namespace, or lower replicas, requests or limits of the PolicyServer",
  SecretOrConfigMapMissing: "Create what is missing, or name another one in the PolicyServer",
  SettingsInvalid: "Correct spec.settings",
  VerificationFailed: "Sign the module, or change the verification that the PolicyServer asks for",
  VolumeMountFailed: "See the Events of the pod",
};

/** Words about a failure, followed by what a person can do about it. Words of many lines keep their lines. */
export function withAdvice(reason: Reason, words: string): string {
  const what = advice[reason];
  if (what === undefined) return words;
  const text = words.trimEnd();
  return text.includes("\n") ? `${text}\n${what}` : `${text}${/[.!?]$/.test(text) ? "" : "."} ${what}`;
}
