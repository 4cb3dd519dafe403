// pure
import type { RequestFacts } from "./request-facts.ts";
import type { GuestInput } from "./run-policy.ts";

/** One question to a policy, from whatever endpoint. */
export type Question = GuestInput & {
  policyId: string;
  uid: string;
  /** `audit` answers with the policy's plain word, without our rules. */
  purpose: "validate" | "audit";
  /** The request's namespace; absent for raw requests, which no namespace waves through. */
  namespace?: string | undefined;
  /** For metrics and traces; absent for raw requests. */
  facts?: RequestFacts | undefined;
};
