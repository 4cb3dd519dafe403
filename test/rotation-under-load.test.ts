import { tmpdir } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { untilCondition, untilDenied } from "../local-cluster/demo/looks.ts";
import { until } from "../local-cluster/demo/until.ts";
import { installedCluster, servingPods } from "./installed-cluster.ts";
import { denialOfGreedy, greedy, privilegedPods } from "./privileged-pods.ts";
import {
  endFormerTrust,
  forRotations,
  patient,
  replaceServingCertificate,
  rotateAuthority,
  underLoad,
} from "./rotation-load.ts";

const replicas = 3;
const installed = await installedCluster({ moreModules: tmpdir(), change: forRotations(replicas) });
test.after(() => installed.stop());
await untilServed();

/** All replicas take part: a roll-out that is still going on would be another test. */
async function untilServed(): Promise<void> {
  const stage = patient(installed);
  try {
    await untilCondition(stage, privilegedPods, "PolicyActive");
    await until("all replicas, and no other pods", async () => {
      const { length } = servingPods(installed);
      return length === replicas || `${length} pods`;
    }, stage.wait);
    await untilDenied(stage, greedy, denialOfGreedy);
  } catch (error) {
    await installed.stop();
    throw error;
  }
}

const atLeast = 150;
async function withoutOneFailure(work: () => Promise<void>): Promise<void> {
  const { asked, lost } = await underLoad(installed, { work, atLeast });
  assert.is(lost.length, 0, `${lost.length} of ${JSON.stringify(asked)}: ${[...new Set(lost)].slice(0, 3).join("\n")}`);
  assert.ok(asked.throughApiServer >= atLeast && asked.ofPods >= atLeast, JSON.stringify(asked));
}

test("under load, a certificate authority is replaced, and not one admission request fails", async () => {
  await withoutOneFailure(() => rotateAuthority(installed));
});

test("under load, the trust in the former authority ends, and not one admission request fails", async () => {
  await withoutOneFailure(() => endFormerTrust(installed));
});

test("under load, a serving certificate is replaced, and not one admission request fails", async () => {
  await withoutOneFailure(() => replaceServingCertificate(installed));
});

test.run();
