import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../../../contracts/errors.ts";
import { serve } from "../../../../runtime/http/server.ts";
import { ManualClock } from "../../../../runtime/testing/manual-clock.ts";
import { makeKeys } from "../../../../test/signing/keys.ts";
import { makeSigstore, trustedRootOf } from "../../../../test/signing/sigstore.ts";
import { type TufFiles, tufFiles } from "../../../../test/signing/tuf-repository.ts";
import { trustRoot } from "./trust-root.ts";

const folder = await mkdtemp(join(tmpdir(), "trust-root-"));
test.after(() => rm(folder, { recursive: true }));
const sigstore = await makeSigstore();
const trustedRoot = trustedRootOf(sigstore);

async function file(content: string): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, content);
  return path;
}

/** Serves a repository; `asked` counts requests, `stop` takes it from the network. */
async function served(files: TufFiles) {
  const stop = new AbortController();
  const state = { asked: 0 };
  const server = await serve(async (request) => {
    state.asked++;
    const content = files.get(new URL(request.url).pathname.slice(1));
    return content === undefined ? new Response("", { status: 404 }) : new Response(content);
  }, { host: "127.0.0.1", port: 0, drainMs: 0, signal: stop.signal });
  const rootFile = await file(files.get("root.json") ?? "");
  const end = async () => {
    stop.abort();
    await server.closed;
  };
  return { repository: { url: server.url.replace(/\/$/, ""), rootFile }, state, stop: end };
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.catch((each: unknown) => each);
  assert.instance(error, KubewardenError);
  assert.is((error as KubewardenError).code, "TRUST_ROOT_UNAVAILABLE");
  return (error as KubewardenError).message;
}

test("trust root: the one of a ClientTrustConfig, in either spelling of its names", async () => {
  const snake = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value).replace(/"([a-z]+[A-Z]\w*)":/g, (_, name: string) =>
        `"${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}":`),
    );
  for (const content of [{ trustedRoot }, snake({ trustedRoot })]) {
    const trustConfigFile = await file(JSON.stringify(content));
    const trust = await trustRoot({ trustConfigFile, cacheDir: folder })();
    assert.is(trust.tlogs[0]?.baseURL, "https://rekor.test");
    assert.is(trust.certificateAuthorities.length + trust.ctlogs.length, 2);
  }
});

const broken: [string, string, RegExp][] = [
  ["no JSON", "{", /^could not parse Sigstore trust config file /],
  ["no trusted root", "{}", /missing trusted_root field$/],
  ["no authority", '{"trustedRoot": {}}', /^Sigstore trust config file ".*": .* it names no certificate authority$/],
  ["no log", JSON.stringify({ trustedRoot: { ...trustedRoot, tlogs: [] } }), /it names no transparency log$/],
  [
    "a certificate that is none",
    JSON.stringify({
      trustedRoot: {
        ...trustedRoot,
        certificateAuthorities: [{ certChain: { certificates: [{ rawBytes: "AAAA" }] } }],
      },
    }),
    /cannot be used/,
  ],
];
for (const [what, content, message] of broken) {
  test(`trust root: a ClientTrustConfig with ${what} gives none`, async () => {
    assert.match(await refusal(trustRoot({ trustConfigFile: await file(content), cacheDir: folder })()), message);
  });
}

test("trust root: a ClientTrustConfig that is not there gives none", async () => {
  const trustConfigFile = join(folder, "none");
  assert.match(
    await refusal(trustRoot({ trustConfigFile, cacheDir: folder })()),
    /^could not read Sigstore trust config/,
  );
});

test("trust root: by TUF it is fetched once, kept in a folder that is made, and there when the network is not", async () => {
  const { repository, state, stop } = await served(tufFiles(trustedRoot));
  const cacheDir = join(folder, "deep", "cache");
  const get = trustRoot({ cacheDir, repository });
  assert.is((await get()).tlogs[0]?.baseURL, "https://rekor.test");
  const { asked } = state;
  await get();
  assert.is(state.asked, asked);
  assert.ok((await readdir(cacheDir)).length > 0);
  await stop();
  assert.is((await trustRoot({ cacheDir, repository })()).tlogs[0]?.baseURL, "https://rekor.test");
});

test("trust root: what was fetched before does not count once it has expired", async () => {
  const keys = makeKeys();
  const { repository, stop } = await served(tufFiles(trustedRoot, { keys }));
  const cacheDir = join(folder, "expiring");
  await trustRoot({ cacheDir, repository })();
  await stop();
  const [name = ""] = await readdir(cacheDir);
  const expired = tufFiles(trustedRoot, { keys, expires: "2021-01-01T00:00:00Z" }).get("timestamp.json") ?? "";
  await writeFile(join(cacheDir, name, "timestamp.json"), expired);
  assert.match(await refusal(trustRoot({ cacheDir, repository })()), /^the Sigstore trust root cannot be fetched: /);
});

test("trust root: a repository that others have signed gives none", async () => {
  const files = new Map([...tufFiles(trustedRoot), [
    "timestamp.json",
    tufFiles(trustedRoot).get("timestamp.json") ?? "",
  ]]);
  const { repository, stop } = await served(files);
  assert.match(await refusal(trustRoot({ cacheDir: join(folder, "foreign"), repository })()), /cannot be fetched/);
  await stop();
});

test("trust root: without network and without a cache there is none, and that is kept for a minute", async () => {
  const { repository, stop } = await served(tufFiles(trustedRoot));
  await stop();
  const clock = new ManualClock();
  const get = trustRoot({ cacheDir: join(folder, "empty"), repository, clock });
  const first = await get().catch((error: unknown) => error);
  assert.match(await refusal(get()), /^the Sigstore trust root cannot be fetched: /);
  assert.is(await get().catch((error: unknown) => error), first);
  clock.advance(60_000);
  assert.is.not(await get().catch((error: unknown) => error), first);
});

test("trust root: where no folder can be made for the cache there is none", async () => {
  const { repository, stop } = await served(tufFiles(trustedRoot));
  const cacheDir = join(await file(""), "below-a-file");
  assert.match(
    await refusal(trustRoot({ cacheDir, repository })()),
    /^Cannot create directory to cache sigstore data: /,
  );
  await stop();
});

test.run();
