import * as assert from "uvu/assert";
import { startApiServer } from "../api/server.ts";
import { issueServingIdentity } from "../api/tls.ts";
import { rawClient } from "./client.ts";
import { eventually, type Rule, type Stage } from "./rule.ts";
import { withWebhook } from "./webhook.ts";

const configMaps = ({ namespace }: Stage) => `/api/v1/namespaces/${namespace}/configmaps`;
const configMap = (data: Record<string, string> = {}, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", ...metadata },
  data,
});
const allow = () => ({ allowed: true });
const jsonPatch = (operations: unknown) => ({
  allowed: true,
  patchType: "JSONPatch",
  patch: Buffer.from(JSON.stringify(operations)).toString("base64"),
});
const failed = 'Internal error occurred: failed calling webhook "hook.rules.example": ';

/** A webhook that breaks the protocol: refused under Fail, as if not there under Ignore. */
function breach(rule: string, reply: () => Record<string, unknown> | string, words: string, mutating = false): Rule {
  return {
    rule,
    holds: (stage) =>
      withWebhook(stage, reply, async ({ register }) => {
        await register({ failurePolicy: "Fail" }, mutating);
        const { status, body } = await stage.request("POST", configMaps(stage), configMap());
        assert.is(status, 500);
        assert.ok(body.message.startsWith(failed + words), body.message);
      }),
  };
}

