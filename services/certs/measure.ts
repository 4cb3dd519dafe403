import type { Metrics } from "../../runtime/telemetry/metrics.ts";
import { authorityFault } from "./authority-rotation.ts";
import { isSame } from "./certificate-list.ts";
import type { CertificateFacts, Observed } from "./facts.ts";
import { problemOf } from "./rotation.ts";
import { providedRenewalTime, renewalTime } from "./times.ts";

/** How far a change of authorities has come for one who shows certificates. */
export const rotationStates = ["settled", "awaiting-trust", "settling", "overlapping"] as const;
export type RotationState = (typeof rotationStates)[number];

export type CertificateMeasures = {
  /** Takes what a pass saw; nothing when what the key stood for is gone. */
  saw(key: string, observed: Observed | undefined, now: Date): void;
  issued(issued: { certificate: CertificateName }): void;
};

type CertificateName = "ca" | "serving" | "audit-client";
type Sample = { name: Gauge; value: number; labels: Record<string, string> };
type Gauge = keyof typeof gauges;

const gauges = {
  kubewarden_certificate_expiry_timestamp_seconds: "When a certificate expires, in seconds since 1970",
  kubewarden_certificate_renewal_timestamp_seconds: "When a certificate is due to be replaced, in seconds since 1970",
  kubewarden_certificate_problem: "1 if a certificate is missing or unfit for use",
  kubewarden_certificate_rotation_state: "1 for the state of a change of certificate authorities",
};

/** Shows on the metrics page what the passes saw of certificates. */
export function measureCertificates(metrics: Metrics): CertificateMeasures {
  const seen = new Map<string, Sample[]>();
  for (const [name, help] of Object.entries(gauges)) {
    metrics.observed(name, help, function* () {
      for (const samples of seen.values()) {
        for (const each of samples) if (each.name === name) yield [each.value, each.labels] as const;
      }
    });
  }
  const issued = metrics.counter("kubewarden_certificates_issued_total", "Certificates issued", ["certificate"]);
  return {
    saw(key, observed, now) {
      if (!observed || observed.about === "server" && observed.server.terminating) seen.delete(key);
      else seen.set(key, samplesOf(observed, now));
    },
    issued: (labels) => issued.inc(labels),
  };
}

/** What a pass says: one about the client certificate, which always is, also speaks for the authority. */
export function samplesOf(observed: Observed, now: Date): Sample[] {
  const { authority, refusal } = observed;
  const { leaf } = observed.about === "server" ? observed.server : observed.audit;
  const labels: Sample["labels"] = observed.about === "server"
    ? { certificate: "serving", policy_server: observed.server.target.name }
    : { certificate: "audit-client" };
  const unfit = problemOf(observed, now) !== undefined || refusal?.of === "leaf";
  const state = rotationState(observed);
  const problem = (bad: boolean, labels: Sample["labels"]): Sample => ({
    name: "kubewarden_certificate_problem",
    value: Number(bad),
    labels,
  });
  const { current, provided } = authority;
  const renewed = provided ? providedRenewalTime : renewalTime;
  return [
    ...timesOf(leaf.certificate, labels, renewalTime),
    problem(unfit, labels),
    ...rotationStates.map((each): Sample => ({
      name: "kubewarden_certificate_rotation_state",
      value: Number(each === state),
      labels: { ...labels, state: each },
    })),
    ...(observed.about === "server" ? [] : [
      ...timesOf(current, { certificate: "ca" }, renewed),
      problem(authorityFault(authority, now) !== undefined || refusal?.of === "authority", { certificate: "ca" }),
    ]),
  ];
}

function timesOf(
  certificate: CertificateFacts | undefined,
  labels: Sample["labels"],
  renewed: (certificate: CertificateFacts) => number,
): Sample[] {
  if (!certificate) return [];
  const expiry = certificate.notAfter.getTime() / 1000;
  return [
    { name: "kubewarden_certificate_expiry_timestamp_seconds", value: expiry, labels },
    { name: "kubewarden_certificate_renewal_timestamp_seconds", value: renewed(certificate) / 1000, labels },
  ];
}

function rotationState(observed: Observed): RotationState {
  const { authority } = observed;
  const { leaf } = observed.about === "server" ? observed.server : observed.audit;
  const since = observed.about === "server" ? observed.server.trustedSince : observed.audit.followedSince;
  if (authority.current && leaf.issuer && !isSame(leaf.issuer, authority.current)) {
    return since ? "settling" : "awaiting-trust";
  }
  return authority.old.length > 0 ? "overlapping" : "settled";
}
