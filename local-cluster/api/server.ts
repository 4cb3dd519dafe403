import type { KubeObject } from "../../contracts/kubernetes.ts";
import { serve } from "../../runtime/http-server.ts";
import type { Log } from "../../runtime/log.ts";
import { createAdmission } from "../admission/chain.ts";
import { authenticate, type AuthenticationContext } from "../auth/authenticate.ts";
import { bootstrapRbac } from "../auth/bootstrap.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import { authorize } from "../auth/rbac.ts";
import { answerReview } from "../auth/reviews.ts";
import { createTokenIssuer, type TokenIssuer } from "../auth/service-account-tokens.ts";
import type { User } from "../auth/user.ts";
import { builtinTypes } from "../schema/builtin/types.ts";
import { groupResourceOf } from "../schema/resource-type.ts";
import type { ApiContext, WriteInfo } from "./context.ts";
import { createCrdController } from "./crd-controller.ts";
import { renormalize } from "./decode.ts";
import { kubeconfigFor } from "./kubeconfig.ts";
import { seededRandom } from "./random.ts";
import { apiHandler } from "./router.ts";
import { Storage } from "./storage.ts";
import type { SubresourceHooks } from "./subresource-handlers.ts";
import { issueServingIdentity } from "./tls.ts";
import { objectReader, TypeRegistry } from "./type-registry.ts";
import { WatchHub } from "./watch-hub.ts";
import { prepareNew } from "./write/create.ts";

export type ApiServerOptions = {
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
  readonly seed?: number;
  /** Lagging watches, watches that end or answer 410, CRDs that need a moment, late webhook configurations. */
  readonly disturbances?: boolean;
  readonly log?: Log;
  readonly now?: () => Date;
  /** Called around every write; throwing or never returning is the caller's kind of chaos. */
  readonly onWrite?: (info: WriteInfo) => void | Promise<void>;
  /** A ready pod behind a port of a Service. */
  readonly resolveService?: ServiceResolver;
};

export type ServiceResolver = (
  service: { namespace: string; name: string; port: number },
) => { host: string; port: number } | undefined;

/** A running API server and what its own cluster may do beside the API. */
export type ApiServer = {
  readonly url: string;
  readonly caPem: string;
  /** A kubeconfig text: the administrator's, or one that reads a token from a file. */
  kubeconfig(user?: { tokenFile: string }): string;
  /** Direct reads, no permission asked. */
  readonly reader: ObjectReader;
  /** What is stored and which kinds are served: for the cluster's own controllers, such as the garbage collector. */
  readonly storage: Storage;
  readonly types: TypeRegistry;
  readonly tokens: TokenIssuer;
  /** What the node answers: set `podLogs` when it runs. */
  readonly hooks: SubresourceHooks;
  setServiceResolver(resolve: ServiceResolver): void;
  setOnWrite(hook: ApiServerOptions["onWrite"]): void;
  /** What `/readyz` says; true from the start. */
  setReady(ready: boolean): void;
  /**
   * False: as if the server's process were gone; open connections break and new ones are refused. True: it is back on
   * the same port with what was stored. Resolves when it is so.
   */
  setAvailable(available: boolean): Promise<void>;
  stop(): Promise<void>;
};

