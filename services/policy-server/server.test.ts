import { mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubewardenError } from "../../contracts/errors.ts";
import { createLog, silentLog } from "../../runtime/telemetry/log.ts";
import { exchange } from "../../runtime/net/net.ts";
import { sleep } from "../../runtime/sleep.ts";
import { shownCertificate } from "../../runtime/testing/shown-certificate.ts";
import { issueAuthority, issueLeaf } from "../certs/x509.ts";
import { maxBodyBytes } from "./api/routes.ts";
import type { Config } from "./config.ts";
import type { PolicyProblem } from "./policies/problems.ts";
import { startPolicyServer } from "./server.ts";
import { configFor } from "./testing/config.ts";
import { answering, exampleUrl, talkative } from "./testing/guests.ts";

const folder = await mkdtemp(join(tmpdir(), "policy-server-"));
const stops: AbortController[] = [];
test.after(async () => {
  stops.forEach((each) => each.abort());
  await rm(folder, { recursive: true });
});

async function start(policies: Record<string, unknown>, config: Partial<Config> = {}, log = silentLog) {
  const policiesFile = join(folder, `${crypto.randomUUID()}.yml`);
  await writeFile(policiesFile, JSON.stringify(policies));
  const stop = new AbortController();
  stops.push(stop);
  const defaults = configFor(
    "--policies",
    policiesFile,
    "--policies-download-dir",
    folder,
    "--sigstore-cache-dir",
    folder,
  );
  const server = await startPolicyServer({ ...defaults, ...config }, { log, signal: stop.signal });
  return { ...server, stop };
}

function review(object: unknown): string {
  const version = { group: "", version: "v1" };
  const kinds = { kind: { ...version, kind: "Pod" }, resource: { ...version, resource: "pods" } };
  return JSON.stringify({ request: { uid: "U", ...kinds, operation: "CREATE", userInfo: {}, object } });
}

async function post(url: string, body: string, ca?: string): Promise<Record<string, unknown>> {
  const answer = await exchange(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
    maxBytes: 1e7,
    signal: new AbortController().signal,
    ...(ca === undefined ? {} : { ca: [ca] }),
  });
  return JSON.parse(new TextDecoder().decode(answer.body)).response;
}

async function status(url: string): Promise<number | string> {
  try {
    return (await exchange(url, { maxBytes: 100, signal: new AbortController().signal })).status;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Waits until a look is satisfied; the test runner bounds the time. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!await look()) await sleep(20);
}

const privileged = { spec: { containers: [{ image: "a", securityContext: { privileged: true } }] } };

test("server: the same module with different settings, and a group over both", async () => {
  const module = exampleUrl("required-labels/policy");
  const { url } = await start({
    team: { module, settings: { labels: ["team"] } },
    cost: { module, settings: { labels: ["cost"] } },
    either: {
      policies: { team: { module, settings: { labels: ["team"] } }, cost: { module, settings: { labels: ["cost"] } } },
      expression: "team() || cost()",
      message: "say whose it is",
    },
  });
  const pod = review({ metadata: { labels: { cost: "7" } } });
  assert.is((await post(`${url}/validate/team`, pod)).allowed, false);
  assert.is((await post(`${url}/validate/cost`, pod)).allowed, true);
  assert.is((await post(`${url}/validate/either`, pod)).allowed, true);
  const denied = await post(`${url}/validate/either`, review({ metadata: {} }));
  const { message, details } = denied.status as { message: string; details: { causes: { field: string }[] } };
  assert.is(message, "say whose it is");
  assert.equal(details.causes.map((each) => each.field), ["spec.policies.team", "spec.policies.cost"]);
});

test("server: a module that several policies share is fetched and compiled once", async () => {
  const lines: string[] = [];
  const log = createLog({ format: "json", write: (line) => lines.push(line) });
  const module = exampleUrl("privileged-pods/policy");
  await start({ a: { module }, b: { module }, c: { module } }, {}, log);
  const count = (message: string) => lines.filter((line) => JSON.parse(line).message === message).length;
  assert.equal([count("Module fetched"), count("Module compiled"), count("Policy settings are valid")], [1, 1, 3]);
});

/** URL of a module that says this to every request. */
async function moduleThatSays(answer: Record<string, unknown>): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.wasm`);
  await writeFile(path, await answering(answer));
  return `file://${path}`;
}

