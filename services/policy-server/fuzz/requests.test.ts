import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf } from "../../../test/policy-server-process.ts";
import { startApi } from "./api.ts";
import { forCases, shown } from "./cases.ts";
import { expectedOf, type Sent } from "./expected-status.ts";
import { mutatedBytes } from "./mutate-bytes.ts";
import { mutatedJson, printed } from "./mutate-json.ts";
import type { Random } from "./random.ts";
import { leakIn, verdictProblem } from "./well-formed.ts";

const { handle, pool, ids } = await startApi();
test.after(() => pool.close());

const user = { username: "u", uid: "1", groups: ["a", "b"], extra: { scopes: ["x"] } };
const whole = JSON.parse(reviewOf(pod({ privileged: true, annotations: { a: "b" } })));
const reviews: readonly unknown[] = [
  whole,
  { request: { ...whole.request, userInfo: user, subResource: "status", requestSubResource: "" } },
  { request: { ...whole.request, object: null, oldObject: pod(), operation: "DELETE", dryRun: true } },
  { request: { uid: "r", resource: "banana", nested: { list: [1, 2.5, { deep: [] }] } } },
];
const paths = [
  ...ids.flatMap((id) => [`/validate/${id}`, `/audit/${id}`, `/validate_raw/${id}`]),
  ...["/validate/privileged?timeout=5s", "/validate/none", "/validate/__proto__", "/validate_raw/constructor"],
  ...[
    "/validate/group%2Ffirst",
    "/validate/a%2Fb%2Fc",
    "/validate/%2F",
    "/audit/a%2F",
    "/validate/%zz",
    "/validate/%00",
  ],
  ...["/validate/", "/validate", "/", "//validate/privileged", "/validate/privileged/", "/VALIDATE/privileged"],
  ...["/validate/..%2Fprivileged", "/validate/%ED%A0%80", `/validate/${"p".repeat(10_000)}`, "/readiness", "/metrics"],
];
const types = ["text/plain", "", "application/x+json; charset=utf-8", "application/jsonx", "APPLICATION/JSON", "json"];
const methods = ["GET", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS"];

function randomRequest(random: Random): Sent & { url: string } {
  const review = random.pick(reviews);
  const text = printed(random, random.oneIn(8) ? review : mutatedJson(random, review));
  const bytes = new TextEncoder().encode(text);
  const url = `http://server${random.oneIn(3) ? random.pick(paths) : random.pick(paths.slice(0, 12))}`;
  return {
    url,
    pathname: new URL(url).pathname,
    method: random.oneIn(30) ? random.pick(methods) : "POST",
    contentType: random.oneIn(20) ? random.pick(types) : "application/json",
    // Byte by byte the long ones would take their time.
    body: random.oneIn(3) && bytes.length < 20_000 ? mutatedBytes(random, bytes) : bytes,
  };
}

test("fuzz: every request gets the one status that it must get, and a verdict only if it asks for one", async () => {
  const seen = new Map<number, number>();
  await forCases({ count: 10_000, atOnce: 8 }, async (random) => {
    const sent = randomRequest(random);
    const expected = expectedOf(sent, ids);
    const bodiless = sent.method === "GET" || sent.method === "HEAD";
    const response = await handle(
      new Request(sent.url, {
        method: sent.method,
        headers: sent.contentType === "" ? {} : { "content-type": sent.contentType },
        ...(bodiless ? {} : { body: sent.body as Uint8Array<ArrayBuffer> }),
      }),
    );
    const text = await response.text();
    const what = `${sent.method} ${sent.pathname.slice(0, 50)} ${sent.contentType} ${shown(sent.body)} -> ${
      shown(text)
    }`;
    assert.is(response.status, expected.status, what);
    seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
    if (expected.uid !== undefined) {
      const raw = sent.pathname.startsWith("/validate_raw/");
      assert.is(verdictProblem(text, { uid: expected.uid, raw }), undefined, what);
      return;
    }
    assert.is(leakIn(text), undefined, what);
    if (text.startsWith("{")) assert.is(JSON.parse(text).status, response.status, what);
  });
  if (process.env["FUZZ_RUNS"] !== undefined) return;
  for (const status of [200, 400, 404, 405, 415, 422, 500]) {
    assert.ok((seen.get(status) ?? 0) >= 20, `status ${status} in ${seen.get(status) ?? 0} cases`);
  }
});

const shapes: [string, string, string][] = [
  ["lists", "[", "]"],
  ["objects", '{"a":', "}"],
  ["both", '[{"request":', "}]"],
];
for (const [name, open, close] of shapes) {
  test(`fuzz: ${name} nested a hundred thousand deep are refused wherever they stand`, async () => {
    const deep = open.repeat(100_000) + "1" + close.repeat(100_000), cut = open.repeat(100_000);
    const inside = (key: string, value: string) => JSON.stringify(whole).replace(`"${key}":`, `"${key}":${value},"x":`);
    const bodies = [
      deep,
      cut,
      `{"request":${deep}}`,
      inside("object", deep),
      inside("uid", deep),
      inside("kind", deep),
    ];
    for (const path of ["/validate/labels", "/audit/group", "/validate_raw/echo"]) {
      for (const body of [...bodies, inside("options", deep), inside("object", cut)]) {
        const init = { method: "POST", headers: { "content-type": "application/json" }, body };
        const response = await handle(new Request(`http://server${path}`, init));
        const text = await response.text();
        assert.ok([400, 422].includes(response.status), `${path} ${shown(body)} -> ${response.status} ${shown(text)}`);
        assert.is(leakIn(text), undefined, shown(text));
      }
    }
  });
}

test.run();
