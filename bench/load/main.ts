/**
 * `npm run bench -- load`: one validating, one mutating and one group policy under reviews of 4 KB over kept-alive TLS,
 * beside a bare HTTPS echo of the same runtime. Figures are ratios of one run: absolute ones do not travel.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { exampleUrl } from "../../services/policy-server/testing/guests.ts";
import { runtimeCommand, type RuntimeName } from "../../tools/runtimes.ts";
import type { LoadJob, LoadResult } from "./client.ts";
import { reviewOf } from "./review.ts";

const connectionCounts = [1, 16, 64];
const module = exampleUrl("privileged-pods/policy");
const policies = {
  validating: { module },
  mutating: {
    module: exampleUrl("add-labels/policy"),
    allowedToMutate: true,
    settings: { labels: { "cost-center": "unassigned" } },
  },
  group: {
    policies: {
      privileged: { module },
      labels: { module: exampleUrl("required-labels/policy"), settings: { labels: ["app"] } },
    },
    expression: "privileged() && labels()",
    message: "no",
  },
};

/** Measures every policy at every number of connections on one runtime and prints a table. */
export async function benchLoad({ runtime, seconds }: { runtime: RuntimeName; seconds: number }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-load-"));
  const children: ChildProcess[] = [];
  try {
    const authority = await issueAuthority(new Date());
    const leaf = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
    const [certFile, keyFile, policiesFile] = ["tls.crt", "tls.key", "policies.yml"].map((name) =>
      join(folder, name)
    ) as [string, string, string];
    await writeFile(certFile, leaf.certificate);
    await writeFile(keyFile, leaf.privateKey);
    await writeFile(policiesFile, JSON.stringify(policies));

    const { command, args } = runtimeCommand(runtime);
    const start = async (file: string, more: string[], env: Record<string, string>, port: RegExp) => {
      const child = spawn(command, [...args, fileURLToPath(new URL(file, import.meta.url)), ...more], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.push(child);
      for await (const line of createInterface({ input: child.stdout })) {
        const found = port.exec(line)?.[1];
        if (found === undefined) continue;
        child.stdout.resume();
        return Number(found);
      }
      throw new Error(`${file} ended before it listened`);
    };
    const echo = await start("./echo.ts", [certFile, keyFile], {}, /listening (\d+)/);
    const server = await start("../../services/entrypoint.ts", ["policy-server"], {
      KUBEWARDEN_BIND_ADDRESS: "127.0.0.1",
      KUBEWARDEN_PORT: "0",
      KUBEWARDEN_READINESS_PROBE_PORT: "0",
      KUBEWARDEN_CERT_FILE: certFile,
      KUBEWARDEN_KEY_FILE: keyFile,
      KUBEWARDEN_POLICIES: policiesFile,
      KUBEWARDEN_LOG_FMT: "json",
    }, /"url":"https:\/\/[^"]*:(\d+)"/);

    const client = fork(fileURLToPath(new URL("./client.ts", import.meta.url)), { execArgv: [] });
    children.push(client);
    const measure = async (job: Omit<LoadJob, "ca" | "seconds">): Promise<LoadResult> => {
      client.send({ ...job, ca: authority.certificate, seconds } satisfies LoadJob);
      const [result] = await once(client, "message") as [LoadResult];
      if (result.wrong > 0) throw new Error(`${job.path}: ${result.wrong} wrong answers`);
      return result;
    };
    console.log(`\n${runtime}: requests per second (share of the echo's), p50 and p99 in ms (times the echo's)`);
    for (const connections of connectionCounts) {
      const body = reviewOf(4096);
      const bare = await measure({ port: echo, path: "/", body, connections, expect: '"allowed":true' });
      console.log(
        `${connections} connections: echo ${bare.requestsPerSecond.toFixed(0)}/s, ${bare.p50Ms.toFixed(2)} ms, ${
          bare.p99Ms.toFixed(2)
        } ms`,
      );
      for (
        const [name, expect] of Object.entries({
          validating: '"allowed":true',
          mutating: '"patch":',
          group: '"allowed":true',
        })
      ) {
        const seen = await measure({ port: server, path: `/validate/${name}`, body, connections, expect });
        const times = (key: "p50Ms" | "p99Ms") =>
          `${seen[key].toFixed(2)} ms (${(seen[key] / bare[key]).toFixed(1)} x)`;
        const share = (seen.requestsPerSecond / bare.requestsPerSecond).toFixed(2);
        console.log(
          `  ${name.padEnd(10)} ${seen.requestsPerSecond.toFixed(0)}/s (${share}), ${times("p50Ms")}, ${
            times("p99Ms")
          }`,
        );
      }
    }
  } finally {
    children.forEach((each) => each.kill("SIGKILL"));
    await rm(folder, { recursive: true });
  }
}
