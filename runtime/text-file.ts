import { createReadStream } from "node:fs";

const newline = 10;

/**
 * The UTF-8 text of a file of bounded size, without its byte order mark. Throws an Error that says what is wrong with
 * the file; whoever calls adds its path.
 */
export async function readTextStrictly(path: string, { maxBytes }: { maxBytes: number }): Promise<string> {
  const bytes = await readAtMost(path, maxBytes);
  try {
    return decode(bytes);
  } catch (cause) {
    throw new Error(`line ${badLineOf(bytes)} is not UTF-8`, { cause });
  }
}

async function readAtMost(path: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of createReadStream(path, { end: maxBytes })) {
      chunks.push(chunk);
      size += chunk.length;
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EISDIR") throw cause;
    throw new Error("it is a directory, not a file", { cause });
  }
  if (size > maxBytes) throw new Error(`larger than ${maxBytes} bytes`);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** The first line that cannot be decoded: no character of UTF-8 but the newline itself contains a newline's byte. */
function badLineOf(bytes: Uint8Array): number {
  for (let line = 1, start = 0;; line++) {
    const end = bytes.indexOf(newline, start);
    try {
      decode(bytes.subarray(start, end === -1 ? bytes.length : end));
    } catch {
      return line; // What was looked for.
    }
    if (end === -1) return line;
    start = end + 1;
  }
}
