import { test } from "uvu";
import * as assert from "uvu/assert";
import { podSecurityProblem, type SecurityLevel } from "./pod-security.ts";

const secure = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
const container = (securityContext: object = {}, more: object = {}) => ({
  name: "c",
  securityContext: { ...secure, ...securityContext },
  ...more,
});
const spec = (containers: object[] = [container()], more: object = {}) => ({
  securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  containers,
  ...more,
});

const rows: [string, SecurityLevel, object, RegExp | undefined][] = [
  ["a careful pod", "restricted", spec(), undefined],
  ["anything", "privileged", { hostNetwork: true, containers: [] }, undefined],
  ["a pod that says nothing", "baseline", { containers: [{ name: "c" }] }, undefined],
  [
    "a pod that says nothing",
    "restricted",
    { containers: [{ name: "c" }] },
    /^allowPrivilegeEscalation != false .*seccompProfile/,
  ],
  ["host network", "baseline", spec([container()], { hostNetwork: true }), /^host namespaces \(hostNetwork=true\)$/],
  [
    "a privileged container",
    "baseline",
    spec([container({ privileged: true })]),
    /^privileged \(container "c" must not set securityContext.privileged=true\)$/,
  ],
  ["SYS_ADMIN", "baseline", spec([container({ capabilities: { add: ["SYS_ADMIN"] } })]), /^non-default capabilities/],
  [
    "a hostPath volume",
    "baseline",
    spec([container()], { volumes: [{ name: "v", hostPath: { path: "/" } }] }),
    /^hostPath volumes \(volume "v"\)$/,
  ],
  [
    "NET_BIND_SERVICE",
    "restricted",
    spec([container({ capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } })]),
    undefined,
  ],
  ["a Secret volume", "restricted", spec([container()], { volumes: [{ name: "v", secret: {} }] }), undefined],
  [
    "an nfs volume",
    "restricted",
    spec([container()], { volumes: [{ name: "v", nfs: {} }] }),
    /^restricted volume types/,
  ],
  ["user 0", "restricted", spec([container({ runAsUser: 0 })]), /^runAsUser=0/],
  [
    "a container that takes back runAsNonRoot",
    "restricted",
    spec([container({ runAsNonRoot: false })]),
    /^runAsNonRoot != true/,
  ],
  [
    "an init container in privileged mode",
    "restricted",
    spec([container()], { initContainers: [container({ privileged: true })] }),
    /^privileged/,
  ],
];

for (const [what, level, pod, problem] of rows) {
  test(`pod security: ${level} ${problem ? "refuses" : "admits"} ${what}`, () => {
    const text = podSecurityProblem(pod as Record<string, unknown>, level);
    if (problem) assert.match(text ?? "", problem);
    else assert.is(text, undefined);
  });
}

test.run();
