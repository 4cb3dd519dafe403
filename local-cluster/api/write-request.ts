import { stringifyJson } from "../../contracts/json.ts";
import type { User } from "../auth/user.ts";
import type { ResourceType } from "../schema/resource-type.ts";
import type { WriteRequest } from "./context.ts";
import { badRequest } from "./failures.ts";
import { decodeProtobuf, protobufType } from "./protobuf.ts";
import type { RequestInfo } from "./request-info.ts";

/** Reads the options and the body of a write; 400 where an option has no meaning. */
export async function writeRequestOf(
  request: Request,
  { info, type, user, warn }: { info: RequestInfo; type: ResourceType; user: User; warn: (text: string) => void },
): Promise<WriteRequest> {
  const { query } = info;
  const { namespace, name, subresource } = info.target ?? {};
  const dryRun = query.getAll("dryRun");
  if (dryRun.some((each) => each !== "All" && each !== "")) throw badRequest(`invalid dryRun "${dryRun.join(",")}"`);
  const contentType = (request.headers.get("content-type") ?? "application/json").split(";")[0]?.trim() ?? "";
  const isApply = contentType.startsWith("application/apply-patch");
  const fieldValidation = query.get("fieldValidation") || "Warn";
  if (fieldValidation !== "Strict" && fieldValidation !== "Warn" && fieldValidation !== "Ignore") {
    throw badRequest(`fieldValidation: Unsupported value: "${fieldValidation}"`);
  }
  return {
    verb: info.verb,
    type,
    ...(namespace === undefined || !type.namespaced ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    user,
    dryRun: dryRun.includes("All"),
    fieldManager: query.get("fieldManager") || (isApply ? "" : managerFromUserAgent(request.headers.get("user-agent"))),
    fieldValidation,
    ...await bodyOf(request, contentType),
    force: query.get("force") === "true",
    signal: request.signal,
    warn,
  };
}

async function bodyOf(request: Request, contentType: string): Promise<{ contentType: string; body: string }> {
  if (contentType !== protobufType) return { contentType, body: await request.text() };
  const object = decodeProtobuf(new Uint8Array(await request.arrayBuffer()));
  return { contentType: "application/json", body: stringifyJson(object) };
}

/** Without a fieldManager an update is managed by the first part of the User-Agent. */
function managerFromUserAgent(userAgent: string | null): string {
  return (userAgent ?? "").split("/")[0]?.slice(0, 128) || "unknown";
}
