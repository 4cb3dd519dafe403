import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../../contracts/errors.ts";
import type { SignatureRequirement } from "../../../../contracts/verification-config.ts";
import { repositoryOf } from "./github-url.ts";
import { assertSigned, githubIssuer, meets, type Requirements } from "./requirements.ts";
import type { Identity, SignatureFacts } from "./signature-facts.ts";

const issuer = "https://github.com/login/oauth";
const workflow = "https://github.com/kubewarden/policy/.github/workflows/release.yml@refs/tags/v1";

function facts(o: { identity?: Identity; keys?: string[]; annotations?: Record<string, string> }): SignatureFacts {
  const { identity, keys = [], annotations = {} } = o;
  return { keys: new Set(keys), annotations: new Map(Object.entries(annotations)), ...identity && { identity } };
}

function by(value: string, o: { issuer?: string; kind?: "email" | "uri" } = {}): SignatureFacts {
  return facts({ identity: { issuer: o.issuer ?? issuer, subject: { kind: o.kind ?? "email", value } } });
}

function generic(equal: string, annotations?: Record<string, string>): SignatureRequirement {
  return { kind: "genericIssuer", issuer, subject: { equal }, annotations };
}

function prefixed(urlPrefix: string): SignatureRequirement {
  return { kind: "genericIssuer", issuer, subject: { urlPrefix }, annotations: undefined };
}

function github(owner: string, repo?: string): SignatureRequirement {
  return { kind: "githubAction", owner, repo, annotations: undefined };
}

function key(pem: string, annotations?: Record<string, string>): SignatureRequirement {
  return { kind: "pubKey", key: pem, owner: undefined, annotations };
}

function ranFor(workflowRepository: string | undefined, o: Partial<Identity> = {}): SignatureFacts {
  const identity: Identity = { issuer: githubIssuer, subject: { kind: "uri", value: workflow }, ...o };
  return facts({ identity: { ...identity, ...workflowRepository !== undefined && { workflowRepository } } });
}

const single: [string, SignatureRequirement, SignatureFacts, boolean][] = [
  ["a key, by that key", key("A"), facts({ keys: ["A"] }), true],
  ["a key, by another", key("A"), facts({ keys: ["B"] }), false],
  [
    "a key with an annotation that is there",
    key("A", { a: "1" }),
    facts({ keys: ["A"], annotations: { a: "1" } }),
    true,
  ],
  ["a key with an annotation that is not there", key("A", { a: "1" }), facts({ keys: ["A"] }), false],
  ["a person, by that email", generic("u@x.io"), by("u@x.io"), true],
  ["a person, by a URI that is equal", generic("https://x.io/u"), by("https://x.io/u", { kind: "uri" }), true],
  ["a person, by another", generic("u@x.io"), by("v@x.io"), false],
  ["a person, of another issuer", generic("u@x.io"), by("u@x.io", { issuer: "https://x.io" }), false],
  ["a person, without a certificate", generic("u@x.io"), facts({ keys: ["A"] }), false],
  ["a person with an annotation of another value", generic("u@x.io", { a: "1" }), {
    ...by("u@x.io"),
    annotations: new Map([["a", "2"]]),
  }, false],
  ["a prefix, by a URI below it", prefixed("https://github.com/kubewarden/"), by(workflow, { kind: "uri" }), true],
  [
    "a prefix, by a URI that only starts alike",
    prefixed("https://github.com/kubewarden/"),
    by("https://github.com/kubewarden-hacker/x", { kind: "uri" }),
    false,
  ],
  ["a prefix, by an email that starts so", prefixed("https://x.io/"), by("https://x.io/a@b"), false],
  ["an owner, by a workflow of theirs", github("kubewarden"), ranFor("kubewarden/policy"), true],
  ["an owner and repository", github("kubewarden", "policy"), ranFor("kubewarden/policy"), true],
  ["an owner, another repository", github("kubewarden", "policy"), ranFor("kubewarden/other"), false],
  ["an owner, by their workflow that ran for another", github("kubewarden"), ranFor("hacker/policy"), false],
  ["an owner, by a workflow that ran for nobody known", github("kubewarden"), ranFor(undefined), false],
  ["an owner, where it ran for an owner without repository", github("kubewarden"), ranFor("kubewarden"), false],
  ["an owner, where it ran for more than a repository", github("kubewarden"), ranFor("kubewarden/policy/x"), false],
  ["an owner, of another issuer", github("kubewarden"), ranFor("kubewarden/policy", { issuer }), false],
  [
    "an owner, by an email",
    github("kubewarden"),
    ranFor("kubewarden/policy", { subject: { kind: "email", value: "u@x.io" } }),
    false,
  ],
  [
    "an owner, by a workflow elsewhere",
    github("kubewarden"),
    ranFor("kubewarden/policy", { subject: { kind: "uri", value: "https://gitlab.com/kubewarden/policy" } }),
    false,
  ],
];
for (const [what, requirement, signature, expected] of single) {
  test(`requirements: ${what}: ${expected ? "met" : "not met"}`, () => {
    assert.is(meets(requirement, signature), expected);
  });
}

