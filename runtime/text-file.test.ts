import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readTextStrictly } from "./text-file.ts";

const folder = await mkdtemp(join(tmpdir(), "text-file-"));
test.after(() => rm(folder, { recursive: true }));

async function outcome(content: string | Uint8Array): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, content);
  return await readTextStrictly(path, { maxBytes: 10 }).catch((error: Error) => `refused: ${error.message}`);
}

const files: [string, string | Uint8Array, string][] = [
  ["text", "ä\r\nb", "ä\r\nb"],
  ["nothing", "", ""],
  ["a byte order mark", "\ufeffa", "a"],
  ["as much as is allowed", "0123456789", "0123456789"],
  ["a byte more", "0123456789a", "refused: larger than 10 bytes"],
  ["a byte that is no UTF-8", new Uint8Array([97, 10, 98, 10, 0xe4, 10]), "refused: line 3 is not UTF-8"],
  ["half a character at the end", new Uint8Array([97, 10, 0xc3]), "refused: line 2 is not UTF-8"],
  ["UTF-16", new Uint8Array([0xff, 0xfe, 97, 0]), "refused: line 1 is not UTF-8"],
];
for (const [what, content, expected] of files) {
  test(`text file: ${what}`, async () => assert.is(await outcome(content), expected));
}

test("text file: a folder and a file that is not there are told apart", async () => {
  const reason = (path: string) => readTextStrictly(path, { maxBytes: 10 }).catch((error: Error) => error.message);
  assert.is(await reason(folder), "it is a directory, not a file");
  assert.match(await reason(join(folder, "none")), /ENOENT/);
});

test.run();