test("AT-040, AT-041: groups of real policies are denied with a cause for each that denied, or allowed", async () => {
  const happy = { module: await moduleThatSays({ accepted: true }) };
  const unhappy = { module: await moduleThatSays({ accepted: false, message: "failing as expected" }) };
  const policies = { unhappy_policy_1: unhappy, happy_policy_1: happy, unhappy_policy_2: unhappy };
  const message = "the group says no";
  const { url, stop, closed } = await start({
    denied: { policies, message, expression: "unhappy_policy_1() || (happy_policy_1() && unhappy_policy_2())" },
    allowed: { policies, message, expression: "unhappy_policy_1() || happy_policy_1() || unhappy_policy_2()" },
  });
  const denied = await post(`${url}/validate/denied`, review({}));
  const causes = ["unhappy_policy_1", "unhappy_policy_2"].map((name) => ({
    reason: null,
    message: "failing as expected",
    field: `spec.policies.${name}`,
  }));
  assert.equal([denied.allowed, denied.warnings, denied.status], [false, null, { message, details: { causes } }]);
  const allowed = await post(`${url}/validate/allowed`, review({}));
  assert.equal([allowed.allowed, allowed.status], [true, undefined]);
  stop.abort();
  await closed;
});

test("AT-042: policies of two modules compile two, also where one of them has a limit of its own", async () => {
  const lines: string[] = [];
  const log = createLog({ format: "json", write: (line) => lines.push(line) });
  const [one, other] = [await moduleThatSays({ accepted: true }), await moduleThatSays({ accepted: false })];
  const { url, stop, closed } = await start({
    a: { module: one },
    b: { module: other },
    c: { module: one, timeoutEvalSeconds: 1 },
  }, {
    workers: 1,
  }, log);
  assert.is(lines.filter((line) => JSON.parse(line).message === "Module compiled").length, 2);
  const verdicts = await Promise.all(["a", "b", "c"].map((id) => post(`${url}/validate/${id}`, review({}))));
  assert.equal(verdicts.map(({ allowed }) => allowed), [true, false, true]);
  stop.abort();
  await closed;
});

test("server: a guest's own log line appears in ours", async () => {
  const lines: string[] = [];
  const log = createLog({ format: "json", write: (line) => lines.push(line) });
  const chatty = join(folder, "chatty.wasm");
  await writeFile(chatty, await talkative({ level: "Warning", message: "careful", pod: "x" }));
  const { url } = await start({ chatty: { module: `file://${chatty}` } }, {}, log);
  assert.is((await post(`${url}/validate/chatty`, review({}))).allowed, true);
  const line = lines.map((each) => JSON.parse(each)).find((each) => each.target === "policy_log");
  assert.equal([line.level, line.message, line.policy, line.data], ["warn", "careful", "chatty", { pod: "x" }]);
});

test("server: every broken policy is named, with a code each", async () => {
  const module = exampleUrl("required-labels/policy");
  const policies = {
    fine: { module, settings: { labels: ["a"] } },
    settings: { module, settings: {} },
    missing: { module: "file:///no/such/policy.wasm" },
    endless: { module: exampleUrl("hostile/endless-settings"), timeoutEvalSeconds: 1 },
    grants: { module: exampleUrl("hostile/trap"), hostCapabilities: ["kubernetes/everything"] },
    group: { policies: { a: { module, settings: { labels: [] } } }, expression: "a() &&", message: "m" },
  };
  try {
    await start(policies);
    assert.unreachable();
  } catch (error) {
    const { code, message, cause } = error as KubewardenError;
    assert.is(code, "POLICIES_INVALID");
    assert.equal((cause as PolicyProblem[]).map((each) => [each.policy, each.code]), [
      ["endless", "SETTINGS_INVALID"],
      ["grants", "CAPABILITY_INVALID"],
      ["group", "GROUP_EXPRESSION_INVALID"],
      ["group/a", "SETTINGS_INVALID"],
      ["missing", "MODULE_FETCH_FAILED"],
      ["settings", "SETTINGS_INVALID"],
    ]);
    assert.match(message, /Policy settings are invalid: labels must be a list with at least one label/);
    assert.match(message, /Error while downloading policy 'missing' from file:\/\/\/no\/such\/policy\.wasm/);
  }
});

test("server: a password in a module's URL is not told when it cannot be fetched", async () => {
  try {
    await start({ p: { module: "https://me:hunter2@127.0.0.1:1/policy.wasm" } });
    assert.unreachable();
  } catch (error) {
    const { code, message } = error as KubewardenError;
    assert.is(code, "POLICIES_INVALID");
    assert.match(message, "from https://127.0.0.1:1/policy.wasm");
    assert.not.match(message, "hunter2");
  }
});

