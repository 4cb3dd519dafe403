/**
 * `npm run bench -- soak [--minutes 10]`: 64 connections, new certificates every 20 seconds, a policy that loops called once
 * a second, a sandbox thread lost every 30 seconds. Prints what was lost, and how memory went.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exchange } from "../../runtime/net/net.ts";
import { sleep } from "../../runtime/sleep.ts";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { configFor } from "../../services/policy-server/testing/config.ts";
import { exampleUrl } from "../../services/policy-server/testing/guests.ts";
import { runtimeCommand, type RuntimeName } from "../../tools/runtimes.ts";
import { reviewOf } from "../load/review.ts";
import type { SoakJob, SoakResult } from "./client.ts";

const rotationMs = 20_000, loopMs = 1000, crashMs = 30_000, workers = 2;
const module = exampleUrl("privileged-pods/policy");
const policies = {
  privileged: { module },
  labels: { module: exampleUrl("add-labels/policy"), allowedToMutate: true, settings: { labels: { team: "a" } } },
  group: { policies: { privileged: { module } }, expression: "!privileged()", message: "not this one" },
  loop: { module: exampleUrl("hostile/endless-loop"), timeoutEvalSeconds: 1 },
};

export async function soak({ runtime, minutes }: { runtime: RuntimeName; minutes: number }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "soak-"));
  const children: ChildProcess[] = [];
  const over = new AbortController();
  try {
    const authorities = await Promise.all([issueAuthority(new Date()), issueAuthority(new Date())]);
    let rotations = 0, crashes = 0, loops = 0;
    const rotate = async () => {
      const authority = authorities[rotations++ % 2];
      if (!authority) throw new Error("no authority");
      const leaf = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
      await swapSecret(folder, { "tls.crt": leaf.certificate, "tls.key": leaf.privateKey });
    };
    await rotate();
    await writeFile(join(folder, "policies.yml"), JSON.stringify(policies));
    const at = (name: string) => join(folder, name);
    const config = configFor(
      "--workers",
      `${workers}`,
      "--policies",
      at("policies.yml"),
      "--policies-download-dir",
      folder,
      "--sigstore-cache-dir",
      folder,
      "--cert-file",
      at("tls.crt"),
      "--key-file",
      at("tls.key"),
    );
    const { command, args } = runtimeCommand(runtime);
    const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
    const server = fork(path("./server.ts"), [JSON.stringify(config)], { execPath: command, execArgv: args });
    const memory: number[] = [];
    children.push(server);
    const [{ url }] = await once(server, "message") as [{ url: string }];
    server.on("message", ({ rssMiB }: { rssMiB: number }) => memory.push(rssMiB));
    const gone = once(server, "exit").then(([code]) => {
      if (!over.signal.aborted) throw new Error(`the server ended with ${code}`);
    });

    const body = reviewOf(4096);
    const client = fork(path("./client.ts"), { execArgv: [] });
    children.push(client);
    const cas = authorities.map((each) => each.certificate);
    client.send(
      {
        port: Number(new URL(url).port),
        cas,
        connections: 64,
        seconds: minutes * 60,
        requestsPerConnection: 500,
        questions: [
          { path: "/validate/privileged", body, expect: '"allowed":true' },
          { path: "/validate/labels", body, expect: '"patch":' },
          { path: "/validate/group", body, expect: "not this one" },
        ],
      } satisfies SoakJob,
    );
    const every = async (ms: number, work: () => unknown) => {
      while (!over.signal.aborted) {
        await sleep(ms, over.signal).catch(() => undefined); // The end of the soak.
        if (!over.signal.aborted) await work();
      }
    };
    const loopAnswers = new Map<string, number>();
    const disturbances = [
      every(rotationMs, rotate),
      every(crashMs, () => (crashes++, server.send("crash"))),
      every(loopMs, async () => {
        loops++;
        const answer = await exchange(`${url}/validate/loop`, {
          method: "POST",
          body,
          headers: { "content-type": "application/json" },
          insecure: true,
          maxBytes: 1e6,
          signal: over.signal,
        }).then(({ status, body }) =>
          `${status} ${/exceeded the allowed/.test(new TextDecoder().decode(body)) ? "stopped" : "other"}`
        )
          .catch((error: Error) => `failed: ${error.message}`);
        if (!over.signal.aborted) loopAnswers.set(answer, (loopAnswers.get(answer) ?? 0) + 1);
      }),
    ];
    const [result] = await Promise.race([once(client, "message") as Promise<[SoakResult]>, gone.then(() => [])]) as [
      SoakResult,
    ];
    over.abort();
    await Promise.all(disturbances);
    console.log(
      `\n${runtime}, ${minutes} minutes: ${result.answered} right answers over ${result.handshakes} connections, ` +
        `${rotations - 1} rotations, ${crashes} lost threads, ${loops} calls of the looping policy`,
    );
    console.log(`the looping policy answered: ${JSON.stringify(Object.fromEntries(loopAnswers))}`);
    const inFlight = result.lost.filter((each) => each.includes("the sandbox failed"));
    console.log(`lost: ${result.lost.length}, ${inFlight.length} of them in flight on a lost thread`);
    for (const each of new Set(result.lost.filter((each) => !inFlight.includes(each)).slice(0, 20))) {
      console.log(`  ${each}`);
    }
    const mean = (part: number[]) => part.reduce((sum, each) => sum + each, 0) / part.length;
    const tenths = Array.from(
      { length: 10 },
      (_, tenth) =>
        mean(memory.slice(Math.floor(memory.length * tenth / 10), Math.floor(memory.length * (tenth + 1) / 10)))
          .toFixed(0),
    );
    console.log(`memory (MiB, mean of each tenth of the time): ${tenths.join(" ")}`);
  } finally {
    over.abort();
    children.forEach((each) => each.kill("SIGKILL"));
    await rm(folder, { recursive: true });
  }
}

/** Changes files as the kubelet does in the volume of a Secret: by turning one symlink. */
async function swapSecret(folder: string, files: Record<string, string>): Promise<void> {
  const version = `..${crypto.randomUUID()}`;
  await mkdir(join(folder, version));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, version, name), content);
    await symlink(join("..data", name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
  await symlink(version, join(folder, "..next"));
  await rename(join(folder, "..next"), join(folder, "..data"));
}
