import { test } from "uvu";
import * as assert from "uvu/assert";
import { lookUpAddresses } from "./dns.ts";

const never = new AbortController().signal;
const outcome = (host: string, signal = never) =>
  lookUpAddresses(host, signal).then((addresses) => addresses, (error) => error.code ?? error.message);

test("dns: a name of the hosts file, and an address, which is its own", async () => {
  assert.ok((await lookUpAddresses("localhost", never)).some((each) => each === "127.0.0.1" || each === "::1"));
  assert.equal(await lookUpAddresses("192.0.2.1", never), ["192.0.2.1"]);
  assert.equal(await lookUpAddresses("2001:db8::1", never), ["2001:db8::1"]);
});

test("dns: a name that nobody knows fails, and so does none, or what cannot be one", async () => {
  for (const host of ["no-such-name.invalid", "", "a\0b", "a".repeat(100_000)]) {
    assert.is(await outcome(host), "DNS_LOOKUP_FAILED", JSON.stringify(host.slice(0, 20)));
  }
});

test("dns: whoever has left is not waited for, and the others get their answer", async () => {
  const gone = new AbortController();
  const left = outcome("192.0.2.2", gone.signal), stayed = outcome("192.0.2.2");
  gone.abort(new Error("gone"));
  assert.is(await left, "gone");
  assert.equal(await stayed, ["192.0.2.2"]);
  assert.is(await outcome("192.0.2.2", gone.signal), "gone");
});

test("dns: names that nobody waits for any more hold up nobody", async () => {
  const gone = new AbortController();
  const left = Array.from({ length: 2_000 }, (_, index) => outcome(`gone-${index}.invalid`, gone.signal));
  const stayed = outcome("192.0.2.3");
  gone.abort(new Error("gone"));
  assert.equal([...new Set(await Promise.all(left))], ["gone"]);
  assert.equal(await stayed, ["192.0.2.3"]);
});

test("dns: many lookups at the same time all end", async () => {
  const hosts = Array.from({ length: 50 }, (_, index) => `192.0.2.${index + 1}`);
  assert.equal(await Promise.all(hosts.map((host) => outcome(host))), hosts.map((host) => [host]));
});

test.run();
