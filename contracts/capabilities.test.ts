import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  capabilityPatternProblem,
  capabilityPatterns,
  formatCapabilities,
  isCapabilityGranted,
  parseCapabilities,
} from "./capabilities.ts";
import { KubewardenError } from "./errors.ts";

const wildcard = (pattern: string) =>
  `invalid pattern "${pattern}": wildcard '*' must be the entire last path segment (e.g. 'oci/*'), not a partial match`;
const unknown = (pattern: string, segment: string, options: string) =>
  `invalid pattern "${pattern}": unknown segment "${segment}", valid options at this level are: ${options}`;
const incomplete = (pattern: string) =>
  `invalid pattern "${pattern}": not a complete capability path; use "${pattern}/*" to allow all capabilities under it`;
const kubernetes = "can_i, get_resource, list_resources_all, list_resources_by_namespace";

const refused: [string, string][] = [
  ["", "invalid pattern: pattern must not be empty"],
  ["  ", "invalid pattern: pattern must not be empty"],
  ["oci*", wildcard("oci*")],
  ["oci/*/verify", wildcard("oci/*/verify")],
  ["oci/v1/oci_*", wildcard("oci/v1/oci_*")],
  ["**", wildcard("**")],
  ["foo", unknown("foo", "foo", "crypto, kubernetes, net, oci")],
  ["foo/*", unknown("foo/*", "foo", "crypto, kubernetes, net, oci")],
  ["oci/v3/verify", unknown("oci/v3/verify", "v3", "v1, v2")],
  ["oci/v2/manifest_digest", unknown("oci/v2/manifest_digest", "manifest_digest", "verify")],
  ["kubernetes/v1/can_i", unknown("kubernetes/v1/can_i", "v1", kubernetes)],
  ["kubernetes/can_i/x", unknown("kubernetes/can_i/x", "x", "")],
  ["kubernetes/can_i/*", unknown("kubernetes/can_i/*", "*", "")],
  ["oci/", unknown("oci/", "", "v1, v2")],
  ["constructor", unknown("constructor", "constructor", "crypto, kubernetes, net, oci")],
  ["oci/v1", incomplete("oci/v1")],
  ["kubernetes", incomplete("kubernetes")],
];
for (const [pattern, problem] of refused) {
  test(`capabilities: "${pattern}" is refused`, () => assert.is(capabilityPatternProblem(pattern), problem));
}

test("capabilities: every listed pattern is accepted, with white space around it too", () => {
  assert.is(capabilityPatterns.length, 20);
  for (const pattern of capabilityPatterns) assert.is(capabilityPatternProblem(` ${pattern} `), undefined);
});

const grants: [string[], string, boolean][] = [
  [["*"], "oci/v1/verify", true],
  [["*"], "anything/at_all", true],
  [[], "oci/v1/verify", false],
  [["oci/*"], "oci/v1/verify", true],
  [["oci/v1/*"], "oci/v2/verify", false],
  [["oci/v2/verify"], "oci/v2/verify", true],
  [["kubernetes/*"], "kubernetes/can_i", true],
  [["kubernetes/can_i"], "kubernetes/get_resource", false],
  [["net/*", "crypto/*"], "crypto/v1/is_certificate_trusted", true],
];
for (const [patterns, path, granted] of grants) {
  test(`capabilities: [${patterns}] ${granted ? "grants" : "does not grant"} ${path}`, () => {
    assert.is(isCapabilityGranted(parseCapabilities(patterns), path), granted);
  });
}

test("capabilities: what follows * is not looked at, what precedes it is", () => {
  assert.is(parseCapabilities(["*", "nonsense"]).all, true);
  assert.throws(
    () => parseCapabilities(["nonsense", "*"]),
    (error: unknown) => error instanceof KubewardenError && error.code === "CAPABILITY_INVALID",
  );
});

test("capabilities: the list form names sorted prefixes, then sorted paths", () => {
  assert.is(formatCapabilities(parseCapabilities(["*"])), "[*]");
  assert.is(formatCapabilities(parseCapabilities([])), "[]");
  const patterns = ["oci/v2/verify", "net/*", "kubernetes/can_i", "crypto/*"];
  assert.is(formatCapabilities(parseCapabilities(patterns)), "[crypto/*, net/*, kubernetes/can_i, oci/v2/verify]");
});

test("AT-058: a grant of nothing, everything, one path, all below a node, and of several at a time", () => {
  const matches: [string[], string, boolean][] = [
    [[], "oci/v1/verify", false],
    [["*"], "kubernetes/can_i", true],
    [["net/v1/dns_lookup_host"], "net/v1/dns_lookup_host", true],
    [["net/v1/dns_lookup_host"], "oci/v1/verify", false],
    [["oci/*"], "oci/v1/verify", true],
    [["oci/*"], "oci/v2/verify", true],
    [["oci/*"], "oci/v1/manifest_digest", true],
    [["oci/*"], "net/v1/dns_lookup_host", false],
    [["oci/v2/*"], "oci/v2/verify", true],
    [["oci/v2/*"], "oci/v1/verify", false],
    [["oci/v1/*", "kubernetes/can_i"], "oci/v1/oci_manifest", true],
    [["oci/v1/*", "kubernetes/can_i"], "kubernetes/can_i", true],
    [["oci/v1/*", "kubernetes/can_i"], "kubernetes/get_resource", false],
  ];
  for (const [patterns, path, granted] of matches) {
    assert.is(isCapabilityGranted(parseCapabilities(patterns), path), granted, `[${patterns}] ${path}`);
  }
});

test("AT-059: a wildcard is a whole last segment, and a pattern is not empty", () => {
  for (const pattern of ["oci*", "oci/v1/oci_*", "*/oci"]) {
    assert.is(capabilityPatternProblem(pattern), wildcard(pattern));
  }
  assert.is(capabilityPatternProblem(""), "invalid pattern: pattern must not be empty");
});

test("AT-060: what is not in the tree is refused, and so is a path that ends too early", () => {
  const foreign = ["unknown/v1/op", "oci/v99/verify", "oci/v1/nonexistent", "kubernetes/nonexistent", "unknown/*"];
  for (const pattern of [...foreign, "oci/v99/*"]) {
    assert.match(capabilityPatternProblem(pattern) ?? "", "unknown segment", pattern);
  }
  for (const pattern of ["oci", "oci/v1", "net", "kubernetes"]) {
    assert.is(capabilityPatternProblem(pattern), incomplete(pattern));
  }
});

test("AT-061: the refusal of an unknown segment lists what could stand there, that of a short path how to go on", () => {
  assert.is(capabilityPatternProblem("oci/v99/verify"), unknown("oci/v99/verify", "v99", "v1, v2"));
  assert.match(capabilityPatternProblem("net") ?? "", 'use "net/*" to allow all capabilities under it');
});

test("AT-062: everything is everything beside others too; there are eleven paths; lists are told and read back", () => {
  for (const patterns of [["*"], ["*", "oci/*", "kubernetes/can_i"]]) {
    assert.equal(parseCapabilities(patterns), { all: true, prefixes: [], exact: [] });
  }
  const paths = capabilityPatterns.filter((each) => !each.endsWith("*"));
  assert.is(paths.length, 11);
  const told = formatCapabilities(parseCapabilities(capabilityPatterns.filter((each) => each !== "*")));
  assert.equal(parseCapabilities(told.slice(1, -1).split(", ")).exact, [...paths].sort());
  assert.equal(
    ["*", "", "oci/*"].map((each) => formatCapabilities(parseCapabilities(each === "" ? [] : [each]))),
    ["[*]", "[]", "[oci/*]"],
  );
});

test.run();
