import { test } from "uvu";
import * as assert from "uvu/assert";
import { policiesFolder } from "../../local-cluster/demo/manifests.ts";
import { serveModules } from "../../local-cluster/demo/module-server.ts";
import { differences } from "./dump.ts";
import { type Kill, playStory } from "./run.ts";

const modules = await serveModules(policiesFolder);
const common = { modulesHost: modules.host, signal: new AbortController().signal };
const undisturbed = await playStory({ ...common, seed: 1 });

const kills: { seed: number; kill: Kill }[] = [
  { seed: 1, kill: { controller: "reconciler", k: 1, phase: "after" } },
  { seed: 2, kill: { controller: "webhook-registrar", k: 17, phase: "before" } },
  { seed: 3, kill: { controller: "webhook-registrar", k: 2, phase: "before" } },
];
for (const { seed, kill } of kills) {
  test(`chaos: ${kill.controller} killed ${kill.phase} its write ${kill.k} leaves what an undisturbed run leaves`, async () => {
    const outcome = await playStory({ ...common, seed, kill, expected: undisturbed.dump });
    assert.ok(outcome.fell, "the kill fell on a write");
    assert.equal(differences(undisturbed.dump, outcome.dump), []);
  });
}

test.after(() => modules.stop());

test.run();
