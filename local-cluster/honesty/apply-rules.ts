import * as assert from "uvu/assert";
import type { Rule, Stage } from "./rule.ts";

const configMap = (name: string, data: Record<string, string>, metadata: Record<string, unknown> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
  data,
});
const configMaps = ({ namespace }: Stage) => `/api/v1/namespaces/${namespace}/configmaps`;
const deployments = ({ namespace }: Stage) => `/apis/apps/v1/namespaces/${namespace}/deployments`;
const deployment = (containers: { name: string; [key: string]: unknown }[], extra: Record<string, unknown> = {}) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "d" },
  spec: {
    selector: { matchLabels: { app: "d" } },
    template: { metadata: { labels: { app: "d" } }, spec: { containers } },
    ...extra,
  },
});

/** Server-side apply. */
export const applyRules: readonly Rule[] = [
  {
    rule: "apply creates what is missing with 201, and the same apply again writes nothing",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      const first = await stage.apply(path, configMap("a", { k: "1" }), "one");
      assert.is(first.status, 201);
      const again = await stage.apply(path, configMap("a", { k: "1" }), "one");
      assert.is(again.status, 200);
      assert.is(again.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
    },
  },
  {
    rule: "the same apply again writes nothing although the server filled in defaults",
    async holds(stage) {
      const { namespace } = stage;
      const objects = [
        { path: deployments(stage), object: deployment([{ name: "d", image: "i", ports: [{ containerPort: 1 }] }]) },
        {
          path: `/api/v1/namespaces/${namespace}/services`,
          object: {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "d" },
            spec: { selector: { app: "d" }, ports: [{ name: "a", port: 1 }, { name: "b", port: 2 }] },
          },
        },
        {
          path: `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`,
          object: {
            apiVersion: "policy/v1",
            kind: "PodDisruptionBudget",
            metadata: { name: "d" },
            spec: { minAvailable: 1, selector: { matchLabels: { app: "d" } } },
          },
        },
        {
          path: `/api/v1/namespaces/${namespace}/secrets`,
          object: { apiVersion: "v1", kind: "Secret", metadata: { name: "d" }, data: { k: "dg==" } },
        },
        {
          path: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
          object: {
            apiVersion: "admissionregistration.k8s.io/v1",
            kind: "ValidatingWebhookConfiguration",
            metadata: { name: "d" },
            webhooks: [{
              name: "a.example.com",
              sideEffects: "None",
              admissionReviewVersions: ["v1"],
              clientConfig: { service: { namespace, name: "d" } },
              rules: [{ apiGroups: ["g"], apiVersions: ["v1"], resources: ["r"], operations: ["CREATE"] }],
            }],
          },
        },
      ];
      for (const { path, object } of objects) {
        const { name } = object.metadata;
        const first = await stage.apply(`${path}/${name}`, object, "one");
        assert.is(first.status, 201, first.body.message);
        const again = await stage.apply(`${path}/${name}`, object, "one");
        assert.is(again.body.metadata.resourceVersion, first.body.metadata.resourceVersion, object.kind);
        const dry = await stage.apply(`${path}/${name}`, object, "two", "&dryRun=All&force=true");
        assert.is(dry.status, 200, dry.body.message);
        const { body } = await stage.request("GET", `${path}/${name}`);
        assert.is(body.metadata.resourceVersion, first.body.metadata.resourceVersion, "a dry run wrote");
      }
    },
  },
  {
    rule: "apply needs a fieldManager, and its body no managedFields",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      assert.is((await stage.apply(path, configMap("a", {}), "")).status, 422);
      const managed = configMap("a", {}, { managedFields: [{ manager: "x" }] });
      assert.is((await stage.apply(path, managed, "one")).status, 400);
    },
  },
  {
    rule: "another manager's field is a 409 that names manager and field; force takes it",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      await stage.apply(path, configMap("a", { k: "1", other: "x" }), "one");
      const contested = await stage.apply(path, configMap("a", { k: "2" }), "two");
      assert.is(contested.status, 409);
      assert.equal(contested.body.details.causes, [
        { reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".data.k" },
      ]);
      const forced = await stage.apply(path, configMap("a", { k: "2" }), "two", "&force=true");
      assert.is(forced.body.data.k, "2");
      const [one] = forced.body.metadata.managedFields;
      assert.equal(one.fieldsV1, { "f:data": { "f:other": {} } });
    },
  },
  {
    rule: "the same value can be owned by two, and goes when both let it go",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      await stage.apply(path, configMap("a", { k: "1" }), "one");
      await stage.apply(path, configMap("a", { k: "1" }), "two");
      assert.is((await stage.apply(path, configMap("a", {}), "one")).body.data.k, "1");
      assert.is((await stage.apply(path, configMap("a", {}), "two")).body.data?.k, undefined);
    },
  },
  {
    rule: "apply removes what it applied before and leaves out now, with the defaults inside, and nothing else",
    async holds(stage) {
      const path = `${deployments(stage)}/d`;
      await stage.apply(path, deployment([{ name: "c", image: "i" }, { name: "side", image: "s" }]), "one");
      const merge = { contentType: "application/merge-patch+json" };
      await stage.request("PATCH", path, { metadata: { labels: { by: "user" } } }, merge);
      const { body } = await stage.apply(path, deployment([{ name: "c", image: "i" }]), "one");
      assert.equal(body.spec.template.spec.containers.map((each: { name: string }) => each.name), ["c"]);
      assert.equal(body.metadata.labels, { by: "user" });
      assert.is(body.spec.revisionHistoryLimit, 10);
    },
  },
  {
    rule: "an ordinary update takes the fields it changes from their appliers",
    async holds(stage) {
      const path = `${deployments(stage)}/d`;
      await stage.apply(path, deployment([{ name: "c", image: "i" }], { replicas: 1 }), "one");
      const merge = { contentType: "application/merge-patch+json" };
      await stage.request("PATCH", `${path}?fieldManager=scaler`, { spec: { replicas: 3 } }, merge);
      const contested = await stage.apply(path, deployment([{ name: "c", image: "i" }], { replicas: 1 }), "one");
      assert.is(contested.status, 409);
      assert.match(contested.body.message, 'conflict with "scaler" using apps/v1');
      // Giving the field up is no conflict, and the scaler's value stays.
      const released = await stage.apply(path, deployment([{ name: "c", image: "i" }]), "one");
      assert.is(released.body.spec.replicas, 3);
    },
  },
  {
    rule: "ports are told apart by port and protocol, the default protocol included",
    async holds(stage) {
      const path = `${deployments(stage)}/d`;
      const ports = (...list: unknown[]) => deployment([{ name: "c", image: "i", ports: list }]);
      await stage.apply(path, ports({ containerPort: 53 }, { containerPort: 53, protocol: "UDP" }), "one");
      const { body } = await stage.apply(path, ports({ containerPort: 53, protocol: "TCP", name: "dns" }), "one");
      assert.equal(body.spec.template.spec.containers[0].ports, [{ containerPort: 53, name: "dns", protocol: "TCP" }]);
    },
  },
  {
    rule: "apply to /status of an object that is not there is 404, and on /status only status counts",
    async holds(stage) {
      const path = `${deployments(stage)}/d`;
      const status = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, status: { replicas: 3 } };
      assert.is((await stage.apply(`${path}/status`, status, "one")).status, 404);
      await stage.apply(path, deployment([{ name: "c", image: "i" }]), "one");
      const { body } = await stage.apply(`${path}/status`, { ...status, spec: { replicas: 5 } }, "one");
      assert.is(body.spec.replicas, 1);
      assert.is(body.status.replicas, 3);
      const sets = body.metadata.managedFields.map((each: { subresource?: string }) => each.subresource ?? "");
      assert.equal(sets, ["", "status"]);
      // The set on the main resource is another one: applying there does not prune status.
      const main = await stage.apply(path, deployment([{ name: "c", image: "i" }], { replicas: 2 }), "one");
      assert.is(main.body.status.replicas, 3);
    },
  },
  {
    rule: "conditions are merged by type, each owned by the manager that applied it",
    async holds(stage) {
      const path = `${deployments(stage)}/d`;
      await stage.apply(path, deployment([{ name: "c", image: "i" }]), "one");
      const status = (type: string, value: string) => ({
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "d" },
        status: { conditions: [{ type, status: value }] },
      });
      await stage.apply(`${path}/status`, status("A", "True"), "one");
      await stage.apply(`${path}/status`, status("B", "False"), "two");
      const { body } = await stage.apply(`${path}/status`, status("A", "False"), "one");
      const conditions = body.status.conditions as { type: string; status: string }[];
      assert.equal(conditions.map(({ type, status }) => `${type}=${status}`).sort(), ["A=False", "B=False"]);
    },
  },
  {
    rule: "kubectl takes over on the server's side, without a conflict, what it applied on the client's",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      const config = JSON.stringify(configMap("a", { k: "1" }));
      const annotations = { "kubectl.kubernetes.io/last-applied-configuration": config };
      const made = configMap("a", { k: "1", other: "x" }, { annotations });
      await stage.request("POST", `${configMaps(stage)}?fieldManager=kubectl-client-side-apply`, made);
      assert.is((await stage.apply(path, configMap("a", { k: "2" }), "another")).status, 409);
      assert.is((await stage.apply(path, configMap("a", { other: "y" }), "kubectl")).status, 409);
      assert.is((await stage.apply(path, configMap("a", { k: "2" }), "kubectl")).body.data.k, "2");
    },
  },
  {
    rule: "finalizers merge as a set and ownerReferences by uid, each manager with its own",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      const owner = (uid: string) => ({ apiVersion: "v1", kind: "ConfigMap", name: `owner-${uid}`, uid });
      const held = (name: string) =>
        configMap("a", {}, { finalizers: [`example.com/${name}`], ownerReferences: [owner(name)] });
      await stage.apply(path, held("one"), "one");
      const { body: both } = await stage.apply(path, held("two"), "two");
      assert.equal(both.metadata.finalizers, ["example.com/one", "example.com/two"]);
      const { body: last } = await stage.apply(path, configMap("a", {}), "one");
      assert.equal(last.metadata.finalizers, ["example.com/two"]);
      assert.equal(last.metadata.ownerReferences.map((each: { uid: string }) => each.uid), ["two"]);
    },
  },
  {
    rule: "an apply with the uid of an object that is gone, or of another, is a 409",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      assert.is((await stage.apply(path, configMap("a", {}, { uid: "gone" }), "one")).status, 409);
      await stage.apply(path, configMap("a", {}), "one");
      assert.is((await stage.apply(path, configMap("a", { k: "1" }, { uid: "gone" }), "one")).status, 409);
    },
  },
  {
    rule: "apply that creates needs the verb create, apply that changes only patch",
    async holds(stage) {
      const { namespace, server } = stage;
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
      const serviceAccounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      const meta = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: "patcher" } };
      const { body: account } = await stage.request("POST", serviceAccounts, {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "patcher" },
      });
      await stage.request("POST", `${rbac}/roles`, {
        ...meta,
        kind: "Role",
        rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["patch"] }],
      });
      await stage.request("POST", `${rbac}/rolebindings`, {
        ...meta,
        kind: "RoleBinding",
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "patcher" },
        subjects: [{ kind: "ServiceAccount", name: "patcher", namespace }],
      });
      const { token } = server.tokens.issue({ account }, new Date());
      const apply = () =>
        stage.request("PATCH", `${configMaps(stage)}/a?fieldManager=one`, configMap("a", { k: "1" }), {
          contentType: "application/apply-patch+yaml",
          token,
        });
      const refused = await apply();
      assert.is(refused.status, 403);
      assert.match(refused.body.message, "cannot create resource");
      await stage.request("POST", configMaps(stage), configMap("a", { k: "0" }));
      assert.is((await apply()).status, 409, "the value has another owner");
      assert.is((await stage.request("GET", `${configMaps(stage)}/a`, undefined, { token })).status, 403);
    },
  },
];
