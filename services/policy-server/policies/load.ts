import { parseCapabilities } from "../../../contracts/capabilities.ts";
import { type ErrorCode, KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { parseGroupExpression } from "../../../contracts/group-expression.ts";
import { stringifyJson } from "../../../contracts/json.ts";
import type {
  GroupEntry,
  PoliciesFile,
  PolicyEntry,
  RunnableEntry,
  SingleEntry,
} from "../../../contracts/policy-config.ts";
import { type Limiter, limiter } from "../../../runtime/limiter.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import { withoutCredentials } from "../../../runtime/net/stream.ts";
import type { RunGuest } from "../admission/run-policy.ts";
import type { VerdictRules } from "../admission/verdict-rules.ts";
import type { LoadedModule } from "../modules/store.ts";
import type { Catalogue, CataloguedPolicy, Runnable } from "./catalogue.ts";
import type { PolicyProblem } from "./problems.ts";
import { assertSettings } from "./settings.ts";

export type LoadContext = {
  /** Fetches, checks and compiles; a URL or a module that many policies share is handled once. */
  loadModule: (url: string) => Promise<LoadedModule>;
  run: RunGuest;
  /** What of the cluster a policy sees without asking; without this, nothing. */
  contextDataFor?: (runnable: Runnable) => Runnable["contextData"];
  /** Limit of one evaluation where the policy names none; undefined: no limit. */
  defaultTimeoutMs: number | undefined;
  log: Log;
  signal: AbortSignal;
};

/**
 * Makes every configured policy ready: module, grants, group expression, settings. Looks at all of them even when some
 * fail, so that the operator hears of every problem at once; a policy with problems is in the catalogue as broken.
 */
export async function loadPolicies(file: PoliciesFile, context: LoadContext): Promise<Catalogue> {
  // However many policies there are, they must not overrun the queue of the sandbox.
  const inTurn = limiter(16);
  const entries = [...file].map(async ([id, entry]) => [id, await loadEntry(id, entry, { context, inTurn })] as const);
  return new Map(await Promise.all(entries));
}

type Loading = {
  context: LoadContext;
  inTurn: Limiter;
  report: (policy: string, error: unknown) => void;
  namespace: string | undefined;
};

async function loadEntry(
  id: string,
  entry: PolicyEntry,
  { context, inTurn }: Pick<Loading, "context" | "inTurn">,
): Promise<CataloguedPolicy> {
  const problems: PolicyProblem[] = [];
  const report = (policy: string, error: unknown) => {
    context.signal.throwIfAborted();
    const code = error instanceof KubewardenError ? error.code : "GUEST_FAILED";
    problems.push({ policy, code, message: messageOf(error) });
  };
  const loading = { context, inTurn, report, namespace: namespaceOf(id, entry) };
  const loaded = entry.kind === "group" ? await loadGroup(id, entry, loading) : await loadSingle(id, entry, loading);
  return loaded ?? { kind: "broken", rules: rulesOf(id, entry), problems };
}

/**
 * Ids of namespaced policies are `namespaced-<namespace>-<name>`, which does not tell where the namespace ends; the
 * reconciler writes beside them what does (reference/controller.md, policies.yml).
 */
function namespaceOf(id: string, { namespacedName }: PolicyEntry): string | undefined {
  if (namespacedName !== undefined) return namespacedName.Namespace || undefined;
  return id.startsWith("namespaced-") ? "" : undefined;
}

/** A group has no message rule of its own, its message is its verdict's text already; and it never mutates. */
function rulesOf(policy: string, entry: PolicyEntry): VerdictRules {
  const { policyMode: mode } = entry;
  if (entry.kind === "group") return { policy, mode, allowedToMutate: false };
  return { policy, mode, allowedToMutate: entry.allowedToMutate, message: entry.message };
}

async function loadSingle(id: string, entry: SingleEntry, loading: Loading): Promise<CataloguedPolicy | undefined> {
  const runnable = await loadRunnable(id, entry, loading);
  return runnable && { kind: "policy", runnable, rules: rulesOf(id, entry) };
}

async function loadGroup(id: string, entry: GroupEntry, loading: Loading): Promise<CataloguedPolicy | undefined> {
  const members = await Promise.all(
    [...entry.policies].map(async ([name, member]) =>
      [name, await loadRunnable(`${id}/${name}`, member, loading)] as const
    ),
  );
  try {
    const expression = parseGroupExpression(entry.expression, entry.policies.keys());
    const usable = members.filter((each): each is [string, Runnable] => each[1] !== undefined);
    if (usable.length < members.length) return undefined;
    return {
      kind: "group",
      rules: rulesOf(id, entry),
      message: entry.message,
      expression,
      members: new Map(usable),
    };
  } catch (error) {
    loading.report(id, error);
    return undefined;
  }
}

async function loadRunnable(
  policy: string,
  entry: RunnableEntry,
  { context, inTurn, report, namespace }: Loading,
): Promise<Runnable | undefined> {
  const { log, run, signal } = context;
  try {
    const capabilities = granted(policy, entry);
    const { digest, mode, module } = await moduleFor(policy, entry.module, context);
    const timeoutMs = entry.timeoutEvalSeconds === undefined
      ? context.defaultTimeoutMs
      : entry.timeoutEvalSeconds * 1000;
    const runnable: Runnable = {
      policy,
      digest,
      mode,
      module,
      settings: stringifyJson(entry.settings),
      timeoutMs,
      capabilities,
      contextAwareResources: entry.contextAwareResources,
      namespace,
    };
    const started = performance.now();
    await inTurn(() => assertSettings(runnable, run, signal));
    log.info("Policy settings are valid", { policy, ms: Math.round(performance.now() - started) });
    const contextData = context.contextDataFor?.(runnable);
    if (contextData !== undefined && mode === "opa" && Object.hasOwn(entry.settings, "kubernetes")) {
      // Upstream's rule: reference/policy-server.md 6.3.2.
      log.warn("The setting `kubernetes` is overwritten with what the policy may see of the cluster", { policy });
    }
    return { ...runnable, contextData };
  } catch (error) {
    report(policy, error);
    return undefined;
  }
}

function granted(policy: string, entry: RunnableEntry) {
  try {
    return parseCapabilities(entry.hostCapabilities);
  } catch (cause) {
    throw new KubewardenError(
      "CAPABILITY_INVALID",
      `bootstrap failure: invalid hostCapabilities pattern for policy ${policy}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

async function moduleFor(policy: string, url: string, { loadModule }: LoadContext): Promise<LoadedModule> {
  try {
    return await loadModule(url);
  } catch (cause) {
    const code = cause instanceof KubewardenError ? cause.code : "MODULE_FETCH_FAILED";
    const text = moduleProblem(policy, { url, code, reason: messageOf(cause) });
    throw new KubewardenError(code, `bootstrap failure: ${policy}: ${text}`, { cause });
  }
}

/** Upstream's words for what went wrong before there was a module (3.2.4). */
function moduleProblem(
  policy: string,
  { url, code, reason }: { url: string; code: ErrorCode; reason: string },
): string {
  const name = policy.replace("/", "/#");
  if (code === "VERIFICATION_FAILED" || code === "TRUST_ROOT_UNAVAILABLE") {
    return `Policy '${name}' cannot be verified: ${reason.trimEnd()}\nmodule: ${withoutCredentials(url)}`;
  }
  const isOfDownload = code === "MODULE_FETCH_FAILED" || code.startsWith("DOWNLOAD_") ||
    code === "DOCKER_CONFIG_INVALID";
  return isOfDownload ? `Error while downloading policy '${name}' from ${withoutCredentials(url)}: ${reason}` : reason;
}
