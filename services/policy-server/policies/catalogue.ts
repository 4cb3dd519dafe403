// pure
import type { Capabilities } from "../../../contracts/capabilities.ts";
import type { GroupExpression } from "../../../contracts/group-expression.ts";
import type { KindRef } from "../../../contracts/kubernetes.ts";
import type { Span } from "../../../runtime/telemetry/span.ts";
import type { VerdictRules } from "../admission/verdict-rules.ts";
import type { ExecutionMode } from "./execution-mode.ts";
import type { PolicyProblem } from "./problems.ts";

/** A module with its settings and grants: what one evaluation needs. Members of groups have one each. */
export type Runnable = {
  /** `name` or `group/member`. */
  policy: string;
  /** SHA-256 of the module as it was fetched; policies with the same digest share the compiled module. */
  digest: string;
  mode: ExecutionMode;
  module: WebAssembly.Module;
  /** Settings as JSON text, numbers as they were written. */
  settings: string;
  /** Undefined: no limit. */
  timeoutMs: number | undefined;
  capabilities: Capabilities;
  /** Kinds of objects that it may read from the cluster. */
  contextAwareResources: readonly KindRef[];
  /** Of a namespaced policy; empty where it is one but nobody says of which namespace. */
  namespace?: string | undefined;
  /**
   * For Rego: what of the cluster the policy may see, as the JSON of `data.kubernetes` (opa) or `data.inventory`
   * (gatekeeper); undefined: nothing. An error's message is the verdict's. Asked anew for each evaluation, whose signal
   * it is given.
   */
  contextData?: ((signal: AbortSignal) => Promise<ContextData>) | undefined;
  /** For one run only: is told when it begins, after having waited; and its span, where traces are wanted. */
  begun?: ((waitedMs: number) => void) | undefined;
  span?: Span | undefined;
};

/** JSON, and how long the evaluation has waited for it: time that its guest does not have any more. */
export type ContextData = { json: Uint8Array; tookMs: number };

export type CataloguedPolicy =
  | { kind: "policy"; runnable: Runnable; rules: VerdictRules }
  | {
    kind: "group";
    rules: VerdictRules;
    /** Said to the user when the group rejects. */
    message: string;
    expression: GroupExpression;
    members: ReadonlyMap<string, Runnable>;
  }
  /** Cannot be served, and says why to everyone who asks; only under `--continue-on-errors`. */
  | { kind: "broken"; rules: VerdictRules; problems: readonly PolicyProblem[] };

/** Every policy this server answers for, by id. It never changes after start-up. */
export type Catalogue = ReadonlyMap<string, CataloguedPolicy>;

/** Everything that is wrong with the policies of a catalogue, in the order of their names. */
export function problemsIn(catalogue: Catalogue): PolicyProblem[] {
  return [...catalogue.values()].flatMap((each) => each.kind === "broken" ? each.problems : [])
    .sort((a, b) => a.policy < b.policy ? -1 : 1);
}
