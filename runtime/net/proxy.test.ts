import { test } from "uvu";
import * as assert from "uvu/assert";
import { proxiesOf, proxyFor } from "./proxy.ts";

test("AT-110: proxies of the environment: upper case first, lower case where there is none, empty is none", () => {
  const env = { HTTP_PROXY: "http://a", http_proxy: "http://b", https_proxy: "http://c", NO_PROXY: "", no_proxy: "d" };
  assert.equal(proxiesOf(env), { httpProxy: "http://a", httpsProxy: "http://c", noProxy: "d" });
  assert.equal(proxiesOf({}), { httpProxy: undefined, httpsProxy: undefined, noProxy: undefined });
});

test("proxy: one for each scheme, with or without a scheme of its own", () => {
  const settings = { httpProxy: "plain:3128", httpsProxy: "https://user:word@secure" };
  assert.is(proxyFor(new URL("http://h/"), settings)?.href, "http://plain:3128/");
  assert.is(proxyFor(new URL("https://h/"), settings)?.host, "secure");
  assert.is(proxyFor(new URL("https://h/"), { httpProxy: "plain:3128" }), undefined);
});

test("proxy: a setting that is no proxy is refused without being told", () => {
  assert.throws(
    () => proxyFor(new URL("http://h/"), { httpProxy: "socks5://user:word@h" }),
    (error: Error & { code: string }) => error.code === "DOWNLOAD_PROXY_FAILED" && !error.message.includes("word"),
  );
});

const excluded: [string, string, boolean][] = [
  ["https://ghcr.io/", "ghcr.io", true],
  ["https://GHCR.io./", "other, Ghcr.IO", true],
  ["https://pkg.ghcr.io/", "ghcr.io", true],
  ["https://pkg.ghcr.io/", ".ghcr.io", true],
  ["https://pkg.ghcr.io/", "*.ghcr.io", true],
  ["https://notghcr.io/", "ghcr.io", false],
  ["https://ghcr.io.evil.example/", "ghcr.io", false],
  ["https://a/", "*", true],
  ["https://a/", "", false],
  ["http://a:5000/", "a:5000", true],
  ["http://a:5001/", "a:5000", false],
  ["https://a/", "a:443", true],
  ["http://10.1.2.3:5000/", "10.0.0.0/8", true],
  ["http://11.1.2.3:5000/", "10.0.0.0/8", false],
  ["http://10.1.2.3/", "10.1.2.3", true],
  ["http://10.1.2.3:81/", "10.1.2.3:80", false],
  ["http://10.1.2.30/", "10.1.2.3", false],
  ["http://[fd00::1]:80/", "fd00::/8", true],
  ["http://[fd00::1]/", "fd00:0:0::1", true],
  ["http://[fd00::1]:82/", "[fd00::1]:82", true],
  ["http://host/", "10.0.0.0/8 host", true],
  ["http://host/", "10.0.0.0/99", false],
];
for (const [url, noProxy, direct] of excluded) {
  test(`no_proxy: "${noProxy}" ${direct ? "leaves out" : "does not leave out"} ${url}`, () => {
    const proxies = { httpProxy: "http://p", httpsProxy: "http://p", noProxy };
    assert.is(proxyFor(new URL(url), proxies) === undefined, direct);
  });
}

test.run();
