import { test } from "uvu";
import * as assert from "uvu/assert";
import { translatePaths } from "./paths.ts";

const mounts = [
  { inside: "/tmp", outside: "/pod/volumes/store" },
  { inside: "/ca", outside: "/pod/volumes/ca" },
  { inside: "/ca/client", outside: "/pod/volumes/client" },
  { inside: "/dev/termination-log", outside: "/pod/termination-log" },
];

const rows: [string, string, string][] = [
  ["a mount path itself", "/tmp", "/pod/volumes/store"],
  ["a file below it", "/tmp/sigstore-data", "/pod/volumes/store/sigstore-data"],
  ["the longest mount wins", "/ca/client/x.crt", "/pod/volumes/client/x.crt"],
  ["every path of a list", "/ca/ca.crt,/ca/client/x.crt", "/pod/volumes/ca/ca.crt,/pod/volumes/client/x.crt"],
  ["the value of a flag", "--policies=/tmp/p.yml", "--policies=/pod/volumes/store/p.yml"],
  ["a single file", "/dev/termination-log", "/pod/termination-log"],
  ["another folder with the same beginning stays", "/tmpfoo/x", "/tmpfoo/x"],
  ["a path in the middle of a text stays", "see /tmp/x", "see /tmp/x"],
  ["a URL stays", "https://x/tmp", "https://x/tmp"],
];

for (const [name, value, expected] of rows) {
  test(`paths: ${name}`, () => assert.is(translatePaths(value, mounts), expected));
}

test.run();
