import { test } from "uvu";
import * as assert from "uvu/assert";
import { KubewardenError } from "../../contracts/errors.ts";
import { createLog, type LogOptions } from "./log.ts";

function logged(options: LogOptions = {}) {
  const lines: string[] = [];
  const now = () => new Date("2026-01-02T03:04:05.678Z");
  return { lines, log: createLog({ write: (line) => void lines.push(line), now, ...options }) };
}

test("log: a JSON line has timestamp, level, message and fields, those of the child too", () => {
  const { lines, log } = logged({ fields: { service: "certs" } });
  log.child({ key: "a" }).warn("hello", { n: 1, absent: undefined });
  assert.is(
    lines[0],
    '{"timestamp":"2026-01-02T03:04:05.678Z","level":"warn","message":"hello","service":"certs","key":"a","n":1}',
  );
});

test("log: a text line quotes what has spaces", () => {
  const { lines, log } = logged({ format: "text" });
  log.info("hello", { a: "b c", n: 1 });
  assert.is(lines[0], '2026-01-02T03:04:05.678Z INFO  hello a="b c" n=1');
});

test("log: what is below the level is not written", () => {
  const { lines, log } = logged({ level: "warn" });
  log.debug("no");
  log.info("no");
  log.error("yes");
  assert.is(lines.length, 1);
});

test("log: an error shows its code and its causes", () => {
  const { lines, log } = logged();
  const error = new KubewardenError("KUBE_UNREACHABLE", "Cannot reach it", { cause: new Error("refused") });
  log.error("failed", { error });
  assert.is(JSON.parse(lines[0] ?? "").error, "KUBE_UNREACHABLE: Cannot reach it, because refused");
});

test("log: credentials do not get through, by name or by looks", () => {
  const { lines, log } = logged();
  const pem = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----";
  log.info("with Bearer abc.def", { token: "t0p", note: `key: ${pem}`, error: new Error(`sent Bearer xyz`) });
  for (const secret of ["abc.def", "t0p", "MHcCAQEE", "xyz"]) assert.not.match(lines[0] ?? "", secret);
});

test("log: the level of a line of text is coloured where that is asked for, JSON never is", () => {
  for (
    const [format, color, coloured] of [["text", true, true], ["text", false, false], ["json", true, false]] as const
  ) {
    const lines: string[] = [];
    createLog({ format, color, write: (line) => lines.push(line) }).child({ a: 1 }).error("no");
    assert.is(lines[0]?.includes("\x1b[31mERROR\x1b[0m no a=1"), coloured);
    assert.is(lines[0]?.includes("\x1b"), coloured);
  }
});

test.run();
