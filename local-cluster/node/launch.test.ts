import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Container, Pod } from "../workloads/pod.ts";
import { entrypointFor } from "./images.ts";
import { launchFor } from "./launch.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "n" },
  spec: { containers: [] },
};

function launch(container: Partial<Container>, args = ["entry.ts"]) {
  return launchFor({ name: "main", image: "kubewarden-edge:1", ...container }, {
    folder: "/pod",
    volumes: new Map([["certs", "/pod/volumes/certs"]]),
    extraEnv: { KUBECONFIG: "/pod/kubeconfig" },
    read: () => undefined,
    entrypoint: (image) => image.startsWith("kubewarden-edge") ? { command: "node", args } : undefined,
    pod: () => pod,
  });
}

test("launch: arguments and variables point into the pod's own folder", () => {
  const found = launch({
    args: ["certs", "--key=$(KEY)", "--file", "/pki/ca.crt"],
    env: [{ name: "KEY", value: "/pki/tls.key" }],
    volumeMounts: [{ name: "certs", mountPath: "/pki" }],
  });
  if ("problem" in found) throw new Error(found.problem);
  const certs = "/pod/volumes/certs";
  assert.equal(found.args, ["entry.ts", "certs", `--key=${certs}/tls.key`, "--file", `${certs}/ca.crt`]);
  assert.is(found.env.KEY, `${certs}/tls.key`);
  assert.is(found.env.KUBECONFIG, "/pod/kubeconfig");
  assert.is(found.terminationMessageFile, found.env.TERMINATION_MESSAGE_PATH);
});

test("launch: permissions point into the pod's own folder, the script stays where it is", () => {
  const found = launch(
    { volumeMounts: [{ name: "certs", mountPath: "/tmp" }] },
    ["--allow-write=/tmp,/dev/termination-log", "/tmp/clone/entry.ts"],
  );
  if ("problem" in found) throw new Error(found.problem);
  const log = found.terminationMessageFile;
  assert.equal(found.args, [`--allow-write=/pod/volumes/certs,${log}`, "/tmp/clone/entry.ts"]);
});

test("launch: a message path that nothing is mounted at is no file of the process", () => {
  const found = launch({ terminationMessagePath: "/elsewhere/message" });
  if ("problem" in found) throw new Error(found.problem);
  assert.is.not(found.terminationMessageFile, found.env.TERMINATION_MESSAGE_PATH);
});

const refused: [string, Partial<Container>, string, RegExp][] = [
  ["a foreign image", { image: "nginx" }, "ErrImagePull", /nginx/],
  ["a command", { command: ["sh"] }, "CreateContainerError", /command/],
  ["lifecycle hooks", { lifecycle: { preStop: {} } }, "CreateContainerError", /lifecycle/],
  ["an exec probe", { livenessProbe: { exec: {} } }, "CreateContainerError", /httpGet/],
  [
    "a subPath",
    { volumeMounts: [{ name: "certs", mountPath: "/x", subPath: "y" }] },
    "CreateContainerError",
    /subPath/,
  ],
  [
    "a variable from a missing Secret",
    { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] },
    "CreateContainerConfigError",
    /secret "s" not found/,
  ],
];

for (const [name, container, reason, words] of refused) {
  test(`launch: ${name} is ${reason}`, () => {
    const found = launch(container);
    assert.is("problem" in found && found.reason, reason);
    assert.match("problem" in found ? found.problem : "", words);
  });
}

test("images: ours by the last part of the repository, whatever registry, tag or digest", () => {
  const isOurs = (image: string) => entrypointFor(image, { runtime: "node", images: {} }) !== undefined;
  const digest = `@sha256:${"0".repeat(64)}`;
  assert.equal(
    ["kubewarden-edge", "r.example.com:5000/a/kubewarden-edge:1", `x/kubewarden-edge${digest}`].map(isOurs),
    [true, true, true],
  );
  assert.equal(["nginx", "kubewarden-edge-x", "r.example.com:5000/nginx"].map(isOurs), [false, false, false]);
});

test.run();
