import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";

export const scriptsFolder = fileURLToPath(new URL("../deploy/scripts/", import.meta.url));

export type Outcome = { code: number; stdout: string; stderr: string };

/** Runs kubectl and the scripts of deploy/ against one cluster, as a person at a terminal would. */
export type Shell = {
  run(command: string, args: readonly string[], input?: string): Promise<Outcome>;
  /** Like `run kubectl`, and it must succeed; answers what it printed. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** A script of deploy/scripts, which must succeed. */
  script(name: string, ...args: string[]): Promise<string>;
};

export function shellFor({ kubectl, kubeconfig, home }: { kubectl: string; kubeconfig: string; home: string }): Shell {
  // kubectl's discovery cache goes to `home`.
  const env = { ...process.env, KUBECTL: kubectl, KUBECONFIG: kubeconfig, HOME: home };
  const run: Shell["run"] = (command, args, input = "") =>
    new Promise((resolve, reject) => {
      const child = spawn(command, args, { env, cwd: home });
      let stdout = "", stderr = "";
      child.stdout.on("data", (chunk) => stdout += chunk);
      child.stderr.on("data", (chunk) => stderr += chunk);
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
      // A command that reads nothing may be gone before.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  return {
    run,
    async kubectl(args, input) {
      const { code, stdout, stderr } = await run(kubectl, args, input);
      assert.is(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
      return stdout;
    },
    async script(name, ...args) {
      const { code, stdout, stderr } = await run(join(scriptsFolder, name), args);
      assert.is(code, 0, `${name} ${args.join(" ")}: ${stdout}${stderr}`);
      return stdout;
    },
  };
}
