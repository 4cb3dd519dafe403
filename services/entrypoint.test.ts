import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { currentRuntime, runtimeCommand } from "../tools/runtimes.ts";

const file = fileURLToPath(new URL("entrypoint.ts", import.meta.url));

function run(...argv: string[]): { status: number | null; stdout: string; stderr: string } {
  const { command, args } = runtimeCommand(currentRuntime);
  return spawnSync(command, [...args, file, ...argv], { encoding: "utf8" });
}

for (const service of ["certs", "reconciler", "webhook-registrar", "policy-server"]) {
  test(`entrypoint: the first argument picks ${service}`, () => {
    const { status, stdout, stderr } = run(service, "--help");
    assert.is(status, 0, stderr);
    assert.match(stdout, new RegExp(`^Usage: ${service} `));
  });
}

test("entrypoint: without a service's name it is policy-server, with all arguments", () => {
  assert.match(run("--help").stdout, /^Usage: policy-server /);
});

test("entrypoint: a name that is no service is a usage error", () => {
  const { status, stderr } = run("reconsiler");
  assert.is(status, 2);
  assert.match(stderr, /reconsiler|too many arguments/);
});

test("entrypoint: a wrong flag of a service is a usage error", () => {
  const { status, stderr } = run("reconciler", "--leader-elect=maybe");
  assert.is(status, 2);
  assert.match(stderr, /leader-elect/);
});

test.run();
