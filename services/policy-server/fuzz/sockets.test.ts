import { test } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../../contracts/errors.ts";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { talk } from "../../../test/raw-connection.ts";
import { exampleUrl } from "../testing/guests.ts";
import { forCases, shown } from "./cases.ts";
import { answersIn, type HttpAnswer } from "./http-answers.ts";
import { mutatedBytes } from "./mutate-bytes.ts";
import { mutatedJson, printed } from "./mutate-json.ts";
import type { Random } from "./random.ts";
import { leakIn, verdictProblem } from "./well-formed.ts";

const server = await startPolicyServerProcess({
  policies: { privileged: { module: exampleUrl("privileged-pods/policy") } },
});
test.after(() => server.stop());
const port = Number(new URL(server.url).port);

const review = JSON.parse(reviewOf(pod({ privileged: true })));
const statuses = [200, 400, 404, 405, 408, 413, 415, 422, 429, 431, 500, 503];

/** Head and body of a request in good order, and the changes that break its framing. */
function randomBytes(random: Random): { bytes: Uint8Array; json: string; intact: boolean } {
  const json = printed(random, random.oneIn(2) ? review : mutatedJson(random, review));
  const body = new TextEncoder().encode(json);
  const path = random.pick(["/validate/privileged", "/audit/privileged", "/validate/none", "/validate/a%2Fb%2Fc"]);
  const lines = [`POST ${path} HTTP/1.1`, "Host: localhost", "Content-Type: application/json", "Connection: close"];
  const framed = random.oneIn(3)
    ? { lines: [...lines, "Transfer-Encoding: chunked"], body: chunked(random, body) }
    : { lines: [...lines, `Content-Length: ${body.length}`], body };
  if (random.oneIn(4)) return { bytes: joined(framed.lines, framed.body), json, intact: true };
  if (random.oneIn(2)) {
    const bytes = joined(framed.lines, framed.body);
    // Mostly the head: that is where framing breaks.
    const head = bytes.indexOf(0x7b) < 0 ? bytes.length : bytes.indexOf(0x7b);
    return {
      bytes: joinedBytes(mutatedBytes(random, bytes.subarray(0, head)), bytes.subarray(head)),
      json,
      intact: false,
    };
  }
  return { bytes: joined(random.pick(breaks)(framed.lines, random), framed.body), json, intact: false };
}

const withHeader = (line: string) => (lines: string[]) => [...lines, line];
const withFirst = (line: string) => (lines: string[]) => [line, ...lines.slice(1)];
const breaks: ((lines: string[], random: Random) => string[])[] = [
  ...[
    "Content-Length: 1",
    "Content-Length: -1",
    "Content-Length: 99999999999",
    "Content-Length: 0x10",
    "Content-Length: 1, 2",
  ]
    .map(withHeader),
  ...["Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, identity"].map(withHeader),
  ...["Expect: 100-continue", "Upgrade: h2c", "Host: other", "X: \u0000", " folded", "No colon", ": no name"].map(
    withHeader,
  ),
  ...["", "POST", "POST /validate/privileged", "POST /validate/privileged HTTP/9.9", "GET / HTTP/1.0", "PRI * HTTP/2.0"]
    .map(withFirst),
  ...["POST http://[::1/ HTTP/1.1", "POST * HTTP/1.1", "CONNECT a:1 HTTP/1.1", "POST /validate/\u00ff HTTP/1.1"].map(
    withFirst,
  ),
  ...["POST //validate/privileged HTTP/1.1", "POST http://x:99999/validate/privileged HTTP/1.1"].map(withFirst),
  (lines) => lines.filter((line) => !line.startsWith("Host")),
  (lines) => lines.filter((line) => !line.startsWith("Content-Length")),
  (lines) => [...lines, `X: ${"x".repeat(100_000)}`],
  (lines) => [...lines, ...Array.from({ length: 3000 }, (_, index) => `X-${index}: y`)],
  (lines, random) => [`POST /${"a".repeat(random.below(100_000))} HTTP/1.1`, ...lines.slice(1)],
];

function chunked(random: Random, body: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const part = body.subarray(at, at + 1 + random.below(Math.max(1, body.length)));
    const extension = random.oneIn(10) ? ";x=y" : "";
    parts.push(new TextEncoder().encode(`${part.length.toString(16)}${extension}\r\n`), part, Uint8Array.of(13, 10));
    at += part.length;
  }
  return joinedBytes(...parts, new TextEncoder().encode("0\r\n\r\n"));
}

function joined(lines: readonly string[], body: Uint8Array): Uint8Array {
  return joinedBytes(Uint8Array.from([...`${lines.join("\r\n")}\r\n\r\n`].map((sign) => sign.charCodeAt(0))), body);
}

function joinedBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

test("fuzz: whatever comes over a connection, answers are of the documented kinds and the server lives on", async () => {
  let answered = 0;
  await forCases({ count: 4000, atOnce: 48 }, async (random, index) => {
    const { bytes, json, intact } = randomBytes(random);
    // After a whole request an answer is waited for; a broken one may be left without, then the client goes away. One that
    // says no more is a client that has said everything, or broken off.
    const cut = random.oneIn(3) ? random.below(bytes.length) : 0;
    const rest = intact ? {} : { end: random.oneIn(2), leaveAfterMs: 300 };
    const back = await talk(bytes, { port, cut, ...rest });
    const what = `${shown(bytes)} -> ${shown(back)}`;
    try {
      const answers = answersIn(back).filter(({ status }) => status !== 100);
      if (intact) assert.equal(answers.map(({ whole }) => whole), [true]);
      answers.forEach((answer) => check(answer, json));
      answered += answers.length;
    } catch (error) {
      throw new Error(`${messageOf(error)}: ${what}`, { cause: error });
    }
    if (index % 250 === 0) assert.is(await isServing(), true, `after ${what}`);
  });
  assert.ok(answered > 0);
  assert.is(await isServing(), true);
});

function check({ status, body, whole }: HttpAnswer, json: string): void {
  assert.ok(statuses.includes(status), `status ${status}`);
  assert.is(leakIn(status === 200 ? "" : body), undefined);
  if (status === 200 && whole) {
    assert.is(verdictProblem(body, { uid: JSON.parse(json).request.uid, raw: false }), undefined);
  }
}

async function isServing(): Promise<boolean> {
  const answer = await send(`${server.url}/validate/privileged`, { body: JSON.stringify(review) });
  return !verdictOf(answer).allowed && (await send(server.readinessUrl, { method: "GET" })).status === 200;
}

test.run();