const [one, two, three] = ["1@x.io", "2@x.io", "3@x.io"].map((each) => generic(each)) as [
  SignatureRequirement,
  SignatureRequirement,
  SignatureRequirement,
];
const [by1, by2, by3] = [by("1@x.io"), by("2@x.io"), by("3@x.io")];

/** Requirements, signatures, and how many signatures met them; false: not met. */
const combined: [string, Requirements, SignatureFacts[], number | false][] = [
  ["all of one", { allOf: [one] }, [by1], 1],
  ["all of two, both there in another order", { allOf: [one, two] }, [by2, by1], 2],
  ["all of two, one there", { allOf: [one, two] }, [by1], false],
  ["all of two, the same one twice", { allOf: [one, two] }, [by1, by1], false],
  ["one of two, the second there", { anyOf: { minimumMatches: 1, signatures: [one, two] } }, [by2], 1],
  ["one of two, none there", { anyOf: { minimumMatches: 1, signatures: [one, two] } }, [by3], false],
  ["two of three, two there", { anyOf: { minimumMatches: 2, signatures: [one, two, three] } }, [by3, by1], 2],
  ["two of three, one there", { anyOf: { minimumMatches: 2, signatures: [one, two, three] } }, [by1], false],
  ["all and one of two", { allOf: [one], anyOf: { minimumMatches: 1, signatures: [two, three] } }, [by1, by3], 2],
  ["all, but none of two", { allOf: [one], anyOf: { minimumMatches: 1, signatures: [two, three] } }, [by1], false],
  ["one of two, but not all", { allOf: [one], anyOf: { minimumMatches: 1, signatures: [two, three] } }, [by2], false],
  [
    "two entries met by one signature, as upstream",
    {
      anyOf: { minimumMatches: 2, signatures: [one, prefixed("https://x.io/"), generic("1@x.io", {})] },
    },
    [by1],
    1,
  ],
  ["no list", {}, [by1], false],
];
for (const [what, requirements, signatures, expected] of combined) {
  test(`requirements: ${what}: ${expected === false ? "not met" : "met"}`, () => {
    if (expected === false) assert.throws(() => assertSigned(requirements, signatures));
    else assert.is(assertSigned(requirements, signatures).length, expected);
  });
}

function refusal(requirements: Requirements, signatures: SignatureFacts[]): string {
  try {
    assertSigned(requirements, signatures);
  } catch (error) {
    assert.instance(error, KubewardenError);
    assert.is((error as KubewardenError).code, "VERIFICATION_FAILED");
    return (error as KubewardenError).message;
  }
  throw new Error("met");
}

test("requirements: without lists nothing is verified, which is a failure (AT-112)", () => {
  assert.is(refusal({}, [by1]), "Image verification failed: no signatures to verify");
});

test("requirements: what is missing of allOf is listed as YAML (AT-113)", () => {
  assert.is(
    refusal({ allOf: [one, two, three] }, [by1, by2]),
    "Image verification failed: missing signatures\nThe following constraints were not satisfied:\n" +
      `kind: genericIssuer\nissuer: ${issuer}\nsubject: !equal 3@x.io\nannotations: null\n`,
  );
});

test("requirements: what is missing of anyOf is counted and listed (AT-114)", () => {
  assert.is(
    refusal({ anyOf: { minimumMatches: 2, signatures: [one, two, prefixed("https://x.io/")] } }, [by1]),
    "Image verification failed: minimum number of signatures not reached: needed 2, got 1\n" +
      "The following constraints were not satisfied:\n" +
      `kind: genericIssuer\nissuer: ${issuer}\nsubject: !equal 2@x.io\nannotations: null\n` +
      `kind: genericIssuer\nissuer: ${issuer}\nsubject: !urlPrefix https://x.io/\nannotations: null\n`,
  );
});

test("requirements: keys are written as blocks, annotations below each other, odd texts in quotes", () => {
  const pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
  const list = refusal({
    allOf: [key(pem, { env: "prod", build: "7", odd: "a: b", word: "true" }), github("kubewarden"), github("a", "b")],
  }, []);
  assert.is(
    list.slice(list.indexOf("kind")),
    "kind: pubKey\nowner: null\nkey: |\n  -----BEGIN PUBLIC KEY-----\n  AAAA\n  -----END PUBLIC KEY-----\n" +
      "annotations:\n  env: prod\n  build: '7'\n  odd: 'a: b'\n  word: 'true'\n" +
      "kind: githubAction\nowner: kubewarden\nrepo: null\nannotations: null\n" +
      "kind: githubAction\nowner: a\nrepo: b\nannotations: null\n",
  );
});

const urls: [string, { owner: string; repo: string } | undefined][] = [
  ["https://github.com/kubewarden/policy", { owner: "kubewarden", repo: "policy" }],
  [workflow, { owner: "kubewarden", repo: "policy" }],
  ["https://github.com", undefined],
  ["https://github.com/kubewarden", undefined],
  ["https://github.com/kubewarden/", undefined],
  ["https://example.com/kubewarden/policy", undefined],
  ["user@github.com", undefined],
];
for (const [url, expected] of urls) {
  test(`requirements: the repository of ${url} (AT-118)`, () => assert.equal(repositoryOf(url), expected));
}

test.run();