test("server: without a limit for all, a policy's own one holds and the others have none", async () => {
  const { url } = await start({
    loop: { module: exampleUrl("hostile/endless-loop"), timeoutEvalSeconds: 1 },
    fine: { module: exampleUrl("privileged-pods/policy") },
  }, { policyTimeoutMs: undefined });
  const { status } = await post(`${url}/validate/loop`, review({}));
  assert.match((status as { message: string }).message, "exceeded the allowed execution time");
  const { message } = (await post(`${url}/validate/fine`, review(privileged))).status as { message: string };
  assert.is(message, "Privileged container is not allowed");
});

test("server: credentials of registries that cannot be read are warned about", async () => {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const { readinessUrl } = await start(
    {},
    { dockerConfigDir: join(folder, "none"), dockerConfigIsOptional: false },
    log,
  );
  assert.is(await status(readinessUrl), 200);
  const warning = lines.map((line) => JSON.parse(line)).find(({ level }) => level === "warn");
  assert.match(
    warning.error,
    `DOCKER_CONFIG_INVALID: Cannot read registry credentials from "${folder}/none/config.json"`,
  );
});

test("server: a limit longer than a timer can hold is long, not over at once", async () => {
  const module = exampleUrl("privileged-pods/policy");
  const { url } = await start({ p: { module, timeoutEvalSeconds: Number.MAX_SAFE_INTEGER } });
  const { message } = (await post(`${url}/validate/p`, review(privileged))).status as { message: string };
  assert.is(message, "Privileged container is not allowed");
});

test("server: not ready before it has loaded, ready after, not ready once it is to stop", async () => {
  const { url, readinessUrl, stop, closed } = await start(
    { p: { module: exampleUrl("privileged-pods/policy") } },
    { shutdownDelayMs: 300 },
  );
  assert.is(await status(readinessUrl), 200);
  stop.abort();
  assert.is(await status(readinessUrl), 503);
  assert.is((await post(`${url}/validate/p`, review(privileged))).allowed, false);
  await closed;
  assert.is(await status(readinessUrl), "DOWNLOAD_FAILED");
});

test("server: a body over the limit is refused in upstream's words and shape", async () => {
  const { url } = await start({ p: { module: exampleUrl("privileged-pods/policy") } });
  const refusalOf = async (path: string) => {
    const answer = await exchange(`${url}${path}`, {
      method: "POST",
      body: " ".repeat(maxBodyBytes + 1),
      headers: { "content-type": "application/json" },
      maxBytes: 1000,
      signal: new AbortController().signal,
    });
    return [answer.status, answer.headers["content-type"], new TextDecoder().decode(answer.body)];
  };
  const message = "Failed to buffer the request body: length limit exceeded";
  assert.equal(await refusalOf("/validate/p"), [413, "application/json", JSON.stringify({ message, status: 413 })]);
  assert.equal(await refusalOf("/audit/p"), [413, "text/plain; charset=utf-8", message]);
  const largest = review(privileged).padEnd(maxBodyBytes);
  assert.is((await post(`${url}/validate/p`, largest)).allowed, false);
});

test("server: profiles are served on the probe port where they are enabled, also while guests run", async () => {
  const policies = { loop: { module: exampleUrl("hostile/endless-loop"), timeoutEvalSeconds: 3 } };
  const { url, readinessUrl } = await start(policies, { enablePprof: true });
  let profiling = true;
  const keepBusy = async () => {
    for (;;) {
      const verdict = await post(`${url}/validate/loop`, review({}));
      if (!profiling) return verdict;
    }
  };
  const running = keepBusy();
  const profile = await exchange(new URL("/debug/pprof/cpu?interval=1", readinessUrl).href, {
    maxBytes: 1e7,
    signal: new AbortController().signal,
  }).finally(() => profiling = false);
  assert.is(profile.status, 200);
  const { stringTable: { strings } } = Profile.decode(new Uint8Array(gunzipSync(profile.body)));
  // Deno's inspector does not lead to worker threads.
  assert.is(strings.some((each) => each.startsWith("worker ")), !("Deno" in globalThis));
  assert.match(((await running).status as { message: string }).message, "exceeded the allowed execution time");
  const plain = await start(policies);
  assert.is(await status(new URL("/debug/pprof/heap", plain.readinessUrl).href), 404);
});

