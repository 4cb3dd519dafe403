import { connect } from "node:net";
import { Profile } from "pprof-format";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { serve } from "../../../runtime/http/server.ts";
import { Profiling } from "../../../runtime/telemetry/profiling.ts";
import { sleep } from "../../../runtime/sleep.ts";
import { pprofRoutes } from "./pprof.ts";
import { probeHandler } from "./probes.ts";

const stop = new AbortController();
const profiling = await Profiling.start();
const handler = probeHandler(stop.signal, pprofRoutes(profiling));
const { url, port } = await serve(handler, { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0 });
test.after(() => {
  stop.abort();
  profiling.close();
});

for (const [path, name] of [["cpu?interval=1", "cpu_profile"], ["heap", "heap_profile"]]) {
  test(`pprof: ${path} is a file for go tool pprof`, async () => {
    const answer = await fetch(`${url}/debug/pprof/${path}`);
    assert.is(answer.status, 200);
    assert.is(answer.headers.get("content-type"), "application/octet-stream");
    assert.is(answer.headers.get("content-disposition"), `attachment; filename="${name}"`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    assert.is(answer.headers.get("content-length"), String(bytes.length));
    assert.ok(Profile.decode(new Uint8Array(gunzipSync(bytes))).sampleType.length > 0);
  });
}

for (const query of ["interval=0", "interval=601", "interval=x", "interval=", "frequency=0", "frequency=1e3"]) {
  test(`pprof: ${query} is refused`, async () => {
    const answer = await fetch(`${url}/debug/pprof/cpu?${query}`);
    const { message, status } = await answer.json();
    assert.equal([answer.status, status], [400, 400]);
    assert.match(message, `${query.split("=")[0]} must be a whole number`);
  });
}

test("pprof: only GET is answered, and nothing of it without the routes", async () => {
  const head = await fetch(`${url}/debug/pprof/heap`, { method: "HEAD" });
  assert.equal([head.status, head.headers.get("allow")], [405, "GET"]);
  const plain = await probeHandler(stop.signal)(new Request("http://a/debug/pprof/heap"), { remoteAddress: "" });
  assert.is(plain.status, 404);
});

test("pprof: a second profile at the same time is told so; a client that leaves makes room", async () => {
  const get = "GET /debug/pprof/cpu?interval=600 HTTP/1.1\r\nHost: a\r\n\r\n";
  const socket = connect(port, "127.0.0.1", () => socket.write(get));
  // An answer means that the other one was first.
  socket.on("data", () => socket.write(get));
  const second = async () => {
    const answer = await fetch(`${url}/debug/pprof/cpu?interval=1`);
    return [answer.status, answer.status === 409 ? (await answer.json()).message : await answer.arrayBuffer()];
  };
  let answer = await second();
  while (answer[0] !== 409) answer = await second();
  assert.is(answer[1], "Cannot profile the CPU: another profile is being taken");
  socket.destroy();
  while ((await second())[0] !== 200) await sleep(20);
});

test.run();
