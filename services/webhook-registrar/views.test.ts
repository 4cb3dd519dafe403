import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { guardFor } from "./deadlock-guard.ts";
import { unavailableSince } from "./observe-policy.ts";
import { serverOfPolicyView } from "./views.ts";

const server = (...conditions: object[]): KubeObject => ({
  apiVersion: "policies.kubewarden.io/v1",
  kind: "PolicyServer",
  metadata: { name: "default", uid: "ps1" },
  status: { conditions },
});
const of = (type: string, status: string, lastTransitionTime = "2030-01-01T00:00:00Z") => ({
  type,
  status,
  lastTransitionTime,
});
const view = (...conditions: object[]) => JSON.stringify(serverOfPolicyView(server(...conditions)));

test("views: policies hear at once when the last pod goes, and when one is ready again", () => {
  const states = [
    view(),
    view(of("Available", "True")),
    view(of("Available", "False")),
    view(of("Available", "False", "2030-01-01T00:05:00Z")),
  ];
  assert.is(new Set(states).size, states.length);
});

test("views: a rollout that is stuck while pods answer is nothing to policies, nor to their guards", () => {
  const stuck = [of("PodsReady", "False"), of("Available", "True")];
  assert.is(view(...stuck), view(of("PodsReady", "True"), of("Available", "True")));
  const policy = {
    metadata: { name: "p", annotations: { "kubewarden-edge.io/relax-when-unavailable-after": "30s" } },
  };
  const seen = { unavailableSince: unavailableSince(server(...stuck)), now: new Date("2031-01-01T00:00:00Z") };
  assert.is(guardFor(policy, seen)?.relaxedSince, undefined);
});

test.run();
