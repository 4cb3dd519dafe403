import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { limiter } from "../../runtime/limiter.ts";
import { exchange } from "../../runtime/net/net.ts";
import { sleep } from "../../runtime/sleep.ts";
import { currentRuntime, runtimeCommand } from "../../tools/runtimes.ts";
import { issueAuthority, issueLeaf } from "../certs/x509.ts";
import { exampleUrl } from "./testing/guests.ts";

/** The policy-server as it runs in a pod: a process of its own, over TLS, under guests that mean harm. */
const folder = await mkdtemp(join(tmpdir(), "policy-server-process-"));
const children: ChildProcess[] = [];
test.after(async () => {
  for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

const authority = await issueAuthority(new Date());
const leaf = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
const [certFile, keyFile] = [join(folder, "tls.crt"), join(folder, "tls.key")];
await writeFile(certFile, leaf.certificate);
await writeFile(keyFile, leaf.privateKey);

const [verificationFile, policiesOfLines] = [join(folder, "verification.yml"), join(folder, "lines.yml")];
await writeFile(verificationFile, "apiVersion: v1\nallOf:\n- kind: githubAction\n  owner: kubewarden\n");
await writeFile(policiesOfLines, "a: {module: m}\nb:\n  {module: m, settings: 1}\na: {module: n}\n");

const hostile = ["endless-loop", "endless-recursion", "huge-answer", "invalid-json", "memory-hog", "trap"];
const policies = {
  privileged: { module: exampleUrl("privileged-pods/policy") },
  ...Object.fromEntries(
    hostile.map((name) => [name, { module: exampleUrl(`hostile/${name}`), timeoutEvalSeconds: 1 }]),
  ),
};

const unsignedFile = join(folder, "unsigned.yml");
await writeFile(unsignedFile, JSON.stringify({ privileged: policies.privileged }));

type Exit = { code: number | null; stdout: string; stderr: string; terminationMessage: string };

async function run(config: unknown, env: Record<string, string> = {}, args: string[] = []) {
  const policiesFile = join(folder, `${crypto.randomUUID()}.yml`);
  const terminationFile = join(folder, crypto.randomUUID());
  await writeFile(policiesFile, JSON.stringify(config));
  const { command, args: first } = runtimeCommand(currentRuntime);
  const entrypoint = fileURLToPath(new URL("../entrypoint.ts", import.meta.url));
  const child = spawn(command, [...first, entrypoint, "policy-server", ...args], {
    env: {
      ...process.env,
      KUBEWARDEN_BIND_ADDRESS: "127.0.0.1",
      KUBEWARDEN_PORT: "0",
      KUBEWARDEN_READINESS_PROBE_PORT: "0",
      KUBEWARDEN_LOG_FMT: "json",
      KUBEWARDEN_CERT_FILE: certFile,
      KUBEWARDEN_KEY_FILE: keyFile,
      KUBEWARDEN_POLICIES: policiesFile,
      KUBEWARDEN_WORKERS: "2",
      KUBEWARDEN_SHUTDOWN_DELAY: "1",
      TERMINATION_MESSAGE_PATH: terminationFile,
      ...env,
    },
  });
  children.push(child);
  let stdout = "", stderr = "";
  const ready = Promise.withResolvers<{ url: string; readiness: string }>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    stdout += `${line}\n`;
    const event = line.startsWith("{") ? JSON.parse(line) : {};
    if (event.message === "Ready") ready.resolve(event);
  });
  child.stderr.on("data", (chunk) => stderr += chunk);
  const exited = once(child, "close").then(async ([code]): Promise<Exit> => {
    ready.reject(new Error(`the server ended with ${code}: ${stdout}${stderr}`));
    return { code, stdout, stderr, terminationMessage: await readFile(terminationFile, "utf8").catch(() => "") };
  });
  ready.promise.catch(() => undefined); // Some tests expect the end, not readiness.
  return { child, exited, ready: ready.promise };
}

const kinds = {
  kind: { group: "", version: "v1", kind: "Pod" },
  resource: { group: "", version: "v1", resource: "pods" },
};
const object = { spec: { containers: [{ image: "a", securityContext: { privileged: true } }] } };
const review = JSON.stringify({ request: { uid: "U", ...kinds, operation: "CREATE", userInfo: {}, object } });

async function ask(
  url: string,
  policy: string,
): Promise<{ allowed: boolean; status: { message: string; code?: number } }> {
  const answer = await exchange(`${url.replace("127.0.0.1", "localhost")}/validate/${policy}`, {
    method: "POST",
    body: review,
    headers: { "content-type": "application/json" },
    ca: [authority.certificate],
    maxBytes: 1e6,
    signal: new AbortController().signal,
  });
  return JSON.parse(new TextDecoder().decode(answer.body)).response;
}

