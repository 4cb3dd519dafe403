import { KubewardenError } from "../../contracts/errors.ts";
import { parseJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { kubeErrorFor } from "./errors.ts";
import { unreachable } from "./transport.ts";

export type WatchEvent = { type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"; object: KubeObject };

/**
 * The events of a watch's body, one JSON document a line. Ends when the server ends the stream; an ERROR event throws
 * `KUBE_GONE` (410) or the code of its status; a broken connection throws `KUBE_UNREACHABLE`.
 */
export async function* watchEvents(body: AsyncIterable<unknown>, what: string): AsyncGenerator<WatchEvent> {
  for await (const line of lines(body, what)) {
    if (line.trim() === "") continue;
    let event: { type: string; object: KubeObject & { code?: number } };
    try {
      event = parseJson(line) as typeof event;
    } catch (cause) {
      throw new KubewardenError("KUBE_UNREACHABLE", `Cannot ${what}: the stream broke off inside an event`, { cause });
    }
    if (event.type === "ERROR") throw kubeErrorFor(what, event.object.code ?? 500, event.object);
    yield event as WatchEvent;
  }
}

async function* lines(body: AsyncIterable<unknown>, what: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending: string[] = [];
  try {
    for await (const chunk of body) {
      const parts = decoder.decode(chunk as Uint8Array, { stream: true }).split("\n");
      const last = parts.pop() ?? "";
      for (const part of parts) {
        yield pending.join("") + part;
        pending = [];
      }
      if (last) pending.push(last);
    }
  } catch (cause) {
    if (cause instanceof KubewardenError) throw cause;
    throw unreachable(`the stream of "${what}"`, cause);
  }
  if (pending.length > 0) yield pending.join("");
}
