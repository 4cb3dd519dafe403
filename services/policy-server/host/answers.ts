import type { AnswerBytes, AnswerQuestion } from "./answer.ts";
import { lookUpHost } from "./net.ts";
import type {
  CanI,
  GetResource,
  HostQuestion,
  ListAll,
  ListNamespace,
  OciQuestion,
  Verification,
} from "./questions.ts";

/** Who answers which part. What is missing answers that it is not available. */
export type HostParts = {
  kubernetes?: (question: ListAll | ListNamespace | GetResource | CanI, signal: AbortSignal) => Promise<AnswerBytes>;
  oci?: (question: OciQuestion, signal: AbortSignal) => Promise<AnswerBytes>;
  verify?: (question: Verification, signal: AbortSignal) => Promise<AnswerBytes>;
};

/** Sends every question to the part that knows. */
export function answerQuestions({ kubernetes, oci, verify }: HostParts): AnswerQuestion {
  return async (question, signal) => {
    switch (question.type) {
      case "DNSLookupHost":
        return await lookUpHost(question.host, signal);
      case "CryptoIsCertificateTrusted": {
        // Few policies ask it, and its library takes a while to load.
        const { isCertificateTrusted } = await import("./crypto.ts");
        return await isCertificateTrusted(question.request);
      }
      case "KubernetesListResourceAll":
      case "KubernetesListResourceNamespace":
      case "KubernetesGetResource":
      case "KubernetesCanI":
        return await (kubernetes ?? unavailable(question))(question, signal);
      case "OciManifest":
      case "OciManifestAndConfig":
      case "OciManifestDigest":
        return await (oci ?? unavailable(question))(question, signal);
      default:
        return await (verify ?? unavailable(question))(question, signal);
    }
  };
}

function unavailable({ type }: HostQuestion): () => Promise<never> {
  return () => Promise.reject(new Error(`${type} is not available in this policy server`));
}
