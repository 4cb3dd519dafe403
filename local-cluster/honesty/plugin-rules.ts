import * as assert from "uvu/assert";
import type { Rule, Stage } from "./rule.ts";

const pods = ({ namespace }: Stage) => `/api/v1/namespaces/${namespace}/pods`;
const pod = (spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p" },
  spec: { containers: [{ name: "c", image: "i" }], ...spec },
});
const rbac = "/apis/rbac.authorization.k8s.io/v1";

/** What the API server's built-in admission does, and what RBAC lets a ServiceAccount do. */
export const pluginRules: readonly Rule[] = [
  {
    rule: "a namespace carries kubernetes.io/metadata.name, and it cannot be taken away",
    async holds(stage) {
      const path = `/api/v1/namespaces/${stage.namespace}`;
      const label = { "kubernetes.io/metadata.name": stage.namespace };
      assert.equal((await stage.request("GET", path)).body.metadata.labels, label);
      const patch = { metadata: { labels: { "kubernetes.io/metadata.name": null } } };
      const { body } = await stage.request("PATCH", path, patch, { contentType: "application/merge-patch+json" });
      assert.equal(body.metadata.labels, label);
    },
  },
  {
    rule: "an object needs its namespace, and a terminating one takes nothing new",
    async holds(stage) {
      const missing = await stage.request("POST", "/api/v1/namespaces/nowhere/configmaps", {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "a" },
      });
      assert.is(missing.status, 404);
      assert.is(missing.body.message, 'namespaces "nowhere" not found');
      await stage.request("DELETE", `/api/v1/namespaces/${stage.namespace}`);
      const late = await stage.request("POST", `/api/v1/namespaces/${stage.namespace}/configmaps`, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "a" },
      });
      assert.is(late.status, 403);
      assert.match(late.body.message, /because it is being terminated/);
      assert.is(late.body.details.causes[0].reason, "NamespaceTerminating");
    },
  },
  {
    rule: "the default namespace may not be deleted",
    async holds(stage) {
      assert.is((await stage.request("DELETE", "/api/v1/namespaces/default")).status, 403);
    },
  },
  {
    rule: "a Pod runs as its namespace's default ServiceAccount and mounts its token; an unknown account is refused",
    async holds(stage) {
      const { body } = await stage.request("POST", pods(stage), pod());
      assert.is(body.spec.serviceAccountName, "default");
      const [mount] = body.spec.containers[0].volumeMounts;
      assert.is(mount.mountPath, "/var/run/secrets/kubernetes.io/serviceaccount");
      assert.equal(body.spec.volumes.map((each: { name: string }) => each.name), [mount.name]);
      const unknown = { ...pod({ serviceAccountName: "ghost" }), metadata: { name: "q" } };
      assert.is((await stage.request("POST", pods(stage), unknown)).status, 403);
    },
  },
  {
    rule: "a Pod gets the priority of its class, and an unknown class is refused",
    async holds(stage) {
      await stage.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", {
        apiVersion: "scheduling.k8s.io/v1",
        kind: "PriorityClass",
        metadata: { name: "urgent" },
        value: 1000,
      });
      const { body } = await stage.request("POST", pods(stage), pod({ priorityClassName: "urgent" }));
      assert.is(body.spec.priority, 1000);
      const unknown = { ...pod({ priorityClassName: "ghost" }), metadata: { name: "q" } };
      const refused = await stage.request("POST", pods(stage), unknown);
      assert.is(refused.status, 403);
      assert.is(refused.body.message, 'pods "q" is forbidden: no PriorityClass with name ghost was found');
    },
  },
  {
    rule: "Pod Security restricted refuses what the profile forbids, by name, and admits what it allows",
    async holds(stage) {
      const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
      const path = `/api/v1/namespaces/${stage.namespace}`;
      await stage.request("PATCH", path, { metadata: { labels } }, { contentType: "application/merge-patch+json" });
      const { status, body } = await stage.request("POST", pods(stage), pod());
      assert.is(status, 403);
      assert.ok(
        body.message.startsWith(
          'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container ' +
            '"c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities',
        ),
        body.message,
      );
      const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
      const fine = pod({
        securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
        containers: [{ name: "c", image: "i", securityContext }],
      });
      assert.is((await stage.request("POST", pods(stage), fine)).status, 201);
    },
  },
  {
    rule: "a ServiceAccount's token may do what its Role says and nothing else, and hands out no more than it has",
    async holds(stage) {
      const { namespace, server, request } = stage;
      const account = server.reader.get({ apiVersion: "v1", kind: "ServiceAccount", namespace, name: "default" });
      if (account === undefined) throw new Error("no default ServiceAccount");
      const { token } = server.tokens.issue({ account }, new Date());
      const secrets = `/api/v1/namespaces/${namespace}/secrets`;
      const before = await request("GET", secrets, undefined, { token });
      assert.is(before.status, 403);
      assert.is(
        before.body.message,
        `secrets is forbidden: User "system:serviceaccount:${namespace}:default" cannot list resource "secrets" in API ` +
          `group "" in the namespace "${namespace}"`,
      );
      const rules = [
        { apiGroups: [""], resources: ["secrets"], verbs: ["list"] },
        { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["create"] },
      ];
      const role = (name: string, more: object[] = []) => ({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name },
        rules: [...rules, ...more],
      });
      await request("POST", `${rbac}/namespaces/${namespace}/roles`, role("r"));
      await request("POST", `${rbac}/namespaces/${namespace}/rolebindings`, {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: "r" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
        subjects: [{ kind: "ServiceAccount", name: "default", namespace }],
      });
      assert.is((await request("GET", secrets, undefined, { token })).status, 200);
      assert.is((await request("GET", `${secrets}/x`, undefined, { token })).status, 403);
      const roles = `${rbac}/namespaces/${namespace}/roles`;
      assert.is((await request("POST", roles, role("same"), { token })).status, 201);
      const more = role("more", [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }]);
      const escalated = await request("POST", roles, more, { token });
      assert.is(escalated.status, 403);
      assert.match(escalated.body.message, /attempting to grant RBAC permissions not currently held/);
    },
  },
];
