import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../contracts/errors.ts";
import { silentLog } from "../../../runtime/telemetry/log.ts";
import type { TaskOutcome } from "../guest/protocol.ts";
import { runnableWith } from "../testing/runnable.ts";
import { apiHandler, maxBodyBytes, refuseRequest } from "./routes.ts";

/** Asks the API of a server with the policy `p`, whose guest answers as told. */
async function ask(
  path: string,
  init: RequestInit,
  outcome: TaskOutcome | Error = { kind: "validated", answer: { accepted: true } },
) {
  const payloads: string[] = [];
  const handler = apiHandler({
    catalogue: new Map([["p", {
      kind: "policy",
      runnable: runnableWith({ timeoutMs: 1 }),
      rules: { policy: "p", mode: "protect", allowedToMutate: true },
    }]]),
    log: silentLog,
    run: (_runnable, task) => {
      payloads.push(new TextDecoder().decode(task.payload));
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
  });
  const response = await handler(new Request(`http://server${path}`, init));
  return { status: response.status, body: await response.text(), headers: response.headers, payloads };
}

const post = (body: string, type = "application/json") => ({ method: "POST", body, headers: { "content-type": type } });
const triple = '{"group":"","version":"v1"';
const review = (more = "") =>
  `{"request":{"uid":"U","kind":${triple},"kind":"Pod"},"resource":${triple},"resource":"pods"},"operation":"CREATE",` +
  `"userInfo":{"username":"u"}${more}}}`;

test("api: validate answers with an AdmissionReview", async () => {
  const { status, body, headers } = await ask("/validate/p?timeout=5s", post(review()));
  assert.is(status, 200);
  assert.is(headers.get("content-type"), "application/json");
  assert.is(
    body,
    '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"U","allowed":true,' +
      '"auditAnnotations":null,"warnings":null}}',
  );
});

test("api: the guest sees the known members that are there, numbers as they were sent", async () => {
  const more = ',"object":{"big":12345678901234567890,"f":1.0},"oldObject":null,"dryRun":false,"future":1';
  const { payloads } = await ask("/validate/p", post(review(more)));
  assert.equal(payloads, [
    `{"request":{"uid":"U","kind":${triple},"kind":"Pod"},"resource":${triple},"resource":"pods"},"operation":"CREATE",` +
    '"userInfo":{"username":"u"},"object":{"big":12345678901234567890,"f":1.0},"dryRun":false},"settings":{}}',
  ]);
});

test("api: validate_raw takes any request and answers with the bare response", async () => {
  const { body, payloads } = await ask("/validate_raw/p", post('{"request":{"uid":"R","food":"hay"}}'));
  assert.is(body, '{"response":{"uid":"R","allowed":true,"auditAnnotations":null,"warnings":null}}');
  assert.equal(payloads, ['{"request":{"uid":"R","food":"hay"},"settings":{}}']);
  assert.match((await ask("/validate_raw/p", post('{"request":7}'))).body, /"uid":""/);
});

const errors: [string, string, RequestInit, number, string][] = [
  ["an unknown policy", "/validate/q", post(review()), 404, '{"message":"unknown policy: q","status":404}'],
  [
    "a body that is not JSON by its type",
    "/validate/p",
    post(review(), "text/plain"),
    415,
    '{"message":"Expected request with `Content-Type: application/json`","status":415}',
  ],
  [
    "the same for audit, as plain text",
    "/audit/p",
    post(review(), "text/plain"),
    415,
    "Expected request with `Content-Type: application/json`",
  ],
  [
    "a body that is too large",
    "/validate/p",
    post(" ".repeat(maxBodyBytes + 1)),
    413,
    '{"message":"Failed to buffer the request body: length limit exceeded","status":413}',
  ],
  ["an id that is none", "/validate/a%2Fb%2Fc", post(review()), 500, '{"message":"Something went wrong","status":500}'],
  ["a wrong method", "/validate/p", { method: "GET" }, 405, ""],
  ["an unknown path", "/nothing", post(review()), 404, ""],
  ["a path with no id", "/validate/", post(review()), 404, ""],
  ["an id that is no percent-encoding", "/validate/%zz", post(review()), 404, ""],
];
for (const [name, path, init, status, body] of errors) {
  test(`api: ${name} gets ${status}`, async () => {
    const answer = await ask(path, init);
    assert.equal([answer.status, answer.body], [status, body]);
  });
}

const bodies: [string, string, number, RegExp][] = [
  ["/validate/p", "{", 400, /^\{"message":"Failed to parse the request body as JSON: .*","status":400\}$/],
  ["/audit/p", "{", 400, /^Failed to parse the request body as JSON: /],
  ["/validate/q", "{", 400, /Failed to parse/],
  [
    "/validate/p",
    "{}",
    422,
    /^\{"message":"Failed to deserialize the JSON body into the target type: .*","status":422\}$/,
  ],
  ["/validate_raw/p", "{}", 422, /^Failed to deserialize the JSON body into the target type: missing field `request`$/],
  ["/validate/p", '{"kind":1,"request":{}}', 422, /Failed to deserialize/],
];
for (const [path, body, status, expected] of bodies) {
  test(`api: ${path} with ${body} gets ${status}`, async () => {
    const answer = await ask(path, post(body));
    assert.is(answer.status, status);
    assert.match(answer.body, expected);
  });
}

test("api: a body above upstream's limit of 2 MiB is taken", async () => {
  const large = `,"object":"${"a".repeat(5 * 1024 * 1024)}"`;
  assert.is((await ask("/validate/p", post(review(large)))).status, 200);
});

test("api: a JSON type with suffix and parameters is taken", async () => {
  assert.is((await ask("/validate/p", post(review(), "application/admission+json; charset=utf-8"))).status, 200);
});

test("api: what went wrong inside is not told to the client", async () => {
  const { status, body } = await ask("/validate/p", post(review()), {
    kind: "failed",
    phase: "init",
    message: "secret",
  });
  assert.equal([status, body], [500, '{"message":"Something went wrong","status":500}']);
});

test("api: nesting without end gets 400 and reaches no guest", async () => {
  for (const depth of [600, 100_000]) {
    const nested = `,"object":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const { status, payloads } = await ask("/validate/p", post(review(nested)));
    assert.equal([status, payloads], [400, []]);
  }
  assert.is((await ask("/validate_raw/p", post(`{"request":${'{"a":'.repeat(600)}1${"}".repeat(600)}}`))).status, 400);
});

test("api: when too many requests wait, the answer is 429 and says when to ask again", async () => {
  const { status, body, headers } = await ask("/validate/p", post(review()), new KubewardenError("OVERLOADED", "full"));
  assert.equal([status, headers.get("retry-after")], [429, "1"]);
  assert.is(body, '{"message":"Too many requests wait for this policy server","status":429}');
});

test("api: what the server refuses is said in the shape of the endpoint, and when to come again", async () => {
  const refusal = async (path: string, status: 408 | 413 | 503) => {
    const answer = refuseRequest(new Request(`http://server${path}`), status);
    return [answer.status, answer.headers.get("content-type"), answer.headers.get("retry-after"), await answer.text()];
  };
  const [json, text] = ["application/json", "text/plain; charset=utf-8"];
  const tooMany = "Too many requests at the same time";
  const tooLate = "The request body did not arrive in time";
  assert.equal(await refusal("/validate/p?timeout=5s", 503), [
    503,
    json,
    "1",
    JSON.stringify({ message: tooMany, status: 503 }),
  ]);
  assert.equal(await refusal("/audit/p", 503), [503, text, "1", tooMany]);
  assert.equal(await refusal("/validate/p", 408), [408, json, null, JSON.stringify({ message: tooLate, status: 408 })]);
  assert.equal(await refusal("/elsewhere", 408), [408, text, null, tooLate]);
});

test.run();
