// pure

/** One HTTP/1.1 answer; `whole` unless the connection ended inside it. */
export type HttpAnswer = { status: number; body: string; whole: boolean };

/** Every answer in what a server sent over a connection. Throws for bytes that are none. */
export function answersIn(bytes: Uint8Array): HttpAnswer[] {
  // A sign a byte, so that lengths count bytes.
  const text = new TextDecoder("latin1").decode(bytes);
  const answers: HttpAnswer[] = [];
  for (let at = 0; at < text.length;) {
    const head = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)*)\r\n/.exec(
      text.slice(at, at + 100_000),
    );
    if (head === null) throw new Error(`no answer of HTTP starts at ${at}`);
    const [{ length }, status = "", headers = ""] = head;
    const { body, end, whole } = bodyOf(text, at + length, { status: Number(status), headers });
    answers.push({ status: Number(status), body: utf8(body), whole });
    at = end;
  }
  return answers;
}

type Body = { body: string; end: number; whole: boolean };

function bodyOf(text: string, start: number, { status, headers }: { status: number; headers: string }): Body {
  if (status < 200 || status === 204 || status === 304) return { body: "", end: start, whole: true };
  if (/^transfer-encoding: *chunked/im.test(headers)) return chunkedBody(text, start);
  const [, declared] = /^content-length: *(\d+)/im.exec(headers) ?? [];
  const end = declared === undefined ? text.length : Math.min(text.length, start + Number(declared));
  return { body: text.slice(start, end), end, whole: declared === undefined || end === start + Number(declared) };
}

function chunkedBody(text: string, start: number): Body {
  let body = "";
  for (let at = start;;) {
    const head = /^([0-9a-f]+)\r\n/i.exec(text.slice(at, at + 20));
    if (head === null) return { body, end: text.length, whole: false };
    const from = at + head[0].length, length = parseInt(head[1] ?? "", 16);
    body += text.slice(from, from + length);
    at = from + length + 2;
    if (length === 0) return { body, end: at, whole: at <= text.length };
  }
}

function utf8(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(text, (sign) => sign.charCodeAt(0)));
}
