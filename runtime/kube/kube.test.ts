import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { isRawNumber } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { connectKube, type Kube, type WatchEvent } from "./kube.ts";
import { json, kubeconfigFor, type Script, type ScriptedApi, scriptedApi, type Seen } from "../testing/scripted-api.ts";

const never = new AbortController().signal;
const started: ScriptedApi[] = [];
test.after(async () => {
  for (const each of started) await each.stop();
});

async function apiServer(script: Script, o: { tls?: boolean } = {}): Promise<ScriptedApi> {
  const api = await scriptedApi(script, o.tls ? await servingCertificate() : undefined);
  started.push(api);
  return api;
}

async function servingCertificate() {
  const authority = await issueAuthority(new Date());
  const leaf = await issueLeaf({ authority, dnsName: "api.test", now: new Date() });
  return { cert: leaf.certificate, key: leaf.privateKey, ca: authority.certificate };
}

const configMap = { apiVersion: "v1", kind: "ConfigMap" };
const object: KubeObject = { ...configMap, metadata: { name: "a", namespace: "n" } };

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof KubewardenError ? error.code : String(error);
  }
}

test("kube: reads an object with every digit, over TLS, with the token of the kubeconfig's tokenFile", async () => {
  const { kube, requests } = await apiServer(
    ({ path }) =>
      path === "/api/v1/namespaces/n/configmaps/a"
        ? json('{"metadata":{"name":"a"},"big":9007199254740993}')
        : undefined,
    {
      tls: true,
    },
  );
  const found = await kube.get({ ...configMap, name: "a", namespace: "n" });
  assert.ok(isRawNumber(found?.big));
  assert.is(requests.at(-1)?.headers.get("authorization"), "Bearer first-token");
  assert.is(await kube.get({ ...configMap, name: "b", namespace: "n" }), undefined);
  assert.is(requests.filter(({ path }) => path === "/api/v1").length, 1);
});

test("kube: a rotated token is read again when the old one is refused", async () => {
  const { kube, folder } = await apiServer(({ path, headers }) => {
    if (!path.startsWith("/version")) return undefined;
    return headers.get("authorization") === "Bearer second-token" ? json("{}") : json("{}", 401);
  });
  assert.is((await kube.request("GET", "/version")).status, 401);
  await writeFile(join(folder, "token"), "second-token\n");
  assert.is((await kube.request("GET", "/version")).status, 200);
});

test("kube: writes are strict and carry what the verb asks for", async () => {
  const { kube, requests } = await apiServer(({ method, body }) => method === "GET" ? undefined : json(body || "{}"));
  const last = () => requests.at(-1) as Seen;
  await kube.create(object, { dryRun: true, fieldManager: "me" });
  assert.is(`${last().method} ${last().path}`, "POST /api/v1/namespaces/n/configmaps");
  assert.is(last().query.toString(), "fieldValidation=Strict&fieldManager=me&dryRun=All");
  await kube.apply(object, { fieldManager: "me", force: true, subresource: "status" });
  assert.is(`${last().method} ${last().path}`, "PATCH /api/v1/namespaces/n/configmaps/a/status");
  assert.is(last().query.toString(), "fieldValidation=Strict&fieldManager=me&force=true");
  assert.is(last().headers.get("content-type"), "application/apply-patch+yaml");
  await kube.patch({ ...configMap, name: "a", namespace: "n" }, [], { type: "json" });
  assert.is(last().headers.get("content-type"), "application/json-patch+json");
  await kube.replace({ apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } });
  assert.is(`${last().method} ${last().path}`, "PUT /api/v1/namespaces/n");
});

test("kube: a namespaced object without a namespace is refused before it is sent", async () => {
  const { kube, requests } = await apiServer(() => undefined);
  const homeless = { ...configMap, metadata: { name: "a" } };
  assert.is(await codeOf(kube.create(homeless)), "KUBE_INVALID");
  assert.is(await codeOf(kube.apply(homeless, { fieldManager: "me" })), "KUBE_INVALID");
  assert.ok(requests.every(({ method }) => method === "GET"));
});

