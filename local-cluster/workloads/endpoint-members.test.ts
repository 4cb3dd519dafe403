import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextMembers, targetPort } from "./endpoint-members.ts";
import type { Service } from "./objects.ts";
import type { Pod } from "./pod.ts";

const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "s", namespace: "n" },
  spec: { selector: { app: "a" }, ports: [{ port: 443, targetPort: "https" }] },
};

function pod(uid: string, { ready = true, metadata = {} }: { ready?: boolean; metadata?: object } = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: uid, namespace: "n", uid, labels: { app: "a" }, ...metadata },
    spec: { containers: [{ name: "c", image: "i", ports: [{ name: "https", containerPort: 8443 }] }] },
    status: { podIP: `127.9.9.${uid}`, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

const at = (nowMs: number, pods: Pod[]) => ({ service, pods, nowMs, leaveDelayMs: () => 3000 });

test("endpoints: only ready pods that the selector names, by their named port", () => {
  const others = [pod("2", { ready: false }), pod("3", { metadata: { labels: { app: "b" } } })];
  const members = nextMembers([], at(0, [pod("1"), ...others]));
  assert.equal(members.map((each) => each.ip), ["127.9.9.1"]);
  assert.is(members[0] && targetPort({ port: 443, targetPort: "https" }, members[0]), 8443);
  assert.is(members[0] && targetPort({ port: 443, targetPort: "http" }, members[0]), undefined);
  assert.is(members[0] && targetPort({ port: 443 }, members[0]), 443);
});

test("endpoints: an unready pod leaves at once", () => {
  const before = nextMembers([], at(0, [pod("1")]));
  assert.equal(nextMembers(before, at(1, [pod("1", { ready: false })])), []);
});

test("endpoints: a terminating pod goes on getting traffic until its delay is over, even when it is gone", () => {
  const before = nextMembers([], at(0, [pod("1")]));
  const terminating = pod("1", { ready: false, metadata: { deletionTimestamp: "t" } });
  const leaving = nextMembers(before, at(1000, [terminating]));
  assert.is(leaving[0]?.leavesAtMs, 4000);
  assert.is(nextMembers(leaving, at(3999, [])).length, 1);
  assert.is(nextMembers(leaving, at(4000, [])).length, 0);
});

test.run();
