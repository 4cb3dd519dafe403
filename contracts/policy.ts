// pure
import { z } from "zod";
import { parseCustomResource } from "./custom-resource.ts";
import { memberNamePattern, reservedMemberNames } from "./group-expression.ts";
import type { Condition, KubeObject, ObjectMeta } from "./kubernetes.ts";
import { anyObject, conditions, labelSelector, rules, type ValidationRule } from "./kubernetes-schema.ts";
import { type apiVersion, type PolicyKind, policyKindNames, policyKinds } from "./names.ts";

/** Settings of a policy: an object at any depth, numbers as they were written, or null. Never looked into. */
export type Settings = Record<string, unknown> | null;

const words = z.array(z.string());
const atomic = { "x-kubernetes-list-type": "atomic" };
const mode = z.enum(["protect", "monitor"]);
const seconds = z.int().min(2).max(30).meta({ format: "int32" });

/**
 * A rule selects requests. What can never become a webhook is refused here; the lists are bounded only where
 * `namespacedRules` walks them.
 */
const ruleFor = (bounds: { list?: number; word?: number; validations?: ValidationRule[] }) => {
  const list = (description: string, item: { minLength?: number; enum?: string[] }) =>
    words.min(1).describe(description).meta({
      ...atomic,
      ...(bounds.list === undefined ? {} : { maxItems: bounds.list }),
      items: { type: "string", ...item, ...(bounds.word === undefined ? {} : { maxLength: bounds.word }) },
    });
  return z.object({
    apiGroups: list("API groups; '*' is all groups, '' the core one", {}),
    apiVersions: list("API versions; '*' is all versions", { minLength: 1 }),
    operations: list("Operations; '*' is all of them", { enum: ["*", "CREATE", "UPDATE", "DELETE", "CONNECT"] }),
    resources: list("Resources, as 'pods', 'pods/log', 'pods/*', '*/scale', '*' or '*/*'", { minLength: 1 }),
    scope: z.string().optional().describe("Cluster, Namespaced or *; always Namespaced for namespaced policies"),
  }).meta(rules(...(bounds.validations ?? [])));
};

/**
 * Policies of a namespace must not match policy reports, or a tenant could block the audit of all others. The
 * rule looks at apiGroups, as intended upstream, and spares rules that cannot match (reference/controller.md 10, B2).
 */
const protectedReports = [
  { group: "wgpolicyk8s.io", resource: "policyreports", versions: ["v1alpha1", "v1alpha2", "v1beta1"] },
  { group: "openreports.io", resource: "reports", versions: ["v1alpha1"] },
].map(({ group, resource, versions }): ValidationRule => ({
  rule: `!('${group}' in self.apiGroups || ('*' in self.apiGroups && ` +
    `self.apiVersions.exists(v, v in ${celList(["*", ...versions])}))) || ` +
    `!self.resources.exists(r, r in ${celList(["*", "*/*", resource])} || r.startsWith('${resource}/'))`,
  message: `a namespaced policy must not match ${resource} of ${group}: name the apiGroups and resources it needs`,
  reason: "FieldValueForbidden",
}));

const clusterRules = z.array(ruleFor({})).min(1);
const namespacedRules = z.array(ruleFor({ list: 128, word: 253, validations: protectedReports })).min(1)
  .meta({ maxItems: 256 });