const refusals: [number, string, string][] = [
  [400, "BadRequest", "KUBE_INVALID"],
  [401, "Unauthorized", "KUBE_UNAUTHORIZED"],
  [403, "Forbidden", "KUBE_FORBIDDEN"],
  [404, "NotFound", "KUBE_NOT_FOUND"],
  [409, "AlreadyExists", "KUBE_ALREADY_EXISTS"],
  [409, "Conflict", "KUBE_CONFLICT"],
  [410, "Expired", "KUBE_GONE"],
  [422, "Invalid", "KUBE_INVALID"],
  [500, "InternalError", "KUBE_FAILED"],
];
for (const [status, reason, code] of refusals) {
  test(`kube: ${status} ${reason} becomes ${code} with the server's words`, async () => {
    const { kube } = await apiServer(({ method }) =>
      method === "POST" ? json(JSON.stringify({ kind: "Status", reason, message: "because" }), status) : undefined
    );
    const error = await kube.create(object).catch((error) => error);
    assert.is(error.code, code);
    assert.match(error.message, /ConfigMap "n\/a": because/);
  });
}

test("kube: a server that is not there is KUBE_UNREACHABLE", async () => {
  const { kubeconfig } = await apiServer(() => undefined);
  await writeFile(kubeconfig, kubeconfigFor({ server: "http://127.0.0.1:1" }));
  const kube = await connectKube({ kubeconfig });
  assert.is(await codeOf(kube.list(configMap)), "KUBE_UNREACHABLE");
});

test("kube: a kubeconfig that is not there is CONFIG_INVALID", async () => {
  assert.is(await codeOf(connectKube({ kubeconfig: "/nowhere/config" })), "CONFIG_INVALID");
});

test("kube: a kind that the server does not serve yet is found once it is served", async () => {
  let served = false;
  const { kube } = await apiServer(({ path }) => {
    if (path === "/apis/policies.kubewarden.io/v1" && !served) return json("{}", 404);
    return path.endsWith("/policyservers") ? json('{"metadata":{"resourceVersion":"7"},"items":[]}') : undefined;
  });
  const kind = { apiVersion: "policies.kubewarden.io/v1", kind: "PolicyServer" };
  assert.is(await codeOf(kube.list(kind)), "KUBE_NOT_FOUND");
  served = true;
  assert.equal(await kube.list(kind), { items: [], resourceVersion: "7" });
});

test("kube: list takes all pages and names the kind in each item", async () => {
  const { kube } = await apiServer(({ path, query }) => {
    if (path !== "/api/v1/namespaces/n/configmaps") return undefined;
    return query.get("continue") === "more"
      ? json('{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"b"}}]}')
      : json('{"metadata":{"resourceVersion":"9","continue":"more"},"items":[{"metadata":{"name":"a"}}]}');
  });
  const { items, resourceVersion } = await kube.list(configMap, { namespace: "n" });
  assert.equal(items.map(({ kind, metadata }) => `${kind} ${metadata.name}`), ["ConfigMap a", "ConfigMap b"]);
  assert.is(resourceVersion, "9");
});

test("kube: list starts over when its continue token has expired", async () => {
  const { kube } = await apiServer(({ path, query }) => {
    if (!path.endsWith("/configmaps")) return undefined;
    if (query.get("continue")) return json('{"reason":"Expired"}', 410);
    return query.get("limit")
      ? json('{"metadata":{"continue":"more"},"items":[{"metadata":{"name":"a"}}]}')
      : json('{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"b"}}]}');
  });
  const { items } = await kube.list(configMap);
  assert.equal(items.map(({ metadata }) => metadata.name), ["b"]);
});

test("kube: remove with a uid is done when another incarnation bears the name", async () => {
  let uid = "new";
  const { kube, requests } = await apiServer(({ method, path }) => {
    if (method === "DELETE") return json('{"message":"uid mismatch"}', 409);
    return path.endsWith("/configmaps/a") ? json(JSON.stringify({ metadata: { uid } })) : undefined;
  });
  const ref = { ...configMap, name: "a", namespace: "n", uid: "old" };
  await kube.remove(ref);
  assert.equal(JSON.parse(requests.find(({ method }) => method === "DELETE")?.body ?? "").preconditions, {
    uid: "old",
  });
  uid = "old";
  assert.is(await codeOf(kube.remove(ref)), "KUBE_CONFLICT");
});

