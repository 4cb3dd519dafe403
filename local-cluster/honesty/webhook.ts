import { parseJson, stringifyJson } from "../../contracts/json.ts";
import { serve } from "../../runtime/http/server.ts";
import { issueServingIdentity, type ServingIdentity } from "../api/tls.ts";
import type { Answer } from "./client.ts";
import type { Stage } from "./rule.ts";

/** What a webhook was asked: the path with its query, and the AdmissionReview's request. */
export type Question = {
  readonly path: string;
  // deno-lint-ignore no-explicit-any -- rules look into many shapes
  readonly request: any;
};
/** A webhook's answer: the `response` without its uid, a whole body as text, or nothing at all. */
export type Reply = (question: Question) => Record<string, unknown> | string | "silence";

export type TestWebhook = {
  readonly questions: Question[];
  /** Writes a webhook configuration for it; the name is the stage's, once per kind. */
  register(webhook?: Record<string, unknown>, mutating?: boolean): Promise<Answer>;
};

const addresses = new Map<string, { host: string; port: number }>();
let identity: Promise<ServingIdentity> | undefined;

/** Runs `work` with a real webhook behind a Service of the stage's namespace, and takes its configurations away after. */
export async function withWebhook(
  stage: Stage,
  reply: Reply,
  work: (webhook: TestWebhook) => Promise<void>,
): Promise<void> {
  const { namespace, server, request } = stage;
  const questions: Question[] = [];
  const dnsNames = ["hook.rules.svc"];
  const { caPem, certPem, keyPem } = await (identity ??= issueServingIdentity({ ips: [], dnsNames, now: new Date() }));
  const stopping = new AbortController();
  const running = await serve(async (incoming) => {
    const { pathname, search } = new URL(incoming.url);
    const review = parseJson(await incoming.text()) as { request: { uid: string } };
    const question = { path: pathname + search, request: review.request };
    questions.push(question);
    const answer = reply(question);
    if (answer === "silence") return await new Promise<never>(() => undefined);
    if (typeof answer === "string") return new Response(answer);
    const response = { uid: review.request.uid, ...answer };
    return new Response(stringifyJson({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response }));
  }, { host: "127.0.0.1", port: 0, tls: { cert: certPem, key: keyPem }, signal: stopping.signal, drainMs: 50 });
  addresses.set(namespace, { host: "127.0.0.1", port: running.port });
  // The port of the Service tells the stages apart: all use one certificate's name.
  const port = 1000 + Number(/\d+$/.exec(namespace)?.[0] ?? 0);
  server.setServiceResolver((service) => addresses.get(`rule-${service.port - 1000}`));
  const names = { false: "validatingwebhookconfigurations", true: "mutatingwebhookconfigurations" };
  const path = (mutating: boolean) => `/apis/admissionregistration.k8s.io/v1/${names[`${mutating}`]}`;
  try {
    await work({
      questions,
      register: (webhook = {}, mutating = false) =>
        request("POST", path(mutating), {
          apiVersion: "admissionregistration.k8s.io/v1",
          kind: `${mutating ? "Mutating" : "Validating"}WebhookConfiguration`,
          metadata: { name: namespace },
          webhooks: [{
            name: "hook.rules.example",
            admissionReviewVersions: ["v1"],
            sideEffects: "None",
            clientConfig: {
              service: { name: "hook", namespace: "rules", path: "/check", port },
              caBundle: Buffer.from(caPem).toString("base64"),
            },
            rules: [{ operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
            ...webhook,
          }],
        }),
    });
  } finally {
    for (const mutating of [true, false]) await request("DELETE", `${path(mutating)}/${namespace}`);
    addresses.delete(namespace);
    stopping.abort();
    await running.closed;
  }
}