/** What all four kinds share. Source: reference/controller.md 1.4, 2.6, 2.7. */
const sharedFields = {
  backgroundAudit: z.boolean().default(true).describe("Whether audits of what already runs use this policy"),
  failurePolicy: z.enum(["Fail", "Ignore"]).optional().describe(
    "What the API server does with a request it got no answer for; Fail by default",
  ),
  matchConditions: z.array(z.object({
    expression: z.string().regex(/\S/).describe("CEL expression over object, oldObject, request and authorizer"),
    name: z.string().min(1).max(317).regex(
      /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)$/,
    ).describe("Unique name of the condition"),
  })).max(64).optional().describe("Conditions that must all be true for a request to be sent to the policy").meta(
    rules({
      rule: "self.all(a, self.exists_one(b, b.name == a.name))",
      message: "names of matchConditions must be unique",
    }),
  ),
  matchPolicy: z.enum(["Exact", "Equivalent"]).optional().describe("How rules match; Equivalent by default"),
  mode: mode.default("protect").describe("protect rejects, monitor only logs what would be rejected").meta(rules({
    rule: "!(oldSelf == 'protect' && self == 'monitor')",
    message: "field cannot transition from protect to monitor. Recreate instead.",
    reason: "FieldValueForbidden",
  })),
  objectSelector: labelSelector.optional().describe("Selects requests by the labels of their object"),
  policyServer: z.string().max(253).default("default").describe("PolicyServer that serves this policy").meta(rules({
    rule: "self == oldSelf || oldSelf == ''",
    message: "field is immutable",
    reason: "FieldValueForbidden",
  })),
  sideEffects: z.enum(["None", "NoneOnDryRun"]).optional().describe("Side effects of the policy; None by default"),
  timeoutSeconds: seconds.default(10).describe("Seconds the API server waits for the policy's answer"),
};

const namespacedFields = { rules: namespacedRules.describe("What requests are sent to the policy") };
const clusterFields = {
  rules: clusterRules.describe("What requests are sent to the policy"),
  allowInsideAdmissionControllerNamespace: z.boolean().optional().describe(
    "Whether requests in the deployments namespace are sent to the policy too",
  ),
  namespaceSelector: labelSelector.optional().describe("Selects requests by the labels of their namespace"),
};

const settings = z.custom<Settings>((value) => value === null || anyObject.safeParse(value).success).meta({
  type: "object",
  nullable: true,
  "x-kubernetes-preserve-unknown-fields": true,
});
const contextAwareResources = z.array(z.object({
  apiVersion: z.string().describe("apiVersion of the resource, 'v1' or 'group/version'"),
  kind: z.string().describe("Kind of the resource"),
})).optional().describe("Kubernetes resources the policy may read");

const moduleFields = {
  module: z.string().describe("Where the WebAssembly module is: registry://, https://, http:// or file://"),
  settings: settings.optional().describe("Settings handed to the policy; null or an object"),
  timeoutEvalSeconds: seconds.optional().describe("Seconds one evaluation may take"),
};
const singleFields = {
  ...moduleFields,
  message: z.string().optional().describe("Replaces the policy's own words in a rejection"),
  mutating: z.boolean().describe("Whether the policy may change objects"),
};
const groupFieldsWith = <T extends z.ZodRawShape>(moreOfMember: T) => ({
  expression: z.string().min(1).describe("Boolean expression over the members, as 'a() && !b()'"),
  message: z.string().min(1).describe("Words of a rejection"),
  policies: z.record(z.string(), z.object({ ...moduleFields, ...moreOfMember })).describe("Members by name").meta({
    minProperties: 1,
    maxProperties: 256,
    ...rules({
      rule: `self.all(name, name.matches('${memberNamePattern}') && !(name in ${celList(reservedMemberNames)}))`,
      message: "names of members must be identifiers and no reserved words",
    }),
  }),
});

const singleRules = rules({
  rule: "!has(self.timeoutEvalSeconds) || self.timeoutEvalSeconds <= self.timeoutSeconds",
  message: "timeoutEvalSeconds must not exceed timeoutSeconds",
});
// Member timeouts are 2 s at least and timeoutSeconds 30 at most: the sum also keeps each of them, and itself, within 30.
const groupRules = rules({
  rule: "self.policies.map(name, has(self.policies[name].timeoutEvalSeconds) ? " +
    "self.policies[name].timeoutEvalSeconds : 0).sum() <= self.timeoutSeconds",
  message: "the sum of the members' timeoutEvalSeconds must not exceed timeoutSeconds",
});