/** Namespaces that every cluster has. */
const initialNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** Starts an empty cluster's API server on loopback, over TLS. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { host = "127.0.0.1", port = 0, seed = 1, disturbances = false, log, now = () => new Date() } = options;
  const random = seededRandom(seed);
  const storage = new Storage();
  const hub = new WatchHub(storage, () => disturbances ? lagMs(random.next()) : 0);
  const types = new TypeRegistry(builtinTypes());
  const reader = objectReader(storage, types);
  const adminToken = crypto.randomUUID();
  const admin: User = { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
  const tokens = createTokenIssuer();
  const authentication = (): AuthenticationContext => ({
    tokens,
    reader,
    staticTokens: new Map([[adminToken, admin]]),
    now: now(),
  });
  let clusterIp = 1;
  let resolveService: ServiceResolver = options.resolveService ?? (() => undefined);
  const admission = createAdmission({
    reader,
    resolveService: (service) => resolveService(service),
    renormalize,
    configurationDelayMs: () => disturbances ? random.between(0, 1000) : 0,
  });
  storage.onEvent((resource) => {
    if (/^(validating|mutating)webhookconfigurations\./.test(resource)) admission.configurationChanged();
  });
  const context: ApiContext = {
    storage,
    hub,
    types,
    random,
    disturbances,
    now,
    admission,
    unfinishedLists: new Map(),
    authorize: (user, attributes) => authorize(user, attributes, reader),
    prepare: () => ({
      now: now(),
      allocateClusterIp: () => `10.96.${clusterIp >> 8 & 255}.${clusterIp++ & 255}`,
    }),
  };
  const crds = createCrdController(context);
  const hooks: SubresourceHooks = {
    issueToken: async (account, request) => tokenRequestAnswer(request, account),
  };
  let ready = true, onWrite = options.onWrite;
  bootstrap(context);

  const identity = await issueServingIdentity({
    ips: [...new Set([host, "127.0.0.1"])],
    dnsNames: ["localhost", "kubernetes.default.svc"],
    now: now(),
  });
  const stopping = new AbortController();
  const handler = apiHandler(context, {
    authenticate: (request) =>
      authenticate({ authorization: request.headers.get("authorization") ?? undefined }, authentication()),
    review: (review, user, namespace) => answerReview(review, { ...authentication(), user, namespace }),
    hooks,
    ready: () => ready,
    onWrite: (info) => onWrite?.(info),
  });
  const listenOn = async (port: number) => {
    const away = new AbortController();
    const server = await serve((request) => handler(request), {
      host,
      port,
      tls: { cert: identity.certPem, key: identity.keyPem },
      signal: AbortSignal.any([stopping.signal, away.signal]),
      drainMs: 100,
      ...(log ? { log } : {}),
    });
    return { away, server };
  };
  let listener = await listenOn(port);
  const { url, port: actualPort } = listener.server;
  return {
    url,
    caPem: identity.caPem,
    kubeconfig: (user) => kubeconfigFor({ url, caPem: identity.caPem, user: user ?? { token: adminToken } }),
    reader,
    storage,
    types,
    tokens,
    hooks,
    setServiceResolver: (next) => resolveService = next,
    setOnWrite: (hook) => onWrite = hook,
    setReady: (next) => ready = next,
    async setAvailable(available) {
      const { away, server } = listener;
      if (available !== away.signal.aborted) return;
      if (available) return void (listener = await listenOn(actualPort));
      away.abort();
      await server.closed;
    },
    async stop() {
      admission.stop();
      crds.stop();
      hub.stop();
      stopping.abort();
      await listener.server.closed;
    },
  };

  function tokenRequestAnswer(request: Record<string, unknown>, account: KubeObject): Record<string, unknown> {
    const spec = (request.spec ?? {}) as { expirationSeconds?: number; audiences?: string[] };
    const { expirationSeconds, audiences } = spec;
    return { ...request, status: tokens.issue({ account, expirationSeconds, audiences }, now()) };
  }
}

/** Most events come at once, some late: up to 300 ms. */
function lagMs(chance: number): number {
  return chance < 0.5 ? 0 : Math.round((chance - 0.5) * 600);
}

/** What is there before the first request. */
function bootstrap(context: ApiContext): void {
  const namespaces = initialNamespaces.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
  for (const object of [...namespaces, ...bootstrapRbac()]) {
    const type = context.types.ofKind(object);
    if (type === undefined) throw new Error(`no type for ${object.apiVersion} ${object.kind}`);
    const request = {
      verb: "create",
      type,
      user: { username: "system:apiserver", groups: ["system:masters"] },
      dryRun: false,
      fieldManager: "kube-apiserver",
      fieldValidation: "Strict" as const,
      contentType: "application/json",
      body: "",
      force: false,
      signal: new AbortController().signal,
      warn: () => undefined,
    };
    context.storage.create(groupResourceOf(type), prepareNew(context, request, object));
  }
}
