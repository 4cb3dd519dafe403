import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubewardenError } from "../../contracts/errors.ts";
import { type ApiServer, startApiServer } from "../../local-cluster/api/server.ts";
import { textFlag } from "../cli/flags.ts";
import { connectKube } from "../kube/kube.ts";
import { exchange } from "../net/net.ts";
import { nothingToDo } from "../control/plan.ts";
import { freePort } from "../testing/free-port.ts";
import { runService, type ServiceSpec } from "./service.ts";

const never = new AbortController().signal;
let api: ApiServer, folder: string, kubeconfig: string;

test.before(async () => {
  api = await startApiServer();
  folder = await mkdtemp(join(tmpdir(), "service-"));
  kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, api.kubeconfig());
});
test.after(async () => {
  await api.stop();
  await rm(folder, { recursive: true });
});

/** Starts a service in this process, with its own ports. */
async function start(spec: Partial<ServiceSpec<Record<never, never>>>, argv: string[] = []) {
  const stop = new AbortController();
  const health = await freePort(), metrics = await freePort();
  const common = ["--kubeconfig", kubeconfig, "--deployments-namespace", "default", "--log-level", "error"];
  const env = {
    KUBEWARDEN_BIND_ADDRESS: "127.0.0.1",
    KUBEWARDEN_HEALTH_PROBE_BIND_ADDRESS: `:${health}`,
    KUBEWARDEN_METRICS_BIND_ADDRESS: `:${metrics}`,
  };
  const full = { name: "testing", description: "a test", start: () => {}, ...spec };
  const ended = runService(full, [...common, ...argv], { signal: stop.signal, env });
  const read = async (port: number, path: string) => {
    const { status, body } = await exchange(`http://127.0.0.1:${port}${path}`, { maxBytes: 1e6, signal: never });
    return { status, text: new TextDecoder().decode(body) };
  };
  return {
    ended,
    healthz: () => read(health, "/healthz"),
    readyz: () => read(health, "/readyz"),
    metrics: () => read(metrics, "/metrics"),
    stop: () => stop.abort(new Error("stopped")),
  };
}

const configMaps = { apiVersion: "v1", kind: "ConfigMap" };

test("service: a leader runs its controllers, is ready and counts, and stops in order", async () => {
  const passed = Promise.withResolvers<string>();
  const service = await start({
    start({ cache, run }) {
      const maps = cache({ ...configMaps, namespace: "default" });
      run({
        name: "testing",
        sources: [{ cache: maps, keysFor: ({ metadata: { name } }) => [name] }],
        observe: (key) => passed.resolve(key),
        plan: () => nothingToDo,
      });
    },
  });
  const kube = await connectKube({ kubeconfig });
  await kube.create({ ...configMaps, metadata: { name: "seen", namespace: "default" } });
  assert.type(await passed.promise, "string");
  assert.is((await service.healthz()).status, 200);
  assert.equal(await service.readyz(), { status: 200, text: "ok, leading\n" });
  // The first pass may come of the list, before the watch has its answer.
  let { text } = await service.metrics();
  while (!text.includes('verb="watch"')) ({ text } = await service.metrics());
  assert.match(text, "kubewarden_leading 1");
  assert.match(text, 'kubewarden_api_requests_total{verb="watch",resource="configmaps",code="200"} 1');
  assert.match(text, 'kubewarden_reconciles_total{controller="testing",result="ok"}');
  assert.match(text, "process_resident_memory_bytes");
  const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", name: "testing", namespace: "default" };
  assert.ok(((await kube.get(lease))?.spec as { holderIdentity: string }).holderIdentity);
  service.stop();
  await service.ended;
  assert.is(((await kube.get(lease))?.spec as { holderIdentity?: string }).holderIdentity, undefined);
});

test("service: is not ready while a cache waits for its kind, and a stop then is no failure", async () => {
  const started = Promise.withResolvers<void>();
  const service = await start({
    start({ cache }) {
      cache({ apiVersion: "example.com/v1", kind: "Unserved" });
      started.resolve();
    },
  });
  await started.promise;
  const { status, text } = await service.readyz();
  assert.is(status, 503);
  assert.match(text, "Unserved");
  service.stop();
  await service.ended;
});

test("service: a replica that stands by is ready and does not work", async () => {
  const leads = Promise.withResolvers<void>();
  const spec = (work: () => void): Partial<ServiceSpec<Record<never, never>>> => ({
    name: "pair",
    start({ cache, whileLeading }) {
      cache(configMaps);
      whileLeading(async (signal) => {
        work();
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      });
    },
  });
  const first = await start(spec(leads.resolve));
  await leads.promise;
  let second = false;
  const standby = await start(spec(() => second = true));
  while ((await standby.readyz().catch(() => undefined))?.status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.is(second, false);
  assert.is((await standby.readyz()).text, "ok, standing by\n");
  assert.match((await standby.metrics()).text, "kubewarden_leading 0");
  standby.stop();
  await standby.ended;
  first.stop();
  await first.ended;
});

for (const flag of ["--health-probe-bind-address", "--metrics-bind-address"]) {
  test(`service: if the port of ${flag} is taken it ends, says where and how to choose another, and frees the other`, async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    let started = false;
    const service = await start({ start: () => void (started = true) }, [flag, `127.0.0.1:${port}`]);
    const error = await service.ended.catch((each: unknown) => each) as KubewardenError;
    assert.is(error.code, "ADDRESS_UNAVAILABLE");
    assert.match(error.message, `Cannot listen on 127.0.0.1:${port}: another process`);
    assert.match(error.message, `choose another port with ${flag}`);
    assert.is(started, false);
    const other = flag === "--metrics-bind-address" ? service.healthz : service.metrics;
    while (await other().then(() => true, () => false)) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => taken.close(resolve));
  });
}

test("service: a part that fails ends the whole with its error", async () => {
  const service = await start({
    start({ whileLeading }) {
      whileLeading(() => Promise.reject(new Error("broken part")));
    },
  }, ["--no-leader-elect"]);
  assert.is((await service.ended.catch((error) => error)).message, "broken part");
});

test("service: wrong flags are a usage error, own flags are read", async () => {
  for (const wrong of [["--nonsense"], ["--lease-duration", "5s"]]) {
    const service = await start({}, wrong);
    assert.is((await service.ended.catch((error) => error)).code, "USAGE");
  }
  const seen = Promise.withResolvers<string>();
  const spec: ServiceSpec<{ own: ReturnType<typeof textFlag<string>> }> = {
    name: "own",
    description: "own flags",
    flags: { own: textFlag("mine", "") },
    start: ({ options }) => seen.resolve(`${options.own} ${options.deploymentsNamespace}`),
  };
  const stop = new AbortController();
  const argv = ["--own", "x", "--kubeconfig", kubeconfig, "--health-probe-bind-address", "0"];
  const ended = runService(spec, [...argv, "--metrics-bind-address", "0", "--no-leader-elect"], {
    signal: stop.signal,
    env: {},
  });
  assert.is(await seen.promise, "x kubewarden");
  stop.abort();
  await ended;
});

test.run();
