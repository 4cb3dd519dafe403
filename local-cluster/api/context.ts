import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Admission } from "../admission/admission.ts";
import type { Decision, RequestAttributes, User } from "../auth/user.ts";
import type { PrepareContext, ResourceType } from "../schema/resource-type.ts";
import type { Random } from "./random.ts";
import type { Storage } from "./storage.ts";
import type { TypeRegistry } from "./type-registry.ts";
import type { WatchHub } from "./watch-hub.ts";

/** What a request tells whoever wants to disturb or count it. */
export type RequestSeen = {
  readonly user: string;
  /** The pod that the sender's token is bound to. */
  readonly pod?: string;
  readonly verb: string;
  /** Plural and group, e.g. `deployments.apps`; a path where the request is about none. */
  readonly resource: string;
};

/** A write that will be, has been or was not stored; `after` and `refused` come before the answer is sent. */
export type WriteInfo = RequestSeen & {
  /** Of the object; absent where the server is to choose one, and for a collection. */
  readonly name?: string;
  readonly namespace?: string;
  readonly phase: "before" | "after" | "refused";
};

export type UnfinishedList = { readonly items: readonly KubeObject[]; readonly resourceVersion: string };

/** Everything a handler needs of the server it runs in. */
export type ApiContext = {
  readonly storage: Storage;
  readonly hub: WatchHub;
  readonly types: TypeRegistry;
  readonly random: Random;
  readonly disturbances: boolean;
  readonly now: () => Date;
  readonly admission: Admission;
  readonly authorize: (user: User, attributes: RequestAttributes) => Decision;
  readonly prepare: () => PrepareContext;
  /** The rest of lists that were answered in part, by their continue token. */
  readonly unfinishedLists: Map<string, UnfinishedList>;
};

/** One write on its way: whose, to what, how. */
export type WriteRequest = {
  readonly verb: string;
  readonly type: ResourceType;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  readonly user: User;
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** The body's media type without parameters. */
  readonly contentType: string;
  readonly body: string;
  readonly force: boolean;
  readonly signal: AbortSignal;
  /** Becomes a Warning header of the answer. */
  readonly warn: (text: string) => void;
};

/** What came of a write: created answers 201. */
export type WriteResult = { readonly object: unknown; readonly code: number };
