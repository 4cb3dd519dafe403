import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { bootstrapRbac } from "./bootstrap.ts";
import { escalationProblem } from "./escalation.ts";
import type { ObjectReader } from "./object-reader.ts";
import { authorize } from "./rbac.ts";
import type { RequestAttributes, User } from "./user.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";
const apiGroup = "rbac.authorization.k8s.io";
const serviceAccount: User = {
  username: "system:serviceaccount:n:robot",
  groups: ["system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"],
};

function role(name: string, rules: object[], namespace?: string): KubeObject {
  return { apiVersion, kind: namespace ? "Role" : "ClusterRole", metadata: { name, namespace }, rules };
}
function binding(kind: string, name: string, subject: object, namespace?: string): KubeObject {
  return {
    apiVersion,
    kind: namespace ? "RoleBinding" : "ClusterRoleBinding",
    metadata: { name: `${name}-${JSON.stringify(subject).length}`, namespace },
    roleRef: { apiGroup, kind, name },
    subjects: [subject],
  };
}
function readerOf(objects: KubeObject[]): ObjectReader {
  const list: ObjectReader["list"] = ({ kind, namespace }) =>
    objects.filter((each) => each.kind === kind && (namespace === undefined || each.metadata.namespace === namespace));
  return { list, get: ({ name, ...ref }) => list(ref).find(({ metadata }) => metadata.name === name) };
}

const robot = { kind: "ServiceAccount", name: "robot", namespace: "n" };
const reader = readerOf([
  ...bootstrapRbac(),
  role("pods", [{ apiGroups: [""], resources: ["pods", "pods/log"], verbs: ["get", "list"] }], "n"),
  binding("Role", "pods", robot, "n"),
  role("one-secret", [{ apiGroups: [""], resources: ["secrets"], resourceNames: ["a"], verbs: ["get", "update"] }]),
  binding("ClusterRole", "one-secret", robot, "m"),
  role("status", [{ apiGroups: ["*"], resources: ["*/status"], verbs: ["patch"] }]),
  binding("ClusterRole", "status", { kind: "Group", name: "system:serviceaccounts:n", apiGroup }),
  role("apps", [{ apiGroups: ["apps"], resources: ["*"], verbs: ["*"] }]),
  binding("ClusterRole", "apps", { kind: "User", name: "ann", apiGroup }),
]);

const inN = (verb: string, resource: string, more: Partial<RequestAttributes> = {}) => ({
  verb,
  group: "",
  resource,
  namespace: "n",
  ...more,
});
const ann: User = { username: "ann", groups: ["system:authenticated"] };
const anonymous: User = { username: "system:anonymous", groups: ["system:unauthenticated"] };
const admin: User = { username: "root", groups: ["system:masters", "system:authenticated"] };

const rows: [string, User, RequestAttributes, boolean][] = [
  ["a Role allows its verbs in its namespace", serviceAccount, inN("get", "pods"), true],
  ["a Role allows nothing in another namespace", serviceAccount, inN("get", "pods", { namespace: "o" }), false],
  ["a Role allows nothing across namespaces", serviceAccount, { verb: "list", group: "", resource: "pods" }, false],
  ["a verb that is not named is not allowed", serviceAccount, inN("delete", "pods"), false],
  ["a subresource is allowed by its own name", serviceAccount, inN("get", "pods", { subresource: "log" }), true],
  ["a resource does not include its subresources", serviceAccount, inN("get", "pods", { subresource: "exec" }), false],
  [
    "another group's resource of the same name is not allowed",
    serviceAccount,
    inN("get", "pods", { group: "x.io" }),
    false,
  ],
  [
    "a RoleBinding to a ClusterRole counts in its namespace",
    serviceAccount,
    inN("get", "secrets", { namespace: "m", name: "a" }),
    true,
  ],
  ["resourceNames leave out other names", serviceAccount, inN("get", "secrets", { namespace: "m", name: "b" }), false],
  ["resourceNames leave out requests without name", serviceAccount, inN("list", "secrets", { namespace: "m" }), false],
  ["a group's binding counts for its members, and */status is any status", serviceAccount, {
    verb: "patch",
    group: "g.io",
    resource: "things",
    subresource: "status",
    namespace: "z",
  }, true],
  ["*/status is not the resource itself", serviceAccount, { verb: "patch", group: "g.io", resource: "things" }, false],
  ["* covers verbs and resources of its group", ann, {
    verb: "deletecollection",
    group: "apps",
    resource: "deployments",
    namespace: "z",
  }, true],
  ["* of a group covers no other group", ann, { verb: "get", group: "", resource: "pods", namespace: "z" }, false],
  ["who is authenticated may discover", ann, { verb: "get", path: "/apis/apps/v1" }, true],
  ["who is not may not", anonymous, { verb: "get", path: "/apis/apps/v1" }, false],
  ["health is for everyone", anonymous, { verb: "get", path: "/healthz" }, true],
  ["who is authenticated may ask what they may do", ann, {
    verb: "create",
    group: "authorization.k8s.io",
    resource: "selfsubjectaccessreviews",
  }, true],
  ["system:masters may do everything", admin, { verb: "use", group: "x", resource: "y" }, true],
];

for (const [rule, user, attributes, allowed] of rows) {
  test(`rbac: ${rule}`, () => assert.is(authorize(user, attributes, reader).allowed, allowed));
}

const owner: User = { username: "owner", groups: ["system:authenticated"] };
const rules = [{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "update"] }];

test("rbac: a role may only hand out what its author holds", () => {
  assert.is(escalationProblem(role("r", rules), ann, reader), undefined);
  assert.match(
    escalationProblem(role("r", rules), owner, reader) ?? "",
    /attempting to grant RBAC permissions not currently held/,
  );
});

test("rbac: a rule for one name is held by one for all, but not the other way round", () => {
  const one = [{ apiGroups: [""], resources: ["secrets"], resourceNames: ["a"], verbs: ["get"] }];
  const all = [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }];
  assert.is(escalationProblem(role("r", one, "m"), serviceAccount, reader), undefined);
  assert.ok(escalationProblem(role("r", all, "m"), serviceAccount, reader));
});

test("rbac: binding a role needs its permissions or the verb bind", () => {
  const subject = { kind: "User", name: "eve", apiGroup };
  assert.ok(escalationProblem(binding("ClusterRole", "apps", subject), owner, reader));
  assert.is(escalationProblem(binding("ClusterRole", "apps", subject), ann, reader), undefined);
  const withBind = readerOf([
    ...reader.list({ apiVersion, kind: "ClusterRole" }),
    role("binder", [{ apiGroups: [apiGroup], resources: ["clusterroles"], resourceNames: ["apps"], verbs: ["bind"] }]),
    binding("ClusterRole", "binder", { kind: "User", name: "owner", apiGroup }),
  ]);
  assert.is(escalationProblem(binding("ClusterRole", "apps", subject), owner, withBind), undefined);
});

test.run();