async function readinessOf(url: string): Promise<number> {
  return (await exchange(url, { maxBytes: 100, signal: new AbortController().signal })).status;
}

/** By pid: Deno's `child.kill` sends one signal only, and then reports the child as killed by it. */
function signal(child: ChildProcess): void {
  process.kill(child.pid!, "SIGTERM");
}

/** CPU seconds a process has used (Linux counts in hundredths). */
async function cpuSeconds(pid: number): Promise<number> {
  const [, fields = ""] = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ");
  const values = fields.split(" ");
  return (Number(values[11]) + Number(values[12])) / 100;
}

test("process: hostile guests get a rejecting answer, the others theirs, and the CPU is idle afterwards", async () => {
  const { child, ready, exited } = await run(policies);
  const { url, readiness } = await ready;
  assert.is(await readinessOf(readiness), 200);

  const answers = await Promise.all(hostile.flatMap((name) => [ask(url, name), ask(url, "privileged")]));
  for (const [index, answer] of answers.entries()) {
    const name = index % 2 === 0 ? hostile[index / 2] : "privileged";
    assert.is(answer.allowed, false, name);
    assert.is(answer.status.code, name === "privileged" ? undefined : 500, name);
    assert.ok(answer.status.message.length > 0, name);
  }
  assert.is(answers[0]?.status.message, "Policy execution interrupted because it exceeded the allowed execution time");
  assert.is(answers[1]?.status.message, "Privileged container is not allowed");

  if (process.platform === "linux") await idle(child.pid!);
  signal(child);
  assert.is((await exited).code, 0);
});

test("process: after 100 evaluations that ran out of time the CPU is idle and the others are served", async () => {
  const { child, ready, exited } = await run(policies, { KUBEWARDEN_WORKERS: "10" });
  const { url } = await ready;
  // As many at a time as there are workers: more connections would wait for their handshakes and prove nothing.
  const inTurn = limiter(10);
  const messages = await Promise.all(Array.from({ length: 100 }, async () => {
    const { status } = await inTurn(() => ask(url, "endless-loop"));
    return `${status.code} ${status.message}`;
  }));
  const [message, ...others] = new Set(messages);
  assert.equal([message, others], [
    "500 Policy execution interrupted because it exceeded the allowed execution time",
    [],
  ]);
  if (process.platform === "linux") await idle(child.pid!);
  assert.is((await ask(url, "privileged")).status.message, "Privileged container is not allowed");
  signal(child);
  assert.is((await exited).code, 0);
});

async function idle(pid: number): Promise<void> {
  for (;;) {
    const before = await cpuSeconds(pid), started = performance.now();
    await sleep(200);
    const used = (await cpuSeconds(pid) - before) / ((performance.now() - started) / 1000);
    if (used < 0.2) return;
  }
}

test("process: after SIGTERM it is unready at once, goes on answering, and ends with 0", async () => {
  // Long enough for a busy machine to ask in.
  const { child, ready, exited } = await run(policies, { KUBEWARDEN_SHUTDOWN_DELAY: "8" });
  const { url, readiness } = await ready;
  const running = ask(url, "endless-loop");
  signal(child);
  while (await readinessOf(readiness) === 200) await sleep(5);
  assert.is(await readinessOf(readiness), 503);
  assert.is((await ask(url, "privileged")).allowed, false);
  assert.is((await running).status.code, 500);
  assert.is((await exited).code, 0);
});

test("process: evaluations that run when the delay is over are answered over HTTP/1.1 and HTTP/2, then it ends with 0", async () => {
  const long = { module: exampleUrl("hostile/endless-loop"), timeoutEvalSeconds: 4 };
  const { child, ready, exited } = await run({ long });
  const { url } = await ready;
  const { port } = new URL(url);
  const message = (answer: string) => JSON.parse(answer).response.status.message;
  const answers = [ask(url, "long").then(({ status }) => status.message)];
  // A server on Deno has no HTTP/2 (runtime/http/http2.ts).
  const session = currentRuntime === "node"
    ? connectHttp2(`https://localhost:${port}`, { ca: authority.certificate })
    : undefined;
  if (session) {
    answers.push(...Array.from({ length: 2 }, async () => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/validate/long",
        "content-type": "application/json",
      });
      stream.end(review);
      let answer = "";
      for await (const chunk of stream) answer += chunk;
      return message(answer);
    }));
  }
  // Whatever arrives later arrives during the delay of a second, which the evaluations outlive.
  if (session?.connecting) await once(session, "connect");
  signal(child);
  for (const answer of await Promise.all(answers)) assert.match(answer, "exceeded the allowed execution time");
  assert.is((await exited).code, 0);
  session?.destroy();
});

