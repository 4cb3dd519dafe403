// pure
import type { CertificateFacts } from "./facts.ts";

/**
 * What is to be issued next, at most one thing at a time: the authority before anything it signs. `replaces` is the
 * resourceVersion of the Secret that was judged, so that two writers never overwrite one another's work.
 */
export type IssueRequest =
  /** A new authority; `trusted` are the former ones that webhooks must go on trusting. */
  | { issue: "authority"; replaces?: string; trusted: CertificateFacts[]; because: string }
  /** The certificates of an authority that another Secret provides. */
  | { issue: "copy"; replaces?: string; trusted: CertificateFacts[]; because: string }
  /** The same authority with another list of former ones. */
  | { issue: "trusted-list"; replaces: string; trusted: CertificateFacts[]; because: string }
  /** The serving certificate of a PolicyServer, or the client certificate: whatever the pass is about. */
  | { issue: "leaf"; replaces?: string; because: string };
