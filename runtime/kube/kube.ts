import type { IncomingMessage } from "node:http";
import { KubewardenError } from "../../contracts/errors.ts";
import { parseJson, stringifyJson } from "../../contracts/json.ts";
import type { KindRef, KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { type KubeConfigOptions, loadKubeAccess } from "./config.ts";
import { type ApiResource, groupPath, KubeDiscovery } from "./discovery.ts";
import { kubeErrorFor } from "./errors.ts";
import { named, refFor } from "./names.ts";
import { type KubePage, type ListAnswer, pagesOf } from "./pages.ts";
import { createKubeTransport, type KubeTransport, type KubeTransportOptions } from "./transport.ts";
import { watchEvents } from "./watch.ts";
import type { WatchEvent } from "./watch.ts";

export type { WatchEvent } from "./watch.ts";

type Abortable = { signal?: AbortSignal };
export type ListOptions = Abortable & { namespace?: string; labelSelector?: string; fieldSelector?: string };
export type CreateOptions = Abortable & { fieldManager?: string; dryRun?: boolean };
export type ReplaceOptions = Abortable & { subresource?: string; fieldManager?: string };
export type ApplyOptions = Abortable & {
  fieldManager: string;
  force?: boolean;
  subresource?: "status";
  dryRun?: boolean;
};
export type PatchOptions = Abortable & {
  type: "json" | "merge" | "strategic";
  subresource?: string;
  fieldManager?: string;
};
export type RemoveOptions = Abortable & { propagationPolicy?: "Background" | "Foreground" | "Orphan" };
export type WatchOptions = {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion: string;
  signal: AbortSignal;
  /** Called when the server has taken the watch; the first event may come much later. */
  opened?: (() => void) | undefined;
};
export type RawRequest = Abortable & { body?: string; headers?: Record<string, string> };

/**
 * The Kubernetes API. Numbers stay as written (`contracts/json.ts`), every write is strict about unknown fields, and a
 * refusal is a `KubewardenError` whose code starts with `KUBE_` and whose message carries the server's words.
 */
export type Kube = {
  readonly server: string;
  /** `undefined` when there is no such object. */
  get(ref: ObjectRef, options?: Abortable): Promise<KubeObject | undefined>;
  /** All pages; the resourceVersion is where a watch goes on. */
  list(kind: KindRef, options?: ListOptions): Promise<{ items: KubeObject[]; resourceVersion: string }>;
  /** The same page by page, for those who do not want to hold all of it. */
  pages(kind: KindRef, options?: ListOptions): AsyncIterable<KubePage>;
  create(object: KubeObject, options?: CreateOptions): Promise<KubeObject>;
  /** PUT; with `metadata.resourceVersion` it fails with `KUBE_CONFLICT` if someone was faster. */
  replace(object: KubeObject, options?: ReplaceOptions): Promise<KubeObject>;
  /** Server-side apply. */
  apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  patch(ref: ObjectRef, body: unknown, options: PatchOptions): Promise<KubeObject>;
  /** Deletes this incarnation (`ref.uid`) or whatever bears the name; already gone counts as done. */
  remove(ref: ObjectRef, options?: RemoveOptions): Promise<void>;
  /** Ends when the server ends the stream; throws `KUBE_GONE` when the resourceVersion is too old. */
  watch(kind: KindRef, options: WatchOptions): AsyncIterable<WatchEvent>;
  /** Plural and scope of a kind; throws `KUBE_NOT_FOUND` when the server does not serve it. */
  resource(kind: KindRef, options?: Abortable): Promise<ApiResource>;
  /** Any path, for what has no kind: `/version`, `/openapi/v3`. Does not judge the status. */
  request(method: string, path: string, options?: RawRequest): Promise<{ status: number; body: string }>;
};

/** Connects by KUBECONFIG, `~/.kube/config` or the pod's ServiceAccount. Throws `CONFIG_INVALID`; asks the server nothing. */
export async function connectKube(options: KubeConfigOptions & KubeTransportOptions = {}): Promise<Kube> {
  return createKube(createKubeTransport(await loadKubeAccess(options), options));
}

const contentTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

/** A `Kube` over any transport. */
export function createKube(transport: KubeTransport): Kube {
  const discovery = new KubeDiscovery(transport);

  async function collectionPath(kind: KindRef, namespace: string | undefined, signal?: AbortSignal): Promise<string> {
    const { plural, namespaced } = await discovery.resource(kind, signal);
    const scope = namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
    return `${groupPath(kind.apiVersion)}${scope}/${plural}`;
  }

  async function objectPath(ref: ObjectRef, subresource?: string, signal?: AbortSignal): Promise<string> {
    const { namespaced } = await discovery.resource(ref, signal);
    if (namespaced && !ref.namespace) {
      throw new KubewardenError("KUBE_INVALID", `Cannot address ${named(ref)}: it needs a namespace`);
    }
    const path = await collectionPath(ref, ref.namespace, signal);
    return `${path}/${encodeURIComponent(ref.name)}${subresource ? `/${subresource}` : ""}`;
  }

  async function write(what: string, method: string, path: string, o: Abortable & { type?: string; body: unknown }) {
    const headers = { "Content-Type": o.type ?? "application/json" };
    const answer = await transport.send({ method, path, headers, body: stringifyJson(o.body), signal: o.signal });
    if (answer.status < 200 || answer.status > 299) throw kubeErrorFor(what, answer.status, answer.body);
    return parseJson(answer.body) as KubeObject;
  }

  async function get(ref: ObjectRef, { signal }: Abortable = {}): Promise<KubeObject | undefined> {
    const { status, body } = await transport.send({
      method: "GET",
      path: await objectPath(ref, undefined, signal),
      signal,
    });
    if (status === 404) return undefined;
    if (status !== 200) throw kubeErrorFor(`get ${named(ref)}`, status, body);
    return parseJson(body) as KubeObject;
  }

  async function listPage(
    kind: KindRef,
    o: ListOptions,
    page: { limit?: number | undefined; continue?: string | undefined },
  ) {
    const path = await collectionPath(kind, o.namespace, o.signal);
    const query = queryOf({ labelSelector: o.labelSelector, fieldSelector: o.fieldSelector, ...page });
    const { status, body } = await transport.send({ method: "GET", path: path + query, signal: o.signal });
    if (status === 404) discovery.forget(kind.apiVersion);
    if (status !== 200) throw kubeErrorFor(`list ${kind.kind}`, status, body);
    return parseJson(body) as ListAnswer;
  }

  function pages(kind: KindRef, options: ListOptions = {}): AsyncIterable<KubePage> {
    return pagesOf(kind, (page) => listPage(kind, options, page));
  }

  return {
    server: transport.server,
    get,

    pages,
    resource: (kind, { signal } = {}) => discovery.resource(kind, signal),

    async list(kind, options) {
      let items: KubeObject[] = [], resourceVersion = "";
      for await (const page of pages(kind, options)) {
        items = page.first ? page.items : items.concat(page.items);
        resourceVersion = page.resourceVersion;
      }
      return { items, resourceVersion };
    },

    async create(object, o = {}) {
      const { namespaced } = await discovery.resource(object, o.signal);
      if (namespaced && !object.metadata.namespace) {
        throw new KubewardenError("KUBE_INVALID", `Cannot create ${named(object)}: it needs a namespace`);
      }
      const path = await collectionPath(object, object.metadata.namespace, o.signal);
      const query = queryOf({ ...strict, fieldManager: o.fieldManager, dryRun: o.dryRun ? "All" : undefined });
      return await write(`create ${named(object)}`, "POST", path + query, { body: object, signal: o.signal });
    },

    async replace(object, o = {}) {
      const path = await objectPath(refFor(object), o.subresource, o.signal);
      const query = queryOf({ ...strict, fieldManager: o.fieldManager });
      return await write(`replace ${named(object)}`, "PUT", path + query, { body: object, signal: o.signal });
    },

    async apply(object, o) {
      const path = await objectPath(refFor(object), o.subresource, o.signal);
      const dryRun = o.dryRun ? "All" : undefined;
      const query = queryOf({ ...strict, fieldManager: o.fieldManager, force: o.force ? "true" : undefined, dryRun });
      const type = "application/apply-patch+yaml";
      const what = `apply ${o.subresource ? `${o.subresource} of ` : ""}${named(object)}`;
      return await write(what, "PATCH", path + query, { type, body: object, signal: o.signal });
    },

    async patch(ref, body, o) {
      const path = await objectPath(ref, o.subresource, o.signal);
      const query = queryOf({ ...strict, fieldManager: o.fieldManager });
      return await write(`patch ${named(ref)}`, "PATCH", path + query, {
        type: contentTypes[o.type],
        body,
        signal: o.signal,
      });
    },

    async remove(ref, { propagationPolicy, signal } = {}) {
      const preconditions = ref.uid ? { uid: ref.uid } : undefined;
      const body = stringifyJson({ apiVersion: "v1", kind: "DeleteOptions", propagationPolicy, preconditions });
      const path = await objectPath(ref, undefined, signal);
      const headers = { "Content-Type": "application/json" };
      const answer = await transport.send({ method: "DELETE", path, body, headers, signal });
      if (answer.status === 404 || (answer.status >= 200 && answer.status < 300)) return;
      if (answer.status === 409 && ref.uid && (await get(ref, { signal }))?.metadata.uid !== ref.uid) return;
      throw kubeErrorFor(`delete ${named(ref)}`, answer.status, answer.body);
    },

    async *watch(kind, { namespace, labelSelector, fieldSelector, resourceVersion, signal, opened }) {
      const what = `watch ${kind.kind}`;
      const path = await collectionPath(kind, namespace, signal);
      // As client-go: every watch ends by itself after a while, not all at once.
      const timeoutSeconds = 240 + Math.floor(Math.random() * 240);
      const query = queryOf({
        watch: "1",
        allowWatchBookmarks: "true",
        resourceVersion,
        timeoutSeconds,
        labelSelector,
        fieldSelector,
      });
      const { status, body } = await transport.open(
        { method: "GET", path: path + query, signal },
        (timeoutSeconds + 30) * 1000,
      );
      if (status === 404) discovery.forget(kind.apiVersion);
      if (status !== 200) throw kubeErrorFor(what, status, await readAll(body));
      opened?.();
      try {
        yield* watchEvents(body, what);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },

    async request(method, path, { body, headers, signal } = {}) {
      const type: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
      return await transport.send({ method, path, body, headers: { ...type, ...headers }, signal });
    },
  };
}

const strict = { fieldValidation: "Strict" };

function queryOf(parameters: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text && `?${text}`;
}

async function readAll(body: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
