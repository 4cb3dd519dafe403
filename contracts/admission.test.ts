import { test } from "uvu";
import * as assert from "uvu/assert";
import { admissionResponse, admissionReviewOf, parseAdmissionReview } from "./admission.ts";
import { KubewardenError } from "./errors.ts";
import { parseJson, stringifyJson } from "./json.ts";

const request = {
  uid: "U",
  kind: { group: "", version: "v1", kind: "Pod" },
  resource: { group: "", version: "v1", resource: "pods" },
  operation: "CREATE",
  userInfo: {},
};

test("admission: a request comes out as it was sent, odd numbers and unknown members included", () => {
  const text = `{"request":${stringifyJson(request).slice(0, -1)},"object":{"n":9007199254740993},"more":1.0}}`;
  assert.is(stringifyJson({ request: parseAdmissionReview(parseJson(text)) }), text);
});

test("admission: kind and apiVersion of the review may be absent or null", () => {
  assert.is(parseAdmissionReview({ request }).uid, "U");
  assert.is(parseAdmissionReview({ kind: null, apiVersion: "x", request: { ...request, name: null } }).uid, "U");
});

const refused: [string, unknown][] = [
  ["an empty review", {}],
  ["a list", []],
  ["an apiVersion that is a number", { apiVersion: 1, request }],
  ["a request without uid", { request: { ...request, uid: undefined } }],
  ["a kind without group", { request: { ...request, kind: { version: "v1", kind: "Pod" } } }],
  ["a request without userInfo", { request: { ...request, userInfo: undefined } }],
  ["a user whose extra is no map of lists", { request: { ...request, userInfo: { extra: { scopes: "x" } } } }],
  ["a dryRun that is a string", { request: { ...request, dryRun: "true" } }],
];
for (const [what, value] of refused) {
  test(`admission: ${what} is refused`, () => {
    assert.throws(
      () => parseAdmissionReview(value),
      (error: unknown) => error instanceof KubewardenError && error.code === "ADMISSION_REVIEW_INVALID",
    );
  });
}

test("admission: a rejection is written in upstream's shape and order", () => {
  const response = admissionResponse({ status: { message: "no" }, allowed: false, uid: "U" });
  assert.is(
    stringifyJson(admissionReviewOf(response)),
    '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"U","allowed":false,' +
      '"status":{"message":"no"},"auditAnnotations":null,"warnings":null}}',
  );
});

test("admission: a mutation carries its patch type", () => {
  assert.is(
    stringifyJson(admissionResponse({ uid: "U", allowed: true, patch: "W10=", warnings: ["w"] })),
    '{"uid":"U","allowed":true,"patchType":"JSONPatch","patch":"W10=","auditAnnotations":null,"warnings":["w"]}',
  );
});

test("admission: causes are left out when there are none, their nulls are kept when there are", () => {
  const status = (causes: { reason: null; message: string; field: null }[]) =>
    stringifyJson(admissionResponse({ uid: "U", allowed: false, status: { code: 400, details: { causes } } }).status);
  assert.is(status([]), '{"details":{},"code":400}');
  assert.is(
    status([{ reason: null, message: "m", field: null }]),
    '{"details":{"causes":[{"reason":null,"message":"m","field":null}]},"code":400}',
  );
});

test.run();
