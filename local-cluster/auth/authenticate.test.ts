import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { authenticate, type AuthenticationContext } from "./authenticate.ts";
import type { ObjectReader } from "./object-reader.ts";
import { answerReview } from "./reviews.ts";
import { createTokenIssuer } from "./service-account-tokens.ts";
import type { User } from "./user.ts";

const account: KubeObject = {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "robot", namespace: "n", uid: "u1" },
};
const pod: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "n", uid: "u2" } };
const admin: User = { username: "root", groups: ["system:masters"] };
const tokens = createTokenIssuer();
const now = new Date("2026-01-01T00:00:00Z");

function contextOf(objects: KubeObject[], at = now): AuthenticationContext {
  const reader: ObjectReader = {
    list: ({ kind }) => objects.filter((each) => each.kind === kind),
    get: ({ kind, name }) => objects.find((each) => each.kind === kind && each.metadata.name === name),
  };
  return { tokens, reader, staticTokens: new Map([["secret", admin]]), now: at };
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const { token, expirationTimestamp } = tokens.issue({ account, pod, expirationSeconds: 600 }, now);

test("authentication: a ServiceAccount's token names it and its groups", () => {
  const user = authenticate(bearer(token), contextOf([account, pod]));
  assert.is(user?.username, "system:serviceaccount:n:robot");
  assert.equal(user?.groups, ["system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"]);
  assert.is(expirationTimestamp, "2026-01-01T00:10:00Z");
});

const reborn = { ...account, metadata: { ...account.metadata, uid: "other" } };
const other = createTokenIssuer().issue({ account }, now).token;
const refused: [string, string, AuthenticationContext][] = [
  ["that has expired", token, contextOf([account, pod], new Date("2026-01-01T00:10:00Z"))],
  ["of an account that was made anew", token, contextOf([reborn, pod])],
  ["of a pod that is gone", token, contextOf([account])],
  ["signed by another cluster", other, contextOf([account])],
  [
    "with another payload",
    token.replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"x"}').toString("base64url")}.`),
    contextOf([account, pod]),
  ],
  ["nobody issued", "guess", contextOf([account, pod])],
];
for (const [which, wrong, context] of refused) {
  test(`authentication: a token ${which} is refused`, () => assert.is(authenticate(bearer(wrong), context), undefined));
}

test("authentication: certificates name a user by CN and groups by O; no credentials are anonymous", () => {
  const context = contextOf([]);
  assert.equal(authenticate({ certificateSubject: { CN: "ann", O: ["dev"] } }, context), {
    username: "ann",
    groups: ["dev", "system:authenticated"],
  });
  assert.is(authenticate({}, context)?.username, "system:anonymous");
  assert.is(authenticate(bearer("secret"), context), admin);
  assert.is(authenticate({ authorization: "Basic x" }, context), undefined);
});

test("reviews: TokenReview tells whose token it is, SelfSubjectAccessReview what one may do", () => {
  const context = { ...contextOf([account, pod]), user: admin };
  const answer = (kind: string, spec: object) =>
    answerReview({ apiVersion: "x/v1", kind, metadata: { name: "" }, spec }, context).status as Record<string, unknown>;
  assert.is(answer("TokenReview", { token }).authenticated, true);
  assert.is(answer("TokenReview", { token: "guess" }).authenticated, undefined);
  const resourceAttributes = { verb: "get", resource: "pods", namespace: "n" };
  assert.is(answer("SelfSubjectAccessReview", { resourceAttributes }).allowed, true);
  assert.is(answer("SubjectAccessReview", { user: "nobody", resourceAttributes }).allowed, false);
});

test.run();
