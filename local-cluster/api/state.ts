import type { AdmissionContext } from "../admission/admission.ts";
import { createAdmission } from "../admission/chain.ts";
import { authorize } from "../auth/rbac.ts";
import type { Decision, RequestAttributes, User } from "../auth/user.ts";
import { builtinTypes } from "../schema/builtin/types.ts";
import { bootstrap } from "./bootstrap.ts";
import type { ApiContext } from "./context.ts";
import { createCrdController } from "./crd-controller.ts";
import { renormalize } from "./decode.ts";
import { seededRandom } from "./random.ts";
import { Storage } from "./storage.ts";
import { objectReader, TypeRegistry } from "./type-registry.ts";
import { WatchHub } from "./watch-hub.ts";

export type ServiceResolver = (
  service: { namespace: string; name: string; port: number },
) => { host: string; port: number } | undefined;

export type StateOptions = {
  readonly seed: number;
  readonly disturbances: boolean;
  readonly now: () => Date;
  readonly resolveService: ServiceResolver;
  readonly clientCertificate?: AdmissionContext["clientCertificate"];
  /** Told of everything that RBAC was asked for a request, with its answer. */
  readonly onDecision?: DecisionHook;
};

export type DecisionHook = (user: User, attributes: RequestAttributes, decision: Decision) => void;

/** Everything of an API server but its sockets: an empty cluster that acts on its own until it is stopped. */
export function createApiState(
  { seed, disturbances, now, resolveService, clientCertificate, onDecision }: StateOptions,
) {
  const random = seededRandom(seed);
  let addresses = 0;
  const storage = new Storage();
  const hub = new WatchHub(storage, () => disturbances ? lagMs(random.next()) : 0);
  const types = new TypeRegistry(builtinTypes());
  const reader = objectReader(storage, types);
  const admission = createAdmission({
    reader,
    resolveService,
    clientCertificate,
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
    authorize(user, attributes) {
      const decision = authorize(user, attributes, reader);
      onDecision?.(user, attributes, decision);
      return decision;
    },
    prepare: () => ({ now: now(), allocateClusterIp }),
  };
  const crds = createCrdController(context);
  bootstrap(context);
  return {
    context,
    reader,
    stop(): void {
      admission.stop();
      crds.stop();
      hub.stop();
    },
  };

  function allocateClusterIp(): string {
    addresses++;
    return `10.96.${addresses >> 8 & 255}.${addresses & 255}`;
  }
}

/** Most events come at once, some late: up to 300 ms. */
function lagMs(chance: number): number {
  return chance < 0.5 ? 0 : Math.round((chance - 0.5) * 600);
}
