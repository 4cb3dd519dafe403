import { test } from "uvu";
import * as assert from "uvu/assert";
import { requestOf, type RequestParts } from "./request.ts";
import { originOf, urlOf } from "./url.ts";
import { knownPartsOf, respond } from "./respond.ts";

function request(o: Partial<RequestParts> & { text?: string } = {}): Request {
  return requestOf({
    method: "POST",
    url: "http://a/b?c",
    headers: { "content-type": "text/plain", "x-list": ["1", "2"], ":path": "/b?c" },
    body: new TextEncoder().encode(o.text ?? '{"a":"é"}'),
    signal: () => new AbortController().signal,
    ...o,
  });
}

test("request: has what a Request has", async () => {
  const own = request();
  assert.instance(own, Request);
  assert.equal([own.method, own.url, own.bodyUsed, own.redirect], ["POST", "http://a/b?c", false, "follow"]);
  assert.equal([...own.headers], [["content-type", "text/plain"], ["x-list", "1, 2"]]);
  assert.is(own.headers, own.headers);
  assert.equal(await own.json(), { a: "é" });
});

test("request: its body is read once, in whichever way", async () => {
  const read: ((own: Request) => Promise<unknown>)[] = [
    (own) => own.bytes(),
    (own) => own.text(),
    (own) => own.json(),
    (own) => own.arrayBuffer(),
    (own) => own.blob(),
    async (own) => {
      for await (const _chunk of own.body ?? []);
    },
  ];
  for (const first of read) {
    for (const second of read.slice(0, 4)) {
      const own = request();
      await first(own);
      assert.is(own.bodyUsed, true);
      const outcome = await second(own).then(() => "read twice", (error) => error.constructor.name);
      assert.is(outcome, "TypeError");
    }
  }
});

test("request: a clone has the body, the headers and the signal too", async () => {
  const gone = new AbortController();
  const own = request({ signal: () => gone.signal });
  const clone = own.clone();
  assert.equal([await own.text(), await clone.text()], ['{"a":"é"}', '{"a":"é"}']);
  assert.is(clone.headers.get("x-list"), "1, 2");
  gone.abort();
  assert.is(clone.signal.aborted, true);
});

test("request: bytes are those that arrived, and a GET has none", async () => {
  assert.equal(await request({ body: Uint8Array.of(0, 255) }).bytes(), Uint8Array.of(0, 255));
  const get = request({ method: "GET" });
  assert.equal([await get.text(), get.bodyUsed, get.body], ["", false, null]);
});

test("respond: is a Response whose parts the server can take", async () => {
  const own = respond(201, { "x-a": "b" }, "text");
  assert.instance(own, Response);
  assert.equal(knownPartsOf(own), { status: 201, headers: { "x-a": "b" }, body: "text" });
  assert.equal([own.status, own.ok, own.headers.get("x-a"), await own.text()], [201, true, "b", "text"]);
  assert.is(knownPartsOf(new Response("other")), undefined);
});

test("respond: once somebody had its headers in hand, they are what is sent", () => {
  const own = respond(200, {}, "text");
  own.headers.set("x-a", "b");
  assert.is(knownPartsOf(own), undefined);
});

const targets: [string, string | undefined][] = [
  ["/a/b?c=d&e", "http://h/a/b?c=d&e"],
  ["/a/../b/./c", "http://h/b/c"],
  ["/a/%2E%2e/b", "http://h/b"],
  ["/.hidden", "http://h/.hidden"],
  ["//other/x", "http://h//other/x"],
  ["/ä|b", "http://h/%C3%A4|b"],
  ["/a'?'", "http://h/a'?%27"],
  ["http://other/x", "http://other/x"],
  ["ftp://other/x", undefined],
  ["*", undefined],
];
for (const [target, url] of targets) {
  test(`url: "${target}" is ${url}`, () => assert.is(urlOf(target, "http://h"), url));
}

test("url: a host that is none has no origin", () => {
  assert.is(originOf("LOCALHOST:443", true), "https://localhost");
  assert.is(originOf("[::1]:8080", false), "http://[::1]:8080");
  for (const host of ["a b", "a/b", "me@a", "a?b", "a:b", ""]) assert.is(originOf(host, false), undefined, host);
});

test.run();
