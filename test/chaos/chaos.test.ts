import { test } from "uvu";
import * as assert from "uvu/assert";
import { policiesFolder } from "../../local-cluster/demo/manifests.ts";
import { serveModules } from "../../local-cluster/demo/module-server.ts";
import { differences } from "./dump.ts";
import { calm, type Mischief, named } from "./mischief.ts";
import { playStory } from "./run.ts";

const modules = await serveModules(policiesFolder);
const common = { modulesHost: modules.host, signal: new AbortController().signal };
const standbyOf = "webhook-registrar";
const undisturbed = await playStory({ ...common, seed: 1, standbyOf });

test("chaos: nothing that must never be is on the way of an undisturbed run", () => {
  assert.equal(undisturbed.broken, []);
  assert.ok(undisturbed.calls > 0, "registered webhooks were called");
});

const storm = {
  ...calm,
  conflict: 0.05,
  gone: 0.2,
  tooMany: 0.05,
  failed: 0.05,
  failedAfter: 0.05,
  slow: 0.1,
  slowMs: 200,
};
const cases: Mischief[] = [
  {
    seed: 1,
    standbyOf,
    weather: calm,
    blows: [
      { controller: "reconciler", k: 1, phase: "after", what: "kill", victim: "all" },
      { controller: "webhook-registrar", k: 9, phase: "before", what: "kill", victim: "writer's pod" },
    ],
  },
  {
    seed: 2,
    standbyOf,
    weather: storm,
    blows: [
      { controller: "certs", k: 3, phase: "after", what: "kill", victim: "writer" },
      { controller: "reconciler", k: 20, phase: "after", what: "API server restarts", downMs: 500 },
    ],
  },
];
for (const mischief of cases) {
  test(`chaos: ${named(mischief)}: leaves what an undisturbed run leaves`, async () => {
    const outcome = await playStory({ ...common, seed: mischief.seed, mischief, expected: undisturbed.dump });
    assert.is(outcome.fell.length, mischief.blows.length, "every blow fell");
    assert.equal(outcome.broken, []);
    assert.equal(differences(undisturbed.dump, outcome.dump), []);
  });
}

test.after(() => modules.stop());

test.run();
