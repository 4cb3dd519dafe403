import { stringifyJson } from "../../contracts/json.ts";

/** A JSON answer; numbers kept as text are written as they came. */
export function json(body: unknown, status: number, contentType = "application/json"): Response {
  return new Response(stringifyJson(body), {
    status,
    headers: { "Content-Type": contentType, "Cache-Control": "no-cache, private" },
  });
}

/** RFC 7234 warnings, code 299, as kubectl prints them. */
export function withWarnings(response: Response, warnings: readonly string[]): Response {
  for (const text of new Set(warnings)) {
    const quoted = text.replaceAll(/[^\x20-\x7e]/g, "?").replaceAll(/["\\]/g, "\\$&");
    response.headers.append("Warning", `299 - "${quoted}"`);
  }
  return response;
}
