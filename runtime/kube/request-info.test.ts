import { test } from "uvu";
import * as assert from "uvu/assert";
import { kubeRequestInfo } from "./request-info.ts";

const requests: [string, string, string][] = [
  ["GET", "/api/v1/namespaces/kubewarden/configmaps?limit=500", "list configmaps"],
  ["GET", "/api/v1/configmaps?watch=1&resourceVersion=7", "watch configmaps"],
  ["GET", "/api/v1/namespaces/kubewarden/pods/one", "get pods"],
  ["GET", "/api/v1/namespaces/kubewarden", "get namespaces"],
  ["PATCH", "/api/v1/namespaces/kubewarden/status", "patch namespaces/status"],
  ["POST", "/api/v1/namespaces/kubewarden/events", "create events"],
  ["PUT", "/apis/coordination.k8s.io/v1/namespaces/kubewarden/leases/certs", "update leases.coordination.k8s.io"],
  [
    "PATCH",
    "/apis/policies.kubewarden.io/v1/policyservers/default/status?force=true",
    "patch policyservers.policies.kubewarden.io/status",
  ],
  ["DELETE", "/apis/apps/v1/namespaces/kubewarden/deployments/d", "delete deployments.apps"],
  ["DELETE", "/apis/apps/v1/namespaces/kubewarden/deployments", "deletecollection deployments.apps"],
  ["GET", "/apis/apps/v1", "get -"],
  ["GET", "/version", "get -"],
];
for (const [method, path, expected] of requests) {
  test(`kube request: ${method} ${path} is "${expected}"`, () => {
    const { verb, resource } = kubeRequestInfo(method, path);
    assert.is(`${verb} ${resource}`, expected);
  });
}

test.run();
