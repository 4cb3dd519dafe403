import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseChallenges } from "./challenge.ts";

const cases: [string, unknown][] = [
  ['Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"', [
    { scheme: "bearer", params: { realm: "https://a/t", service: "s", scope: "repository:a/b:pull,push" } },
  ]],
  ['Basic realm="say \\"who\\""', [{ scheme: "basic", params: { realm: 'say "who"' } }]],
  ["BEARER Realm=x , Basic realm=y", [
    { scheme: "bearer", params: { realm: "x" } },
    { scheme: "basic", params: { realm: "y" } },
  ]],
  ["Negotiate", [{ scheme: "negotiate", params: {} }]],
  ["", []],
  ['="', []],
];
for (const [header, challenges] of cases) {
  test(`challenge: ${header}`, () => assert.equal(parseChallenges(header), challenges));
}

test.run();