test("server: takes over a renewed certificate that is swapped in by symlink", async () => {
  const authority = await issueAuthority(new Date());
  const secret = join(folder, "pki");
  const version = async (name: string) => {
    const leaf = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
    await writeFile(join(folder, `${name}.crt`), leaf.certificate);
    await writeFile(join(folder, `${name}.key`), leaf.privateKey);
    for (const [link, target] of [["tls.crt", `${name}.crt`], ["tls.key", `${name}.key`]] as const) {
      await symlink(join(folder, target), `${secret}-${link}.new`);
      await rename(`${secret}-${link}.new`, `${secret}-${link}`);
    }
  };
  await version("first");
  const tls = { certFile: `${secret}-tls.crt`, keyFile: `${secret}-tls.key`, clientCaFiles: [] };
  const { url } = await start({ p: { module: exampleUrl("privileged-pods/policy") } }, { tls });
  const named = url.replace("127.0.0.1", "localhost");
  assert.is((await post(`${named}/validate/p`, review(privileged), authority.certificate)).allowed, false);
  const before = await serialNumber(url);
  await version("second");
  await until(async () => await serialNumber(url) !== before);
  assert.is((await post(`${named}/validate/p`, review(privileged), authority.certificate)).allowed, false);
});

test("server: with client CAs only clients with a certificate of one of them are let in", async () => {
  const [ours, theirs] = [await issueAuthority(new Date()), await issueAuthority(new Date())];
  const leaf = await issueLeaf({ authority: ours, dnsName: "localhost", now: new Date() });
  const [known, unknown] = [
    await issueLeaf({ authority: theirs, dnsName: "client", now: new Date() }),
    await issueLeaf({ authority: await issueAuthority(new Date()), dnsName: "client", now: new Date() }),
  ];
  const write = async (content: string) => {
    const path = join(folder, crypto.randomUUID());
    await writeFile(path, content);
    return path;
  };
  const tls = {
    certFile: await write(leaf.certificate),
    keyFile: await write(leaf.privateKey),
    clientCaFiles: [await write(ours.certificate), await write(theirs.certificate)],
  };
  const { url } = await start({ p: { module: exampleUrl("privileged-pods/policy") } }, { tls });
  const answer = (client?: { certificate: string; privateKey: string }) =>
    new Promise<number | undefined>((resolve) => {
      const credentials = client ? { cert: client.certificate, key: client.privateKey } : {};
      const options = { method: "POST", rejectUnauthorized: false, agent: false, ...credentials };
      const request = httpsRequest(`${url}/validate/p`, options, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", () => resolve(undefined));
      request.end();
    });
  assert.is(await answer(known), 415);
  assert.is(await answer(unknown), undefined);
  assert.is(await answer(), undefined);
});

async function serialNumber(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return (await shownCertificate({ host, port: Number(port) })).serialNumber;
}

test("server: under continue-on-errors a broken policy answers with its error, by its mode, and the others serve", async () => {
  const good = exampleUrl("privileged-pods/policy");
  const module = new URL("missing.wasm", exampleUrl("x")).href;
  const lines: string[] = [];
  const log = createLog({ format: "json", write: (line) => lines.push(line) });
  const { url } = await start(
    {
      good: { module: good },
      broken: { module, message: "not this" },
      watched: { module, policyMode: "monitor" },
      group: {
        policies: { good: { module: good }, broken: { module } },
        expression: "good() || broken()",
        message: "no",
      },
    },
    { continueOnErrors: true },
    log,
  );
  const pod = review({ spec: {} });
  assert.is((await post(`${url}/validate/good`, pod)).allowed, true);
  const { allowed, status } = await post(`${url}/validate/broken`, pod) as never as Record<string, { message: string }>;
  assert.is(allowed, false);
  assert.is((status as { code?: number })?.code, 500);
  assert.match(status?.message ?? "", /Error while downloading policy 'broken' from file:/);
  assert.is((await post(`${url}/validate/watched`, pod)).allowed, true, "monitor mode lets it pass");
  assert.is((await post(`${url}/audit/watched`, pod)).allowed, false, "an audit hears the plain answer");
  const group = await post(`${url}/validate/group`, pod);
  assert.is(group.allowed, false);
  assert.match((group.status as { message: string }).message, /^group\/broken: .*policy 'group\/#broken'/);
  const named = lines.map((line) => JSON.parse(line)).filter((each) => each.level === "error");
  assert.equal(named.map((each) => each.policy), ["broken", "group/broken", "watched"]);
});

test.run();
