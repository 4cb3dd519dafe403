// pure

/** Whom a certificate names; Fulcio names exactly one. */
export type Subject = { kind: "email" | "uri"; value: string };

/** What a certificate authority vouched for. */
export type Identity = {
  /** The URL of who knew the signer, as its token said. */
  issuer: string;
  subject: Subject;
  /** `owner/repository` of the workflow that signed, if it was a workflow on GitHub. */
  workflowRepository?: string;
};

/** One signature of one image: only what was verified. A signature of something else has no facts. */
export type SignatureFacts = {
  /** What the signer said besides; values as text. */
  annotations: ReadonlyMap<string, string>;
  /** Those of the keys that were asked for (PEM, as they were given) that it was made with. */
  keys: ReadonlySet<string>;
  /** Who made it, if its certificate, its entry in the log and its time hold. */
  identity?: Identity;
};
