import * as assert from "uvu/assert";
import type { Rule, Stage } from "./rule.ts";

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});
const deployment = (name: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
  },
});
const configMaps = ({ namespace }: Stage) => `/api/v1/namespaces/${namespace}/configmaps`;
const deployments = ({ namespace }: Stage) => `/apis/apps/v1/namespaces/${namespace}/deployments`;

/** Storage, concurrency, watches, selectors, deletion. */
export const apiRules: readonly Rule[] = [
  {
    rule: "resourceVersion grows with every write, and a write that changes nothing is no write",
    async holds(stage) {
      const path = configMaps(stage);
      const { body: made } = await stage.request("POST", path, configMap("a", { k: "1" }));
      const { body: same } = await stage.request("PUT", `${path}/a`, made);
      assert.is(same.metadata.resourceVersion, made.metadata.resourceVersion);
      const { body: changed } = await stage.request("PUT", `${path}/a`, { ...made, data: { k: "2" } });
      assert.ok(Number(changed.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
    },
  },
  {
    rule: "an update with a stale resourceVersion is a 409 conflict",
    async holds(stage) {
      const path = configMaps(stage);
      const { body: made } = await stage.request("POST", path, configMap("a"));
      await stage.request("PUT", `${path}/a`, { ...made, data: { k: "1" } });
      const late = await stage.request("PUT", `${path}/a`, { ...made, data: { k: "2" } });
      assert.is(late.status, 409);
      assert.is(late.body.reason, "Conflict");
    },
  },
  {
    rule: "a Lease, like a custom resource, is updated only with its resourceVersion",
    async holds(stage) {
      const path = `/apis/coordination.k8s.io/v1/namespaces/${stage.namespace}/leases`;
      const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "l" }, spec: {} };
      const { body } = await stage.request("POST", path, lease);
      assert.is((await stage.request("PUT", `${path}/l`, lease)).status, 422);
      assert.is((await stage.request("PUT", `${path}/l`, body)).status, 200);
    },
  },
  {
    rule: "a uid in the body is a precondition",
    async holds(stage) {
      const path = configMaps(stage);
      await stage.request("POST", path, configMap("a"));
      const metadata = { name: "a", uid: "another" };
      const answer = await stage.request("PUT", `${path}/a`, { ...configMap("a"), metadata });
      assert.is(answer.status, 409);
    },
  },
  {
    rule: "a create with a resourceVersion is refused, a second create is AlreadyExists",
    async holds(stage) {
      const path = configMaps(stage);
      const metadata = { name: "a", resourceVersion: "5" };
      assert.is((await stage.request("POST", path, { ...configMap("a"), metadata })).status, 400);
      assert.is((await stage.request("POST", path, configMap("a"))).status, 201);
      const again = await stage.request("POST", path, configMap("a"));
      assert.is(again.status, 409);
      assert.is(again.body.reason, "AlreadyExists");
    },
  },
  {
    rule: "status is ignored on the main resource, everything else on /status",
    async holds(stage) {
      const path = deployments(stage);
      const { body: made } = await stage.request("POST", path, { ...deployment("d"), status: { replicas: 7 } });
      assert.is(made.status?.replicas, undefined);
      const { body: updated } = await stage.request("PUT", `${path}/d`, { ...made, status: { replicas: 7 } });
      assert.is(updated.status?.replicas, undefined);
      const { body: status } = await stage.request("PUT", `${path}/d/status`, {
        ...updated,
        metadata: { ...updated.metadata, labels: { a: "b" } },
        spec: { ...updated.spec, replicas: 9 },
        status: { replicas: 7 },
      });
      assert.is(status.status.replicas, 7);
      assert.is(status.spec.replicas, 1);
      assert.is(status.metadata.labels, undefined);
    },
  },
  {
    rule: "generation moves on a change of spec and on deletion, and on nothing else",
    async holds(stage) {
      const path = `${deployments(stage)}/d`;
      await stage.request("POST", deployments(stage), deployment("d"));
      const merge = { contentType: "application/merge-patch+json" };
      const patch = (body: unknown, at = path) => stage.request("PATCH", at, body, merge);
      assert.is(
        (await patch({ metadata: { labels: { a: "b" }, finalizers: ["example.com/f"] } })).body.metadata.generation,
        1,
      );
      assert.is((await patch({ status: { replicas: 1 } }, `${path}/status`)).body.metadata.generation, 1);
      assert.is((await patch({ spec: { replicas: 2 } })).body.metadata.generation, 2);
      assert.is((await stage.request("DELETE", path)).body.metadata.generation, 3);
      assert.is((await patch({ metadata: { finalizers: null } })).status, 200);
      assert.is((await stage.request("GET", path)).status, 404);
    },
  },
  {
    rule: "a finalizer keeps a deleted object, none can be added then, and dropping the last one removes it",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      const metadata = { name: "a", finalizers: ["example.com/f"] };
      await stage.request("POST", configMaps(stage), { ...configMap("a"), metadata });
      const { body: deleting } = await stage.request("DELETE", path);
      assert.ok(deleting.metadata.deletionTimestamp);
      const json = { contentType: "application/json-patch+json" };
      const add = [{ op: "add", path: "/metadata/finalizers/-", value: "example.com/g" }];
      assert.is((await stage.request("PATCH", path, add, json)).status, 422);
      assert.is((await stage.request("GET", path)).status, 200);
      await stage.request("PATCH", path, [{ op: "remove", path: "/metadata/finalizers" }], json);
      assert.is((await stage.request("GET", path)).status, 404);
    },
  },
  {
    rule: "delete preconditions on uid are kept",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      const { body: made } = await stage.request("POST", configMaps(stage), configMap("a"));
      const options = (uid: string) => ({ kind: "DeleteOptions", apiVersion: "v1", preconditions: { uid } });
      assert.is((await stage.request("DELETE", path, options("another"))).status, 409);
      const { body: deleted } = await stage.request("DELETE", path, options(made.metadata.uid));
      assert.is(deleted.status, "Success");
      assert.is(deleted.details.uid, made.metadata.uid);
    },
  },
  {
    rule: "a pod on a node is deleted gracefully, a pod on none at once",
    async holds(stage) {
      const path = `/api/v1/namespaces/${stage.namespace}/pods`;
      const pod = (name: string, nodeName?: string) => ({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name },
        spec: { containers: [{ name: "c", image: "nginx" }], ...(nodeName ? { nodeName } : {}) },
      });
      await stage.request("POST", path, pod("placed", "local"));
      await stage.request("POST", path, pod("waiting"));
      const { body } = await stage.request("DELETE", `${path}/placed`);
      assert.is(body.metadata.deletionGracePeriodSeconds, 30);
      assert.is((await stage.request("GET", `${path}/placed`)).status, 200);
      await stage.request("DELETE", `${path}/waiting`);
      assert.is((await stage.request("GET", `${path}/waiting`)).status, 404);
      await stage.request("DELETE", `${path}/placed?gracePeriodSeconds=0`);
      assert.is((await stage.request("GET", `${path}/placed`)).status, 404);
    },
  },
  {
    rule: "dryRun=All answers as if and stores nothing",
    async holds(stage) {
      const path = configMaps(stage);
      const { status, body } = await stage.request("POST", `${path}?dryRun=All`, configMap("a"));
      assert.is(status, 201);
      assert.ok(body.metadata.uid);
      assert.is(body.metadata.resourceVersion, undefined);
      assert.is((await stage.request("GET", `${path}/a`)).status, 404);
    },
  },
  {
    rule: "generateName makes a name with five characters more",
    async holds(stage) {
      const object = { ...configMap(""), metadata: { generateName: "made-" } };
      const { body } = await stage.request("POST", configMaps(stage), object);
      assert.match(body.metadata.name, /^made-[a-z0-9]{5}$/);
    },
  },
  {
    rule: "an unknown field is an error with fieldValidation=Strict, a warning by default, and pruned",
    async holds(stage) {
      const path = configMaps(stage);
      const object = { ...configMap("a"), dta: { k: "v" } };
      const strict = await stage.request("POST", `${path}?fieldValidation=Strict`, object);
      assert.is(strict.status, 400);
      assert.match(strict.body.message, 'strict decoding error: unknown field "dta"');
      const warned = await stage.request("POST", path, object);
      assert.is(warned.status, 201);
      assert.match(warned.warnings.join(), 'unknown field \\"dta\\"');
      assert.is(warned.body.dta, undefined);
    },
  },
  {
    rule: "a field given twice is an error with fieldValidation=Strict",
    async holds(stage) {
      const text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1","k":"2"}}';
      const { status, body } = await stage.request("POST", `${configMaps(stage)}?fieldValidation=Strict`, text);
      assert.is(status, 400);
      assert.match(body.message, 'duplicate field "data.k"');
    },
  },
  {
    rule: "a watch from a list's resourceVersion misses nothing and repeats nothing",
    async holds(stage) {
      const path = configMaps(stage);
      await stage.request("POST", path, configMap("before"));
      const { body: list } = await stage.request("GET", path);
      const since = list.metadata.resourceVersion;
      await stage.request("POST", path, configMap("a"));
      await stage.request("DELETE", `${path}/a`);
      await stage.request("POST", path, configMap("b"));
      const lines = await stage.watch(`${path}?watch=true&resourceVersion=${since}`, ({ length }) => length === 3);
      assert.equal(lines.map(({ type, object }) => `${type} ${object.metadata.name}`), [
        "ADDED a",
        "DELETED a",
        "ADDED b",
      ]);
    },
  },
  {
    rule: "a watch without resourceVersion starts with what is there",
    async holds(stage) {
      const path = configMaps(stage);
      await stage.request("POST", path, configMap("a"));
      const lines = await stage.watch(`${path}?watch=true`, ({ length }) => length === 1);
      assert.is(lines[0]?.type, "ADDED");
    },
  },
  {
    rule: "sendInitialEvents ends the initial objects with a bookmark that says so",
    async holds(stage) {
      const path = configMaps(stage);
      await stage.request("POST", path, configMap("a"));
      const query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
      const lines = await stage.watch(`${path}?${query}`, ({ length }) => length === 2);
      assert.equal(lines.map(({ type }) => type), ["ADDED", "BOOKMARK"]);
      assert.is(lines[1]?.object.metadata.annotations?.["k8s.io/initial-events-end"], "true");
    },
  },
  {
    rule: "an object that stops matching a watch's selector is DELETED for it, and ADDED when it matches again",
    async holds(stage) {
      const path = configMaps(stage);
      const { body: list } = await stage.request("GET", path);
      const labelled = (value: string) => ({ ...configMap("a"), metadata: { name: "a", labels: { on: value } } });
      await stage.request("POST", path, labelled("yes"));
      await stage.request("PUT", `${path}/a`, labelled("no"));
      await stage.request("PUT", `${path}/a`, labelled("yes"));
      const query = `watch=true&labelSelector=on%3Dyes&resourceVersion=${list.metadata.resourceVersion}`;
      const lines = await stage.watch(`${path}?${query}`, ({ length }) => length === 3);
      assert.equal(lines.map(({ type }) => type), ["ADDED", "DELETED", "ADDED"]);
    },
  },
  {
    rule: "label and field selectors select; a field nobody selects by is refused",
    async holds(stage) {
      const path = configMaps(stage);
      for (const [name, tier] of [["a", "x"], ["b", "y"], ["c", "z"]]) {
        await stage.request("POST", path, { ...configMap(name!), metadata: { name, labels: { tier } } });
      }
      const names = async (query: string) =>
        (await stage.request("GET", `${path}?${query}`)).body.items.map((each: { metadata: { name: string } }) =>
          each.metadata.name
        );
      assert.equal(await names("labelSelector=tier%20in%20(x,y),tier!%3Dx"), ["b"]);
      assert.equal(await names("labelSelector=!tier"), []);
      assert.equal(await names("fieldSelector=metadata.name%3Dc"), ["c"]);
      assert.is((await stage.request("GET", `${path}?fieldSelector=data.k%3Dv`)).status, 400);
    },
  },
  {
    rule: "a list in pieces is a list as it was when it began",
    async holds(stage) {
      const path = configMaps(stage);
      for (const name of ["a", "b", "c"]) await stage.request("POST", path, configMap(name));
      const { body: first } = await stage.request("GET", `${path}?limit=2`);
      assert.is(first.items.length, 2);
      assert.is(first.metadata.remainingItemCount, 1);
      await stage.request("DELETE", `${path}/c`);
      const { body: rest } = await stage.request("GET", `${path}?limit=2&continue=${first.metadata.continue}`);
      assert.is(rest.items[0].metadata.name, "c");
      assert.is(rest.metadata.resourceVersion, first.metadata.resourceVersion);
    },
  },
  {
    rule: "a failed JSON Patch test changes nothing",
    async holds(stage) {
      const path = `${configMaps(stage)}/a`;
      await stage.request("POST", configMaps(stage), configMap("a", { k: "1" }));
      const patch = [{ op: "test", path: "/data/k", value: "2" }, { op: "replace", path: "/data/k", value: "3" }];
      const json = { contentType: "application/json-patch+json" };
      assert.is((await stage.request("PATCH", path, patch, json)).status, 422);
      assert.is((await stage.request("GET", path)).body.data.k, "1");
    },
  },
  {
    rule: "a strategic merge patch merges containers by name and deletes by $patch",
    async holds(stage) {
      const path = `${deployments(stage)}/d`;
      await stage.request("POST", deployments(stage), deployment("d"));
      const strategic = { contentType: "application/strategic-merge-patch+json" };
      const containers = (list: unknown[]) => ({ spec: { template: { spec: { containers: list } } } });
      const added = await stage.request("PATCH", path, containers([{ name: "side", image: "s" }]), strategic);
      const names = ({ body }: typeof added) =>
        body.spec.template.spec.containers.map((each: { name: string }) => each.name).sort();
      assert.equal(names(added), ["c", "side"]);
      const gone = await stage.request("PATCH", path, containers([{ name: "side", $patch: "delete" }]), strategic);
      assert.equal(names(gone), ["c"]);
    },
  },
  {
    rule: "what is not implemented is refused, not ignored",
    async holds(stage) {
      const { namespace } = stage;
      assert.is((await stage.request("GET", `/apis/batch/v1/namespaces/${namespace}/jobs`)).status, 404);
      assert.is((await stage.request("POST", `/api/v1/namespaces/${namespace}/pods/x/exec`, {})).status, 404);
      assert.is(
        (await stage.request("POST", configMaps(stage), "k8s", { contentType: "application/vnd.kubernetes.protobuf" }))
          .status,
        415,
      );
      assert.is((await stage.request("GET", configMaps(stage), undefined, { accept: "application/cbor" })).status, 406);
    },
  },
  {
    rule: "no credentials is anonymous and may see nothing but health; wrong ones are 401",
    async holds(stage) {
      assert.is((await stage.request("GET", configMaps(stage), undefined, { token: "" })).status, 403);
      assert.is((await stage.request("GET", "/readyz", undefined, { token: "" })).status, 200);
      assert.is((await stage.request("GET", configMaps(stage), undefined, { token: "wrong" })).status, 401);
    },
  },
  {
    rule: "deleting a collection deletes what its selector chooses",
    async holds(stage) {
      const path = configMaps(stage);
      for (const name of ["a", "b"]) {
        await stage.request("POST", path, { ...configMap(name), metadata: { name, labels: { name } } });
      }
      assert.is((await stage.request("DELETE", `${path}?labelSelector=name%3Da`)).status, 200);
      const { body } = await stage.request("GET", path);
      assert.equal(body.items.map((each: { metadata: { name: string } }) => each.metadata.name), ["b"]);
    },
  },
  {
    rule: "scale changes the replicas of its object, and its generation",
    async holds(stage) {
      const path = `${deployments(stage)}/d`;
      await stage.request("POST", deployments(stage), deployment("d"));
      const merge = { contentType: "application/merge-patch+json" };
      const { body: scale } = await stage.request("PATCH", `${path}/scale`, { spec: { replicas: 4 } }, merge);
      assert.is(scale.kind, "Scale");
      assert.is(scale.status.selector, "app=d");
      const { body } = await stage.request("GET", path);
      assert.is(body.spec.replicas, 4);
      assert.is(body.metadata.generation, 2);
    },
  },
  {
    rule: "an object larger than etcd takes is not stored",
    async holds(stage) {
      const big = { ...configMap("a"), metadata: { name: "a", annotations: {} }, binaryData: {} };
      const text = "x".repeat(1_600_000);
      const { status } = await stage.request("POST", configMaps(stage), { ...big, data: { k: text } });
      assert.ok(status >= 400);
      assert.is((await stage.request("GET", `${configMaps(stage)}/a`)).status, 404);
    },
  },
  {
    rule: "a body of another kind, name or namespace than its path is refused",
    async holds(stage) {
      const path = configMaps(stage);
      assert.is((await stage.request("POST", path, { ...configMap("a"), kind: "Secret" })).status, 400);
      const elsewhere = { ...configMap("a"), metadata: { name: "a", namespace: "default" } };
      assert.is((await stage.request("POST", path, elsewhere)).status, 400);
      await stage.request("POST", path, configMap("a"));
      assert.is((await stage.request("PUT", `${path}/a`, configMap("b"))).status, 400);
    },
  },
  {
    rule: "impersonation asks what the other user may do, and needs the verb impersonate",
    async holds(stage) {
      const { namespace, server } = stage;
      const account = `system:serviceaccount:${namespace}:nobody`;
      const as = (user: string, token?: string) =>
        stage.request("GET", configMaps(stage), undefined, { headers: { "Impersonate-User": user }, token });
      const refused = await as(account);
      assert.is(refused.status, 403);
      assert.match(refused.body.message, `User "${account}" cannot list resource "configmaps"`);
      const { body } = await stage.request("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "nobody" },
      });
      const { token } = server.tokens.issue({ account: body }, new Date());
      assert.match((await as("kubernetes-admin", token)).body.message, 'cannot impersonate resource "users"');
    },
  },
];
