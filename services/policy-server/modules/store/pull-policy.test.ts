import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseModuleUrl } from "../module-url.ts";
import { mayUseStored, type PullPolicy } from "./pull-policy.ts";

const digest = `sha256:${"0".repeat(64)}`;
const cases: [string, PullPolicy, boolean][] = [
  ["r.io/a:latest", "auto", false],
  ["r.io/a", "auto", false],
  ["r.io/a:v1", "auto", true],
  ["https://h/a.wasm", "auto", true],
  ["r.io/a:latest", "IfNotPresent", true],
  ["r.io/a:v1", "Always", false],
  ["https://h/a.wasm", "Always", false],
  [`r.io/a@${digest}`, "Always", true],
];
for (const [url, policy, stored] of cases) {
  test(`pull policy: ${policy} ${stored ? "takes" : "does not take"} ${url} from the store`, () => {
    assert.is(mayUseStored(parseModuleUrl(url), policy), stored);
  });
}

test.run();
