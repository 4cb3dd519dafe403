import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { type LeaseOptions, whileLeading } from "../../kube/lease.ts";
import { silentLog } from "../../telemetry/log.ts";
import { whenAborted } from "../../sleep.ts";
import { MemoryKube } from "../../testing/memory-kube.ts";
import { leaseKind, memberLease, sharedHolder, sharedLease } from "./member-leases.ts";
import type { Shard } from "./shard.ts";
import { whileSharing } from "./while-sharing.ts";

const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
const name = "reconciler", namespace = "n";
const leaseOf = (kube: MemoryKube, of: string) => kube.objects.get(`coordination.k8s.io/v1/Lease/n/${of}`);

function optionsFor(kube: MemoryKube, identity: string, signal: AbortSignal): LeaseOptions {
  const times = { durationMs: 60_000, renewDeadlineMs: 30_000, retryPeriodMs: 10 };
  return { kube, name, namespace, identity, log: silentLog, signal, ...times };
}

/** A replica that shares, and which of the keys it may work on. */
function replica(kube: MemoryKube, identity: string) {
  const stop = new AbortController();
  const joined = Promise.withResolvers<Shard>();
  let shard: Shard | undefined;
  const running = whileSharing(optionsFor(kube, identity, stop.signal), async (leading, sharing) => {
    shard = sharing.shard;
    joined.resolve(shard);
    await whenAborted(leading);
  });
  running.catch((error) => joined.reject(error));
  joined.promise.catch(() => {}); // Some never come in.
  return {
    joined: joined.promise,
    running,
    stop: () => stop.abort(new Error("stopped")),
    share: () =>
      keys.filter((key) => {
        const mine = shard?.enter(key) ?? false;
        if (mine) shard?.leave(key);
        return mine;
      }),
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("sharing: two replicas divide the keys, and the one that stays has all of them as soon as the other leaves", async () => {
  const kube = new MemoryKube();
  const one = replica(kube, "one"), two = replica(kube, "two");
  await until(() => one.share().length + two.share().length === keys.length && two.share().length > 0);
  assert.ok(one.share().length > 0);
  assert.equal([...one.share(), ...two.share()].sort(), [...keys].sort());
  two.stop();
  await two.running;
  assert.is(leaseOf(kube, "reconciler-member-two"), undefined);
  await until(() => one.share().length === keys.length);
  one.stop();
  await one.running;
  assert.is((leaseOf(kube, name)?.spec as { holderIdentity: string }).holderIdentity, "");
});

test("sharing: the share of a replica that fell silent is taken over when its Lease has run out, and its Lease goes", async () => {
  const kube = new MemoryKube();
  const spec = { leaseDurationSeconds: 1, renewTime: "2099-01-01T00:00:00.000000Z" };
  const membership = { epoch: "before", members: ["dead"] };
  const metadata = { name, namespace };
  await kube.create(sharedLease({ ...leaseKind, metadata }, {
    service: name,
    membership,
    spec: { ...spec, holderIdentity: sharedHolder },
  }));
  await kube.create(memberLease(undefined, {
    service: name,
    name: "reconciler-member-dead",
    namespace,
    epoch: "before",
    spec: { ...spec, holderIdentity: "dead" },
  }));
  const started = performance.now();
  const next = replica(kube, "next");
  await next.joined;
  await until(() => next.share().length === keys.length);
  assert.ok(performance.now() - started >= 1000);
  await until(() => leaseOf(kube, "reconciler-member-dead") === undefined);
  next.stop();
  await next.running;
});

test("sharing: a leader and those who share keep each other out", async () => {
  const kube = new MemoryKube();
  /** A replica that does not share. */
  const leader = (identity: string) => {
    const stop = new AbortController(), leads = Promise.withResolvers<void>();
    let isLeading = false;
    const running = whileLeading(optionsFor(kube, identity, stop.signal), async (leading) => {
      isLeading = true;
      leads.resolve();
      await whenAborted(leading);
      isLeading = false;
    });
    return { leads: leads.promise, isLeading: () => isLeading, running, stop: () => stop.abort(new Error("stopped")) };
  };
  const first = leader("first");
  await first.leads;
  const member = replica(kube, "member");
  const renewals = (of: string) => (leaseOf(kube, of)?.spec as { renewTime?: string } | undefined)?.renewTime ?? "";
  await until(() => renewals("reconciler-member-member") !== "");
  const since = renewals(name);
  await until(() => renewals(name) !== since);
  assert.equal(member.share(), []);
  first.stop();
  await first.running;
  await member.joined;
  await until(() => member.share().length === keys.length);
  const last = leader("last");
  const during = renewals(name);
  await until(() => renewals(name) !== during);
  assert.is(last.isLeading(), false);
  member.stop();
  await member.running;
  await last.leads;
  last.stop();
  await last.running;
});

test("sharing: a replica that the others took for gone ends with LEASE_LOST", async () => {
  const kube = new MemoryKube();
  const only = replica(kube, "only");
  await only.joined;
  kube.objects.delete("coordination.k8s.io/v1/Lease/n/reconciler-member-only");
  assert.is((await only.running.catch((error) => error)).code, "LEASE_LOST");
  const other = replica(kube, "other");
  await other.joined;
  const shared = leaseOf(kube, name) as KubeObject;
  await kube.replace(sharedLease(shared, { service: name, membership: { epoch: "x", members: ["z"] }, spec: {} }));
  assert.is((await other.running.catch((error) => error)).code, "LEASE_LOST");
});

test.run();
