import { apiVersion } from "../../contracts/names.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { helm, makeController, makeDefinitions, makeOwnWebhooks } from "./charts.ts";
import { finalizers, inNamespace, makeIn, namespace, partOf } from "./make.ts";
import { makePolicy } from "./policy.ts";
import { makeServer, upstreamImage } from "./policy-server.ts";

type Options = { crds: string; module: string; insecureSource: string };

/**
 * Creates what upstream's charts and its controller leave in a cluster (reference/controller.md 2.1, 3, 4.1, 5.4, 7): one
 * PolicyServer, a validating and a mutating policy, both active.
 */
export async function fillAsUpstream(kube: Kube, { crds, module, insecureSource }: Options): Promise<void> {
  const make = makeIn(kube);
  await make({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, "helm");
  await makeDefinitions(kube, crds);
  await makeController(make);
  const authority = await issueAuthority(new Date());
  const certificate = { authority, dnsName: "policy-server-default.kubewarden.svc", now: new Date() };
  const leaf = await issueLeaf(certificate);
  await make({
    apiVersion: "v1",
    kind: "Secret",
    metadata: inNamespace("kubewarden-ca", helm),
    stringData: { "ca.crt": authority.certificate, "ca.key": authority.privateKey },
  }, "helm");
  for (const name of ["kubewarden-webhook-server-cert", "kubewarden-audit-scanner-client-cert"]) {
    const { certificate, privateKey } = await issueLeaf({ authority, dnsName: name, now: new Date() });
    const stringData = { "tls.crt": certificate, "tls.key": privateKey };
    await make({ apiVersion: "v1", kind: "Secret", metadata: inNamespace(name, helm), stringData }, "helm");
  }
  const server = await make({
    apiVersion,
    kind: "PolicyServer",
    metadata: { name: "default", finalizers },
    spec: {
      image: upstreamImage,
      replicas: 1,
      serviceAccountName: "policy-server",
      insecureSources: [insecureSource],
      env: [{ name: "KUBEWARDEN_LOG_LEVEL", value: "info" }, { name: "OF_OLD", value: "yes" }],
    },
  }, "helm");
  const ownerReferences = [{ apiVersion, kind: "PolicyServer", name: "default", uid: server.metadata.uid ?? "" }];
  await make({
    apiVersion: "v1",
    kind: "Secret",
    metadata: inNamespace("policy-server-default", {
      labels: { ...partOf, "app.kubernetes.io/component": "policy-server" },
      annotations: { "kubewarden.io/cert-format-version": "1" },
      ownerReferences,
    }),
    stringData: { "tls.crt": leaf.certificate, "tls.key": leaf.privateKey },
  });
  await makeServer(make, { ownerReferences, module, insecureSource });
  for (const mutating of [false, true]) await makePolicy(make, kube, { module, mutating, ca: authority.certificate });
  await makeOwnWebhooks(make, authority.certificate);
}
