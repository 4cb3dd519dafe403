import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../contracts/errors.ts";
import { parseAddress } from "./address.ts";
import { parseCli } from "./cli.ts";
import { booleanFlag, choiceFlag, durationFlag, integerFlag, listFlag, textFlag } from "./flags.ts";

const spec = {
  name: "tool",
  description: "does things",
  flags: {
    someText: textFlag("a text", "given", { env: "SOME_TEXT" }),
    leaderElect: booleanFlag("a switch", true, { env: "LEADER" }),
    port: integerFlag("a port", 8443, { env: "PORT", max: 65_535 }),
    level: choiceFlag("a level", ["debug", "info"], "info", { env: "LEVEL" }),
    pullSecrets: listFlag("names", { flag: "image-pull-secrets" }),
    wait: durationFlag("a time", "15s"),
  },
};
const parse = (argv: string[], env = {}) => parseCli(spec, argv, env);

function codeOf(act: () => unknown): string {
  try {
    act();
    return "no error";
  } catch (error) {
    return error instanceof KubewardenError ? error.code : String(error);
  }
}

test("cli: defaults, then environment, then flags", () => {
  const defaults = { someText: "given", leaderElect: true, port: 8443, level: "info", pullSecrets: [], wait: 15_000 };
  assert.equal(parse([]), defaults);
  const env = { SOME_TEXT: "env", PORT: "1", LEVEL: "" };
  assert.equal(parse([], env), { ...defaults, someText: "env", port: 1 });
  assert.equal(parse(["--some-text", "flag", "--port=2"], env), { ...defaults, someText: "flag", port: 2 });
});

const booleans: [string[], Record<string, string>, boolean][] = [
  [["--leader-elect"], { LEADER: "false" }, true],
  [["--leader-elect=false"], {}, false],
  [["--no-leader-elect"], {}, false],
  [["--no-leader-elect"], { LEADER: "true" }, false],
  [[], { LEADER: "0" }, false],
  [[], { LEADER: "No" }, false],
  [[], { LEADER: "YES" }, true],
];
for (const [argv, env, expected] of booleans) {
  test(`cli: ${argv} with ${JSON.stringify(env)} is ${expected}`, () =>
    assert.is(parse(argv, env)?.leaderElect, expected));
}

test("cli: lists and durations are read as Kubernetes users write them", () => {
  assert.equal(parse(["--image-pull-secrets", " a, ,b "])?.pullSecrets, ["a", "b"]);
  assert.is(parse(["--wait", "1m30s"])?.wait, 90_000);
  assert.is(parse(["--wait", "500ms"])?.wait, 500);
});

const wrong: [string[], Record<string, string>][] = [
  [["--unknown"], {}],
  [["stray"], {}],
  [["--port", "70000"], {}],
  [["--port", "x"], {}],
  [["--port"], {}],
  [["--level", "loud"], {}],
  [["--wait", "soon"], {}],
  [["--leader-elect=maybe"], {}],
  [[], { PORT: "x" }],
  [[], { LEADER: "maybe" }],
];
for (const [argv, env] of wrong) {
  test(`cli: ${argv} with ${JSON.stringify(env)} is a usage error`, () =>
    assert.is(codeOf(() => parse(argv, env)), "USAGE"));
}

test("address: with and without host, IPv6, and off", () => {
  assert.equal(parseAddress(":8080", "0.0.0.0"), { host: "0.0.0.0", port: 8080 });
  assert.equal(parseAddress("127.0.0.1:80", "0.0.0.0"), { host: "127.0.0.1", port: 80 });
  assert.equal(parseAddress("[::1]:80", "0.0.0.0"), { host: "::1", port: 80 });
  assert.is(parseAddress("0", "0.0.0.0"), undefined);
  for (const bad of ["8080", ":x", ":70000", ""]) assert.is(codeOf(() => parseAddress(bad, "")), "USAGE");
});

test.run();
