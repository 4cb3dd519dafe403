import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { leaseIdentity, whileLeading } from "./lease.ts";
import { silentLog } from "../telemetry/log.ts";
import { sleep, whenAborted } from "../sleep.ts";
import { failure, MemoryKube } from "../testing/memory-kube.ts";

const key = "coordination.k8s.io/v1/Lease/ns/certs";

/** A process that wants to lead. */
function contender(kube: MemoryKube, identity: string, o: { durationMs?: number } = {}) {
  const stop = new AbortController();
  const leads = Promise.withResolvers<AbortSignal>();
  let holds = () => false;
  const running = whileLeading({
    kube,
    name: "certs",
    namespace: "ns",
    identity,
    durationMs: o.durationMs ?? 60_000,
    renewDeadlineMs: 200,
    retryPeriodMs: 10,
    log: silentLog,
    signal: stop.signal,
  }, async (leading, holdsNow) => {
    holds = holdsNow;
    leads.resolve(leading);
    await whenAborted(leading);
  });
  running.catch((error) => leads.reject(error));
  return { leads: leads.promise, holds: () => holds(), stop: () => stop.abort(new Error("stopped")), running };
}

const holder = (kube: MemoryKube) => (kube.objects.get(key)?.spec as { holderIdentity?: string }).holderIdentity;

test("lease: of two contenders one leads, and the other as soon as the first stops", async () => {
  const kube = new MemoryKube();
  const first = contender(kube, "one");
  const leading = await first.leads;
  const second = contender(kube, "two");
  let secondLeads = false;
  void second.leads.then(() => secondLeads = true);
  const version = () => Number(kube.objects.get(key)?.metadata.resourceVersion);
  const before = version();
  while (version() < before + 3) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.is(secondLeads, false);
  assert.is(leading.aborted, false);
  first.stop();
  await first.running;
  await second.leads;
  assert.is(holder(kube), "two");
  assert.is((kube.objects.get(key)?.spec as { leaseTransitions: number }).leaseTransitions, 1);
  second.stop();
  await second.running;
  assert.is(holder(kube), undefined);
});

test("lease: a holder that fell silent is replaced after its own duration", async () => {
  const kube = new MemoryKube();
  const spec = { holderIdentity: "dead", leaseDurationSeconds: 1, renewTime: "2099-01-01T00:00:00.000000Z" };
  const lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "certs", namespace: "ns" },
    spec,
  };
  await kube.create(lease);
  const started = performance.now();
  const next = contender(kube, "next");
  await next.leads;
  assert.ok(performance.now() - started >= 1000);
  next.stop();
  await next.running;
});

test("lease: the same identity takes up its own Lease at once", async () => {
  const kube = new MemoryKube();
  const spec = { holderIdentity: "pod-1", leaseDurationSeconds: 3600 };
  const lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "certs", namespace: "ns" },
    spec,
  };
  await kube.create(lease);
  const again = contender(kube, leaseIdentity({ POD_NAME: "pod-1" }));
  await again.leads;
  again.stop();
  await again.running;
});

test("lease: who cannot renew in time stops working and fails with LEASE_LOST", async () => {
  const kube = new MemoryKube();
  const only = contender(kube, "one");
  const leading = await only.leads;
  kube.intercept = () => {
    throw failure("KUBE_UNREACHABLE");
  };
  const error = await only.running.catch((error) => error);
  assert.is(error.code, "LEASE_LOST");
  assert.ok(leading.aborted);
});

test("lease: a renewal counts from when it was asked for, not from when its answer came", async () => {
  const kube = new MemoryKube();
  const only = contender(kube, "one");
  await only.leads;
  // The server has it at once, and others count from then; with the answer three quarters of the deadline are gone.
  const replace = kube.replace.bind(kube);
  kube.replace = async (object: KubeObject, o: { signal?: AbortSignal } = {}) => {
    const stored = await replace(object);
    await sleep(150, o.signal);
    return stored;
  };
  assert.is((await only.running.catch((error) => error)).code, "LEASE_LOST");
});

test("lease: a process that was stopped for longer than the deadline knows it before its timers tell", async () => {
  const kube = new MemoryKube();
  const only = contender(kube, "one");
  const leading = await only.leads;
  assert.is(only.holds(), true);
  for (const started = performance.now(); performance.now() - started < 250;); // As if SIGSTOP and SIGCONT.
  assert.is(only.holds(), false);
  assert.is(leading.aborted, false);
  only.stop();
  await only.running.catch(() => undefined);
});

test("lease: a short failure to renew is survived", async () => {
  const kube = new MemoryKube();
  const only = contender(kube, "one");
  const leading = await only.leads;
  let failures = 3;
  kube.intercept = () => {
    if (failures-- > 0) throw failure("KUBE_CONFLICT");
  };
  const version = () => Number(kube.objects.get(key)?.metadata.resourceVersion);
  const before = version();
  while (version() < before + 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.is(leading.aborted, false);
  only.stop();
  await only.running;
});

test("lease: a Lease taken by another ends the work at once", async () => {
  const kube = new MemoryKube();
  const only = contender(kube, "one");
  const leading = await only.leads;
  const taken = kube.objects.get(key) as KubeObject;
  kube.objects.set(key, { ...taken, spec: { holderIdentity: "thief", leaseDurationSeconds: 60 } });
  const error = await only.running.catch((error) => error);
  assert.is(error.code, "LEASE_LOST");
  assert.ok(leading.aborted);
  assert.is(holder(kube), "thief");
});

test("lease: work that fails gives the Lease back and its error on", async () => {
  const kube = new MemoryKube();
  const error = await whileLeading({
    kube,
    name: "certs",
    namespace: "ns",
    identity: "one",
    log: silentLog,
    signal: new AbortController().signal,
  }, () => Promise.reject(new Error("mine"))).catch((error) => error);
  assert.is(error.message, "mine");
  assert.is(holder(kube), undefined);
});

test("lease: a contender that is stopped while it waits leaves with the signal's reason", async () => {
  const kube = new MemoryKube();
  const first = contender(kube, "one");
  await first.leads;
  const second = contender(kube, "two");
  second.leads.catch(() => {});
  second.stop();
  assert.is((await second.running.catch((error) => error)).message, "stopped");
  first.stop();
  await first.running;
});

test.run();
