import * as assert from "uvu/assert";
import { startApiServer } from "../api/server.ts";
import { rawClient } from "./client.ts";
import { eventually, type Rule, type Stage } from "./rule.ts";

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** A definition of its own for each rule, so that they do not disturb one another. */
function definition({ namespace }: Pick<Stage, "namespace">) {
  const group = `${namespace}.example.com`;
  return {
    group,
    name: `things.${group}`,
    things: `/apis/${group}/v1/things`,
    crd: {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: "Cluster",
        names: { plural: "things", singular: "thing", kind: "Thing", listKind: "ThingList", shortNames: ["th"] },
        versions: [{
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: {
                  type: "object",
                  properties: {
                    size: { type: "integer", default: 1, maximum: 10 },
                    settings: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
                  },
                },
                status: { type: "object", properties: { phase: { type: "string" } } },
              },
            },
          },
        }],
      },
    },
  };
}

const thing = (group: string, extra: Record<string, unknown> = {}) => ({
  apiVersion: `${group}/v1`,
  kind: "Thing",
  metadata: { name: "a" },
  ...extra,
});

async function established(stage: Stage) {
  const made = definition(stage);
  const answer = await stage.request("POST", crds, made.crd);
  assert.is(answer.status, 201, answer.body.message);
  await eventually(async () => (await stage.request("GET", made.things)).status === 200 || undefined);
  return made;
}

/** CustomResourceDefinitions and their objects. */
export const crdRules: readonly Rule[] = [
  {
    rule: "a custom resource is 404 until its CRD is Established, which takes a moment",
    async holds({ namespace }) {
      const server = await startApiServer({ disturbances: true, seed: 4 });
      const client = rawClient(server);
      const { crd, things, name } = definition({ namespace });
      await client.request("POST", crds, crd);
      assert.is((await client.request("GET", things)).status, 404);
      await eventually(async () => {
        const { body } = await client.request("GET", `${crds}/${name}`);
        return body.status?.conditions?.some((each: { type: string; status: string }) =>
          each.type === "Established" && each.status === "True"
        ) || undefined;
      });
      assert.is((await client.request("GET", things)).status, 200);
      await server.stop();
    },
  },
  {
    rule: "a custom resource gets its defaults, loses unknown fields, and keeps free-form ones with every digit",
    async holds(stage) {
      const { group, things } = await established(stage);
      const text = `{"apiVersion":"${group}/v1","kind":"Thing","metadata":{"name":"a"},` +
        `"spec":{"typo":1,"settings":{"big":12345678901234567890,"exact":1.0}}}`;
      assert.is((await stage.request("POST", things, text)).status, 201);
      const { body } = await stage.request("GET", `${things}/a`);
      assert.is(body.spec.size, 1);
      assert.is(body.spec.typo, undefined);
      assert.is(JSON.stringify(body.spec.settings), '{"big":12345678901234567890,"exact":1.0}');
    },
  },
  {
    rule: "a custom resource that breaks its schema is 422 with the field and the reason",
    async holds(stage) {
      const { group, things } = await established(stage);
      const { status, body } = await stage.request("POST", things, thing(group, { spec: { size: 11 } }));
      assert.is(status, 422);
      assert.is(body.details.causes[0].field, "spec.size");
    },
  },
  {
    rule: "an update of a custom resource must name the resourceVersion; strategic merge patch is 415",
    async holds(stage) {
      const { group, things } = await established(stage);
      await stage.request("POST", things, thing(group));
      assert.is((await stage.request("PUT", `${things}/a`, thing(group))).status, 422);
      const strategic = { contentType: "application/strategic-merge-patch+json" };
      assert.is((await stage.request("PATCH", `${things}/a`, { spec: {} }, strategic)).status, 415);
    },
  },
  {
    rule: "generation of a custom resource moves with its spec, not with its status",
    async holds(stage) {
      const { group, things } = await established(stage);
      await stage.request("POST", things, thing(group, { status: { phase: "ignored" } }));
      const merge = { contentType: "application/merge-patch+json" };
      const { body } = await stage.request("PATCH", `${things}/a/status`, { status: { phase: "up" } }, merge);
      assert.is(body.metadata.generation, 1);
      assert.is(body.status.phase, "up");
      assert.is(
        (await stage.request("PATCH", `${things}/a`, { spec: { size: 3 } }, merge)).body.metadata.generation,
        2,
      );
    },
  },
  {
    rule: "status values of appliers stay apart: what one leaves out goes, what the other owns stays",
    async holds(stage) {
      const { group, things } = await established(stage);
      await stage.apply(`${things}/a`, thing(group, { spec: { settings: { a: 1 } } }), "one");
      await stage.apply(`${things}/a`, thing(group, { spec: { settings: { b: 2 } } }), "two");
      const { body } = await stage.apply(`${things}/a`, thing(group, { spec: { size: 2 } }), "one");
      assert.equal(body.spec, { size: 2, settings: { b: 2 } });
    },
  },
  {
    rule: "a CRD carries a cleanup finalizer once it is established, and can be changed and applied again",
    async holds(stage) {
      const { crd, name } = await established(stage);
      const { body } = await stage.request("GET", `${crds}/${name}`);
      assert.equal(body.metadata.finalizers, ["customresourcecleanup.apiextensions.k8s.io"]);
      const columns = [{ name: "Size", type: "integer", jsonPath: ".spec.size" }];
      const [version] = crd.spec.versions;
      const spec = { ...crd.spec, versions: [{ ...version, additionalPrinterColumns: columns }] };
      const { status, body: applied } = await stage.apply(`${crds}/${name}`, { ...crd, spec }, "one", "&force=true");
      assert.is(status, 200, applied.message);
      await eventually(async () => {
        const table = await stage.request("GET", definition(stage).things, undefined, {
          accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
        });
        return table.body.columnDefinitions.some((each: { name: string }) => each.name === "Size") || undefined;
      });
    },
  },
  {
    rule: "deleting a CRD deletes its objects first, and waits for their finalizers",
    async holds(stage) {
      const { group, things, name } = await established(stage);
      await stage.request("POST", things, {
        ...thing(group),
        metadata: { name: "a", finalizers: ["example.com/f"] },
      });
      await stage.request("POST", things, { ...thing(group), metadata: { name: "b" } });
      const watch = stage.watch(`${things}?watch=true`, () => false);
      await stage.request("DELETE", `${crds}/${name}`);
      await eventually(async () => (await stage.request("GET", `${things}/b`)).status === 404 || undefined);
      const refused = await stage.request("POST", things, { ...thing(group), metadata: { name: "c" } });
      assert.is(refused.status, 405);
      const { body } = await stage.request("GET", `${things}/a`);
      assert.ok(body.metadata.deletionTimestamp);
      const merge = { contentType: "application/merge-patch+json" };
      await stage.request("PATCH", `${things}/a`, { metadata: { finalizers: null } }, merge);
      await eventually(async () => (await stage.request("GET", `${crds}/${name}`)).status === 404 || undefined);
      assert.is((await stage.request("GET", things)).status, 404);
      const lines = await watch;
      assert.is(lines[0]?.type, "ADDED", "the watch of a kind that is gone has ended by itself");
    },
  },
];
