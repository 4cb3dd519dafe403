import type { KubeObject } from "../../contracts/kubernetes.ts";
import { serve } from "../../runtime/http/server.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import type { ClientCertificate } from "../admission/admission.ts";
import { authenticate, type AuthenticationContext } from "../auth/authenticate.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import { answerReview } from "../auth/reviews.ts";
import { createTokenIssuer, type TokenIssuer } from "../auth/service-account-tokens.ts";
import type { User } from "../auth/user.ts";
import type { RequestSeen, WriteInfo } from "./context.ts";
import { kubeconfigFor } from "./kubeconfig.ts";
import { apiHandler } from "./router.ts";
import { createApiState, type DecisionHook, type ServiceResolver } from "./state.ts";
import type { Storage } from "./storage.ts";
import type { SubresourceHooks } from "./subresource-handlers.ts";
import { issueServingIdentity } from "./tls.ts";
import type { TypeRegistry } from "./type-registry.ts";

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
  /** Told of every request that RBAC allows or denies from now on. */
  setOnDecision(hook: DecisionHook | undefined): void;
  /** What the node answers: set `podLogs` when it runs. */
  readonly hooks: SubresourceHooks;
  setServiceResolver(resolve: ServiceResolver): void;
  /** What webhooks see that ask for a certificate (mutual TLS); nothing until then. */
  setClientCertificate(pair: ClientCertificate | undefined): void;
  /** The address the API server itself would call for a Service now. */
  readonly resolveService: ServiceResolver;
  /** Called before every request; what it throws is the answer. */
  setOnRequest(hook: ((info: RequestSeen) => void | Promise<void>) | undefined): void;
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

/** Starts an empty cluster's API server on loopback, over TLS. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { host = "127.0.0.1", seed = 1, disturbances = false, log, now = () => new Date() } = options;
  let resolveService: ServiceResolver = options.resolveService ?? (() => undefined);
  let ready = true, onWrite = options.onWrite;
  let clientCertificate: ClientCertificate | undefined;
  let onRequest: ((info: RequestSeen) => void | Promise<void>) | undefined;
  let onDecision: DecisionHook | undefined;
  const { context, reader, stop } = createApiState({
    seed,
    disturbances,
    now,
    resolveService: (service) => resolveService(service),
    clientCertificate: () => clientCertificate,
    onDecision: (...decided) => onDecision?.(...decided),
  });
  const tokens = createTokenIssuer();
  const adminToken = crypto.randomUUID();
  const staticTokens = new Map<string, User>([
    [adminToken, { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] }],
  ]);
  const authentication = (): AuthenticationContext => ({ tokens, reader, staticTokens, now: now() });
  const hooks: SubresourceHooks = { issueToken: async (account, request) => answerTokenRequest(account, request) };
  const handler = apiHandler(context, {
    authenticate: (request) =>
      authenticate({ authorization: request.headers.get("authorization") ?? undefined }, authentication()),
    review: (review, user, namespace) => answerReview(review, { ...authentication(), user, namespace }),
    hooks,
    ready: () => ready,
    onRequest: (info) => onRequest?.(info),
    onWrite: (info) => onWrite?.(info),
  });

  const ips = [...new Set([host, "127.0.0.1"])];
  const dnsNames = ["localhost", "kubernetes.default.svc"];
  const { caPem, certPem, keyPem } = await issueServingIdentity({ ips, dnsNames, now: now() });
  const stopping = new AbortController();
  const listenOn = async (port: number) => {
    const away = new AbortController();
    const server = await serve((request) => handler(request), {
      host,
      port,
      tls: { cert: certPem, key: keyPem },
      signal: AbortSignal.any([stopping.signal, away.signal]),
      drainMs: 100,
      ...(log ? { log } : {}),
    });
    return { away, server };
  };
  let listener = await listenOn(options.port ?? 0);
  const { url, port } = listener.server;
  return {
    url,
    caPem,
    kubeconfig: (user) => kubeconfigFor({ url, caPem, user: user ?? { token: adminToken } }),
    reader,
    storage: context.storage,
    types: context.types,
    tokens,
    setOnDecision: (hook) => onDecision = hook,
    hooks,
    setServiceResolver: (next) => resolveService = next,
    setClientCertificate: (next) => clientCertificate = next,
    resolveService: (service) => resolveService(service),
    setOnRequest: (hook) => onRequest = hook,
    setOnWrite: (hook) => onWrite = hook,
    setReady: (next) => ready = next,
    async setAvailable(available) {
      const { away, server } = listener;
      if (available !== away.signal.aborted) return;
      if (available) return void (listener = await listenOn(port));
      away.abort();
      await server.closed;
    },
    async stop() {
      stop();
      stopping.abort();
      await listener.server.closed;
    },
  };

  function answerTokenRequest(account: KubeObject, request: Record<string, unknown>): Record<string, unknown> {
    const { expirationSeconds, audiences } = (request.spec ?? {}) as {
      expirationSeconds?: number;
      audiences?: string[];
    };
    return { ...request, status: tokens.issue({ account, expirationSeconds, audiences }, now()) };
  }
}