/** Webhooks over TLS, as `docs/reference/access-authn-authz/extensible-admission-controllers` has them. */
export const admissionRules: readonly Rule[] = [
  {
    rule: "a webhook is asked with ?timeout= and a whole AdmissionReview, and a denial carries its words and code",
    holds: (stage) =>
      withWebhook(
        stage,
        () => ({ allowed: false, status: { message: "not today", code: 418 } }),
        async ({ register, questions }) => {
          assert.is((await register({ timeoutSeconds: 7 })).status, 201);
          const { status, body } = await stage.request("POST", configMaps(stage), configMap({ a: "1" }));
          assert.is(status, 418);
          assert.is(body.message, 'admission webhook "hook.rules.example" denied the request: not today');
          const [question] = questions;
          assert.is(question?.path, "/check?timeout=7s");
          const { uid, userInfo, options, object, ...rest } = question?.request;
          assert.match(uid, /^[0-9a-f-]{36}$/);
          assert.is(userInfo.username, "kubernetes-admin");
          assert.is(options.kind, "CreateOptions");
          assert.equal(object.data, { a: "1" });
          const kind = { group: "", version: "v1", kind: "ConfigMap" };
          const resource = { group: "", version: "v1", resource: "configmaps" };
          assert.equal(rest, {
            kind,
            resource,
            requestKind: kind,
            requestResource: resource,
            name: "a",
            namespace: stage.namespace,
            operation: "CREATE",
            oldObject: null,
            dryRun: false,
          });
        },
      ),
  },
  {
    rule: "a mutating webhook's patch is stored, after defaults, and validated like any object",
    holds: (stage) =>
      withWebhook(
        stage,
        ({ request }) =>
          jsonPatch([
            request.object.data.bad
              ? { op: "add", path: "/data/a~1b", value: "" }
              : { op: "add", path: "/data/b", value: "2" },
          ]),
        async ({ register }) => {
          await register({}, true);
          const { body } = await stage.request("POST", configMaps(stage), configMap({ a: "1" }));
          assert.equal(body.data, { a: "1", b: "2" });
          const refused = await stage.request("POST", configMaps(stage), configMap({ bad: "1" }, { name: "b" }));
          assert.is(refused.status, 422);
        },
      ),
  },
  breach(
    "a patch from a validating webhook is a failure",
    () => jsonPatch([]),
    "validating webhook may not return response.patch",
  ),
  breach("a response with another uid is a failure", () => ({ uid: "x", allowed: true }), 'expected response.uid="'),
  breach("a response that is no AdmissionReview v1 is a failure", () => "{}", "webhook response was absent"),
  breach(
    "a patch without patchType is a failure",
    () => ({ ...jsonPatch([]), patchType: undefined }),
    "webhook returned response.patch but not response.patchType",
    true,
  ),
  breach(
    "a patch that does not apply is a failure",
    () => jsonPatch([{ op: "remove", path: "/data/none" }]),
    "the webhook's patch cannot be applied",
    true,
  ),
  {
    rule: "a webhook that is silent for timeoutSeconds is a failure; under failurePolicy Ignore the request goes on",
    holds: (stage) =>
      withWebhook(stage, () => "silence", async ({ register }) => {
        await register({ timeoutSeconds: 1 });
        const { status, body } = await stage.request("POST", configMaps(stage), configMap());
        assert.is(status, 500);
        assert.match(
          body.message,
          /failed to call webhook: Post "https:\/\/hook\.rules\.svc:\d+\/check\?timeout=1s": context deadline exceeded/,
        );
        await register({ timeoutSeconds: 1, failurePolicy: "Ignore" }, true);
        await stage.request(
          "DELETE",
          `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${stage.namespace}`,
        );
        assert.is((await stage.request("POST", configMaps(stage), configMap())).status, 201);
      }),
  },
  {
    rule: "a webhook whose certificate is not of its caBundle is not trusted",
    holds: (stage) =>
      withWebhook(stage, allow, async ({ register, questions }) => {
        const other = await issueServingIdentity({ ips: [], dnsNames: ["hook.rules.svc"], now: new Date() });
        const service = { name: "hook", namespace: "rules", port: 1000 + Number(/\d+$/.exec(stage.namespace)?.[0]) };
        await register({ clientConfig: { service, caBundle: Buffer.from(other.caPem).toString("base64") } });
        assert.is((await stage.request("POST", configMaps(stage), configMap())).status, 500);
        assert.is(questions.length, 0);
      }),
  },
  {
    rule: "a webhook's certificate must name its Service",
    holds: (stage) =>
      withWebhook(stage, allow, async ({ register, questions }) => {
        const { body } = await register();
        const [{ clientConfig }] = body.webhooks;
        const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${stage.namespace}`;
        const service = { ...clientConfig.service, name: "other" };
        const patch = [{ op: "replace", path: "/webhooks/0/clientConfig/service", value: service }];
        await stage.request("PATCH", path, patch, { contentType: "application/json-patch+json" });
        assert.is((await stage.request("POST", configMaps(stage), configMap())).status, 500);
        assert.is(questions.length, 0);
      }),
  },
  {
    rule: "a Service without ready pods is a failure that says so",
    holds: (stage) =>
      withWebhook(stage, allow, async ({ register }) => {
        stage.server.setServiceResolver(() => undefined);
        await register();
        const { body } = await stage.request("POST", configMaps(stage), configMap());
        assert.match(body.message, /no endpoints available for service "hook"/);
      }),
  },
  {
    rule: "matchConditions choose; one that cannot be evaluated refuses under Fail",
    holds: (stage) =>
      withWebhook(stage, allow, async ({ register, questions }) => {
        const matchConditions = [
          { name: "not-the-robot", expression: "request.userInfo.username != 'robot'" },
          { name: "marked", expression: "object.data.mark == 'yes'" },
        ];
        await register({ matchConditions });
        const post = (name: string, data: Record<string, string>) =>
          stage.request("POST", configMaps(stage), configMap(data, { name }));
        assert.is((await post("a", { mark: "yes" })).status, 201);
        assert.is((await post("b", { mark: "no" })).status, 201);
        assert.equal(questions.map(({ request }) => request.name), ["a"]);
        const refused = await post("c", { other: "x" });
        assert.is(refused.status, 403);
        assert.match(refused.body.message, /configmaps "c" is forbidden: .*No such key: mark/);
      }),
  },
  {
    rule: "objectSelector looks at the old labels too",
    holds: (stage) =>
      withWebhook(stage, allow, async ({ register, questions }) => {
        await register({ objectSelector: { matchLabels: { watched: "yes" } } });
        await stage.request("POST", configMaps(stage), configMap({}, { labels: { watched: "yes" } }));
        const path = `${configMaps(stage)}/a`, merge = { contentType: "application/merge-patch+json" };
        await stage.request("PATCH", path, { metadata: { labels: { watched: "no" } } }, merge);
        await stage.request("PATCH", path, { data: { a: "1" } }, merge);
        assert.equal(questions.map(({ request }) => request.operation), ["CREATE", "UPDATE"]);
      }),
  },
  {
    rule: "namespaceSelector never leaves out cluster-scoped objects, and judges a Namespace by its own labels",
    holds: (stage) =>
      withWebhook(stage, allow, async ({ register, questions }) => {
        const rules = [{
          operations: ["CREATE"],
          apiGroups: ["*"],
          apiVersions: ["*"],
          resources: ["namespaces", "clusterroles"],
        }];
        await register({ rules, namespaceSelector: { matchLabels: { of: stage.namespace } } });
        const namespace = (name: string, labels: object) => ({
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name, labels },
        });
        await stage.request("POST", "/api/v1/namespaces", namespace(`${stage.namespace}-in`, { of: stage.namespace }));
        await stage.request("POST", "/api/v1/namespaces", namespace(`${stage.namespace}-out`, {}));
        const role = {
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRole",
          metadata: { name: stage.namespace },
        };
        await stage.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", role);
        assert.equal(questions.map(({ request }) => request.name), [`${stage.namespace}-in`, stage.namespace]);
      }),
  },
  {
    rule: "webhook configurations are sent to no webhook, whatever its rules say",
    holds: (stage) =>
      withWebhook(stage, () => ({ allowed: false }), async ({ register, questions }) => {
        const rules = [{
          operations: ["*"],
          apiGroups: ["admissionregistration.k8s.io"],
          apiVersions: ["*"],
          resources: ["*"],
        }];
        await register({ rules, namespaceSelector: {} });
        assert.is((await register({ rules, namespaceSelector: {} }, true)).status, 201);
        assert.is(questions.length, 0);
      }),
  },
  {
    rule: "DELETE sends the old object and no new one, dry-run says so, and warnings become headers",
    holds: (stage) =>
      withWebhook(stage, () => ({ allowed: true, warnings: ["mind the gap"] }), async ({ register, questions }) => {
        await register();
        await stage.request("POST", `${configMaps(stage)}?dryRun=All`, configMap());
        const { warnings } = await stage.request("POST", configMaps(stage), configMap({ a: "1" }));
        assert.ok(warnings.some((each) => each.includes("mind the gap")), warnings.join());
        await stage.request("DELETE", `${configMaps(stage)}/a`);
        assert.equal(questions.map(({ request }) => [request.operation, request.dryRun]), [
          ["CREATE", true],
          ["CREATE", false],
          ["DELETE", false],
        ]);
        assert.is(questions[2]?.request.object, null);
        assert.equal(questions[2]?.request.oldObject.data, { a: "1" });
      }),
  },
  {
    rule: "a changed webhook configuration is seen late, within about a second",
    async holds() {
      const server = await startApiServer({ disturbances: true, seed: 7 });
      const stage = { ...rawClient(server), server, namespace: "rule-1" };
      try {
        await stage.request("POST", "/api/v1/namespaces", {
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name: "rule-1" },
        });
        await withWebhook(stage, () => ({ allowed: false }), async ({ register }) => {
          await register();
          const first = await stage.request("POST", `${configMaps(stage)}?dryRun=All`, configMap());
          assert.is(first.status, 201);
          await eventually(async () =>
            (await stage.request("POST", `${configMaps(stage)}?dryRun=All`, configMap())).status === 400 || undefined
          );
        });
      } finally {
        await server.stop();
      }
    },
  },
];
