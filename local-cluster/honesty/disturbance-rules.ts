import * as assert from "uvu/assert";
import { startApiServer } from "../api/server.ts";
import { rawClient, type WatchLine } from "./client.ts";
import type { Rule } from "./rule.ts";

const configMap = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
const path = "/api/v1/namespaces/default";

/** What a real cluster does to its clients now and then, made frequent. */
export const disturbanceRules: readonly Rule[] = [
  {
    rule: "a watch may be refused as too old, and then a list and a new watch bring everything",
    async holds() {
      const server = await startApiServer({ disturbances: true, seed: 7 });
      const client = rawClient(server);
      const first = await client.request("POST", `${path}/configmaps`, configMap("a"));
      const since = first.body.metadata.resourceVersion;
      await client.request("POST", `${path}/configmaps`, configMap("b"));
      let gone: WatchLine | undefined;
      while (gone === undefined) {
        const lines = await client.watch(
          `${path}/configmaps?watch=true&resourceVersion=${since}`,
          (all) => all.length > 0,
        );
        gone = lines.find(({ type }) => type === "ERROR");
      }
      assert.is(gone.object.code, 410);
      assert.is(gone.object.reason, "Expired");
      assert.is((await client.request("GET", `${path}/configmaps`)).body.items.length, 2);
      await server.stop();
    },
  },
  {
    rule: "a watch ends by itself, long before its time is up",
    async holds() {
      const server = await startApiServer({ disturbances: true, seed: 3 });
      const client = rawClient(server);
      const ended = Array.from(
        { length: 8 },
        () => client.watch(`${path}/secrets?watch=true&timeoutSeconds=600`, () => false),
      );
      await Promise.race(ended);
      await server.stop();
    },
  },
  {
    rule: "kinds lag independently: an older event of one kind may be seen after a newer one of another",
    async holds() {
      const server = await startApiServer({ disturbances: true, seed: 11 });
      const client = rawClient(server);
      const seen: { kind: string; revision: number }[] = [];
      const rounds = 12;
      const follow = (resource: string, kind: string) => {
        let count = 0;
        return client.watch(`${path}/${resource}?watch=true`, (lines) => {
          for (const { type, object } of lines.slice(count)) {
            if (type === "ADDED") seen.push({ kind, revision: Number(object.metadata.resourceVersion) });
          }
          count = lines.length;
          return lines.filter(({ type }) => type === "ADDED").length >= rounds || lines.at(-1)?.type === "ERROR";
        });
      };
      const watches = [follow("configmaps", "ConfigMap"), follow("secrets", "Secret")];
      for (let round = 0; round < rounds; round++) {
        await client.request("POST", `${path}/configmaps`, configMap(`c${round}`));
        await client.request("POST", `${path}/secrets`, { ...configMap(`s${round}`), kind: "Secret" });
      }
      await Promise.all(watches);
      const outOfOrder = seen.some(({ revision }, index) =>
        seen.slice(0, index).some((each) => each.revision > revision)
      );
      assert.ok(outOfOrder, "every event came in the order of the writes");
      for (const kind of ["ConfigMap", "Secret"]) {
        const own = seen.filter((each) => each.kind === kind).map(({ revision }) => revision);
        assert.equal(own, [...own].sort((left, right) => left - right), "one kind is never out of order");
      }
      await server.stop();
    },
  },
  {
    rule: "the hook around writes sees who wrote what, before and after",
    async holds({ server, namespace, request }) {
      const seen: string[] = [];
      server.setOnWrite(({ user, verb, resource, phase }) => void seen.push(`${phase} ${user} ${verb} ${resource}`));
      await request("POST", `/api/v1/namespaces/${namespace}/configmaps`, configMap("a"));
      await request("GET", `/api/v1/namespaces/${namespace}/configmaps`);
      server.setOnWrite(undefined);
      assert.equal(seen, ["before kubernetes-admin create configmaps", "after kubernetes-admin create configmaps"]);
    },
  },
];