const clusterSingleSpec = z.object({ ...sharedFields, ...clusterFields, ...singleFields, contextAwareResources })
  .meta(singleRules);
const namespacedSingleSpec = z.object({ ...sharedFields, ...namespacedFields, ...singleFields }).meta(singleRules);
const clusterGroupSpec = z.object({
  ...sharedFields,
  ...clusterFields,
  ...groupFieldsWith({ contextAwareResources }),
}).meta(groupRules);
const namespacedGroupSpec = z.object({ ...sharedFields, ...namespacedFields, ...groupFieldsWith({}) }).meta(groupRules);

/** `spec` of each kind. */
export const policySpecs = {
  AdmissionPolicy: namespacedSingleSpec,
  AdmissionPolicyGroup: namespacedGroupSpec,
  ClusterAdmissionPolicy: clusterSingleSpec,
  ClusterAdmissionPolicyGroup: clusterGroupSpec,
} as const satisfies Record<PolicyKind, z.ZodObject>;

/** `status` of every policy kind; contracts/README.md says which service writes what. */
export const policyStatus = z.object({
  conditions: conditions.optional().describe("State of the policy"),
  mode: z.enum(["protect", "monitor", "unknown"]).optional().describe("Mode the policy-server runs the policy in"),
  policyStatus: z.enum(["unscheduled", "unschedulable", "scheduled", "pending", "active"]).optional().describe(
    "Where the policy stands between being created and being enforced",
  ),
  servedBy: z.object({
    configVersion: z.string().optional().describe(
      "Version of the configuration that this generation was first served from",
    ),
    policyServerUid: z.string().optional().describe("uid of the PolicyServer"),
  }).optional().describe("The PolicyServer that serves this policy, written by reconciler"),
});

export type PolicyMode = z.infer<typeof mode>;
export type PolicyStatus = Omit<z.infer<typeof policyStatus>, "conditions"> & { conditions?: Condition[] };
export type SinglePolicySpec = z.infer<typeof clusterSingleSpec>;
export type PolicyGroupSpec = z.infer<typeof clusterGroupSpec>;
export type PolicyGroupMember = PolicyGroupSpec["policies"][string];
export type PolicyRule = SinglePolicySpec["rules"][number];

type PolicyOf<Kind extends PolicyKind, Spec> = {
  apiVersion: typeof apiVersion;
  kind: Kind;
  metadata: ObjectMeta;
  spec: Spec;
  status?: PolicyStatus;
};
export type SinglePolicy = PolicyOf<"AdmissionPolicy" | "ClusterAdmissionPolicy", SinglePolicySpec>;
export type PolicyGroup = PolicyOf<"AdmissionPolicyGroup" | "ClusterAdmissionPolicyGroup", PolicyGroupSpec>;
/** A policy of any kind; the fields that only cluster-wide kinds have are absent on the others. */
export type Policy = SinglePolicy | PolicyGroup;

/** Reads a policy as the API server returned it. Throws `CUSTOM_RESOURCE_INVALID`. */
export function parsePolicy(object: KubeObject): Policy {
  const spec = policySpecs[object.kind as PolicyKind] ?? clusterSingleSpec;
  return parseCustomResource(object, policyKindNames, spec, policyStatus) as unknown as Policy;
}

/** Whether the policy is a group of members under one expression. */
export function isPolicyGroup(policy: Policy): policy is PolicyGroup {
  return policyKinds[policy.kind].group;
}

/** Whether the policy lives in a namespace. */
export function isNamespacedPolicy({ kind }: Policy): boolean {
  return policyKinds[kind].namespaced;
}

/** Whether its webhook may change objects; groups never do. */
export function isMutating(policy: Policy): boolean {
  return !isPolicyGroup(policy) && policy.spec.mutating;
}

function celList(values: readonly string[]): string {
  return `[${values.map((each) => `'${each}'`).join(", ")}]`;
}
