import { test } from "uvu";
import * as assert from "uvu/assert";
import { similarWord } from "./similar-word.ts";

const words = ["module", "settings", "hostCapabilities", "message"];
const cases: [string, string | undefined][] = [
  ["hostCapabilites", "hostCapabilities"],
  ["HostCapabilities", "hostCapabilities"],
  ["setings", "settings"],
  ["massage", "message"],
  ["namespacedName", undefined],
  ["mod", undefined],
  ["", undefined],
  ["m".repeat(1_000_000), undefined],
];
for (const [word, meant] of cases) {
  test(`similar word: ${word.slice(0, 20)} means ${meant}`, () => assert.is(similarWord(word, words), meant));
}

test.run();
