import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { isIpAddress, parseAddress } from "../net/address.ts";
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
    limit: integerFlag("a limit", 2, { min: 1, max: 2n ** 64n - 1n, tooSmall: "it must be something" }),
    plain: { ...booleanFlag("no decoration", false), env: "PLAIN", parseEnv: () => true },
    secret: booleanFlag("nobody hears of it", false, { hidden: true }),
  },
  commands: { "docs -o <file>": "write a reference" },
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

const others = { limit: 2, plain: false, secret: false };

test("cli: defaults, then environment, then flags", () => {
  const defaults = {
    someText: "given",
    leaderElect: true,
    port: 8443,
    level: "info",
    pullSecrets: [],
    wait: 15_000,
    ...others,
  };
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

test("cli: a list may be given in several flags, which together win over the environment", () => {
  assert.equal(parse(["--image-pull-secrets", "a,b", "--image-pull-secrets=c"])?.pullSecrets, ["a", "b", "c"]);
  const list = { ...spec, flags: { files: listFlag("files", { env: "FILES", min: 1 }) } };
  assert.equal(parseCli(list, ["--files", "a"], { FILES: "b,c" })?.files, ["a"]);
  assert.equal(parseCli(list, [], { FILES: "b, c" })?.files, ["b", "c"]);
  assert.is(codeOf(() => parseCli(list, [], { FILES: "," })), "USAGE");
});

test("cli: a variable may be read in another way than its flag", () => {
  assert.is(parse([], { PLAIN: "0" })?.plain, true);
  assert.is(parse([], { PLAIN: "" })?.plain, false);
  assert.is(parse(["--plain=false"], { PLAIN: "1" })?.plain, false);
});

test("cli: numbers up to 64 bits are taken", () => {
  assert.is(parse(["--limit", "18446744073709551615"])?.limit, 2 ** 64);
});

const hints: [string[], string][] = [
  [["--prot", "1"], "unknown option '--prot'\n(Did you mean --port?)"],
  [["--port"], "option '--port <number>' argument missing"],
  [["--limit", "0"], "option '--limit <number>' argument '0' is invalid. it must be something"],
  [["--limit", "18446744073709551616"], "expected a whole number from 1 to 18446744073709551615"],
  [["--limit", "9".repeat(1_000_000)], "expected a whole number"],
  [["stray"], 'unexpected argument "stray"'],
  [["doc"], 'unexpected argument "doc"\n(Did you mean docs?)'],
  [["--port", "1", "docs"], '"docs" must be the first argument'],
];
for (const [argv, message] of hints) {
  test(`cli: ${argv.join(" ").slice(0, 40)} is a usage error that says what is wrong`, () => {
    assert.throws(() => parse(argv), (error: Error) => error.message.includes(message));
  });
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

const ipAddresses: [string, boolean][] = [
  ["0.0.0.0", true],
  ["127.0.0.1", true],
  ["255.255.255.255", true],
  ["::", true],
  ["::1", true],
  ["fe80::1:2", true],
  ["::ffff:10.0.0.1", true],
  ["", false],
  ["localhost", false],
  ["127.0.0", false],
  ["127.0.0.1.", false],
  ["127.0.0.256", false],
  ["127.0.0.01", false],
  ["1.2.3.4.5", false],
  ["[::1]", false],
  ["::1]:80/x[", false],
  ["1::2::3", false],
  [":80", false],
];
for (const [text, expected] of ipAddresses) {
  test(`address: ${JSON.stringify(text)} is ${expected ? "an" : "no"} IP address`, () => {
    assert.is(isIpAddress(text), expected);
  });
}

test.run();