test("process: a second signal ends it at once", async () => {
  const { child, ready, exited } = await run({}, { KUBEWARDEN_SHUTDOWN_DELAY: "600" });
  const { readiness } = await ready;
  signal(child);
  while (await readinessOf(readiness) === 200) await sleep(5);
  signal(child);
  assert.is((await exited).code, 143);
});

for (
  const [flag, variable] of [["--port", "KUBEWARDEN_PORT"], [
    "--readiness-probe-port",
    "KUBEWARDEN_READINESS_PROBE_PORT",
  ]]
) {
  test(`process: a second server on the same ${flag} ends with 1, and says in a sentence where and what to do`, async () => {
    const first = await run({});
    const { url, readiness } = await first.ready;
    const { port } = new URL(flag === "--port" ? url : readiness);
    const { code, stdout, stderr, terminationMessage } = await (await run({}, { [variable ?? ""]: port })).exited;
    const sentence =
      `Cannot listen on 127.0.0.1:${port}: another process listens there already. Stop it, or choose another port with ${flag}`;
    assert.equal([code, stderr, terminationMessage], [1, `Error: ${sentence}\n`, sentence]);
    const failure = stdout.trim().split("\n").map((line) => JSON.parse(line)).find(({ message }) =>
      message === "failed"
    );
    assert.ok(failure.error.startsWith(`ADDRESS_UNAVAILABLE: ${sentence}`));
    assert.is(failure.stack, undefined);
    signal(first.child);
    assert.is((await first.exited).code, 0);
  });
}

test("process: broken policies end it with 1, each named on stderr and in the termination message", async () => {
  const module = exampleUrl("required-labels/policy");
  const { exited } = await run({
    a: { module, settings: {} },
    b: { module: "file:///none.wasm" },
    c: policies.privileged,
  });
  const { code, stderr, terminationMessage } = await exited;
  assert.is(code, 1);
  assert.match(stderr, /^Error: 2 policies cannot be served:\n {2}policy "a": .*\n {2}policy "b": /m);
  const lines = terminationMessage.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.map((each) => [each.policy, each.code]), [["a", "SETTINGS_INVALID"], [
    "b",
    "MODULE_FETCH_FAILED",
  ]]);
  assert.match(lines[0].message, /Policy settings are invalid: labels must be a list/);
});

const refusals: [string, Record<string, string>, string[], number, RegExp][] = [
  ["an unknown flag", {}, ["--demon"], 2, /unknown option '--demon'/],
  ["a number that is none", { KUBEWARDEN_WORKERS: "many" }, [], 2, /KUBEWARDEN_WORKERS/],
  [
    "a certificate without key",
    { KUBEWARDEN_KEY_FILE: "" },
    [],
    1,
    /^Error: both certificate and key must be provided together/,
  ],
  ["a key file that is not there", { KUBEWARDEN_KEY_FILE: "/none" }, [], 1, /^Error: Cannot read "\/none"/],
  [
    "signature requirements of a module in no registry",
    { KUBEWARDEN_VERIFICATION_CONFIG_PATH: verificationFile, KUBEWARDEN_POLICIES: unsignedFile },
    [],
    1,
    /Policy '.*' cannot be verified: only modules of registries can be verified/,
  ],
  [
    "signature requirements that are not there",
    { KUBEWARDEN_VERIFICATION_CONFIG_PATH: "/v.yml" },
    [],
    1,
    /^Error: error while loading verification requirements from "\/v\.yml": ENOENT/,
  ],
  [
    "signature requirements without a version",
    { KUBEWARDEN_VERIFICATION_CONFIG_PATH: policiesOfLines },
    [],
    1,
    /: Not a valid configuration file: [^]*missing field `apiVersion` \(line 1\)/,
  ],
  [
    "a policies file with problems",
    { KUBEWARDEN_POLICIES: policiesOfLines },
    [],
    1,
    /^Error: error while loading policies from ".*": 2 problems:\n {2}a: defined twice \(lines 1 and 4\)\n {2}policy 'b': settings: expected an object \(line 3\)$/m,
  ],
];
for (const [name, env, args, code, message] of refusals) {
  test(`process: ${name} ends it with ${code}`, async () => {
    const exit = await (await run({}, env, args)).exited;
    assert.is(exit.code, code);
    assert.match(exit.stderr, message);
  });
}

test.run();