test("kube: throttling is waited out", async () => {
  let asked = 0;
  const { kube } = await apiServer(({ path }) => {
    if (path !== "/version") return undefined;
    return ++asked < 3 ? new Response("", { status: 429, headers: { "retry-after": "0" } }) : json("{}");
  });
  assert.is((await kube.request("GET", "/version")).status, 200);
});

test("kube: a watch that is throttled is opened again when the server says, and not listed anew", async () => {
  let asked = 0;
  const { kube, requests } = await apiServer(({ query }) => {
    if (!query.has("watch")) return undefined;
    return ++asked < 3 ? new Response("", { status: 429, headers: { "retry-after": "0" } }) : json("");
  });
  assert.equal(await collect(kube), []);
  assert.is(asked, 3);
  assert.ok(
    requests.filter(({ query }) => query.has("watch")).every(({ query }) => query.get("resourceVersion") === "1"),
  );
});

test("kube: requests keep to the limit and are told with their status", async () => {
  const { kubeconfig } = await apiServer(({ path }) => path === "/version" ? json("{}") : undefined);
  const told: string[] = [];
  let turns = 0;
  const kube = await connectKube({
    kubeconfig,
    limit: async () => void turns++,
    onRequest: ({ method, path }, status) => told.push(`${method} ${path} ${status}`),
  });
  await kube.request("GET", "/version");
  await kube.request("GET", "/nothing");
  assert.is(turns, 2);
  assert.equal(told, ["GET /version 200", "GET /nothing 404"]);
});

test("kube: watch yields events however they are cut, and ends with the stream", async () => {
  const bytes = new TextEncoder().encode(
    '{"type":"ADDED","object":{"metadata":{"name":"ä"}}}\n{"type":"BOOKMARK","object":{"metadata":{"name":""}}}\n',
  );
  const { kube } = await watching((controller) => {
    for (let i = 0; i < bytes.length; i += 7) controller.enqueue(bytes.slice(i, i + 7));
    controller.close();
  });
  const events = await collect(kube);
  assert.equal(events.map(({ type, object }) => `${type} ${object.metadata.name}`), ["ADDED ä", "BOOKMARK "]);
});

test("kube: an ERROR event with code 410 is KUBE_GONE, and so is an answer of 410", async () => {
  const { kube } = await watching((controller) => {
    controller.enqueue(new TextEncoder().encode('{"type":"ERROR","object":{"code":410,"message":"too old"}}\n'));
  });
  assert.is(await codeOf(collect(kube)), "KUBE_GONE");
  const refusing = await apiServer(({ query }) => query.has("watch") ? json("{}", 410) : undefined);
  assert.is(await codeOf(collect(refusing.kube)), "KUBE_GONE");
});

test("kube: a watch ends with its signal, and the server sees that", async () => {
  const left = Promise.withResolvers<void>();
  const { kube } = await watching(
    (controller) =>
      controller.enqueue(new TextEncoder().encode('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n')),
    () => left.resolve(),
  );
  const stop = new AbortController();
  const watch = kube.watch(configMap, { resourceVersion: "1", signal: stop.signal });
  const error = await (async () => {
    for await (const _ of watch) stop.abort(new Error("enough"));
  })().catch((error) => error);
  assert.is(error.message, "enough");
  await left.promise;
});

async function watching(start: (controller: ReadableStreamDefaultController) => void, onCancel = () => {}) {
  return await apiServer(({ query }) =>
    query.has("watch") ? new Response(new ReadableStream({ start, cancel: onCancel })) : undefined
  );
}

async function collect(kube: Kube): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of kube.watch(configMap, { resourceVersion: "1", signal: never })) events.push(event);
  return events;
}

test.run();
