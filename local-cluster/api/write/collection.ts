import { apiVersionOf } from "../../schema/resource-type.ts";
import { StatusError } from "../../schema/status-error.ts";
import type { ApiContext, WriteRequest, WriteResult } from "../context.ts";
import { selectObjects } from "../read.ts";
import { deleteObject, deleteOptionsOf } from "./remove.ts";

/** DELETE of a collection: every object the selectors choose, each on its own. */
export async function deleteCollection(
  context: ApiContext,
  request: WriteRequest,
  query: URLSearchParams,
): Promise<WriteResult> {
  const { type, namespace, signal, body, contentType } = request;
  const target = { group: type.group, version: type.version, resource: type.plural, namespace };
  const items = selectObjects(context, { type, target, query, representation: "object", signal });
  const options = deleteOptionsOf(body, contentType, query);
  for (const { metadata: { name } } of items) {
    try {
      await deleteObject(context, { ...request, name }, options);
    } catch (error) {
      // Somebody else deleted it first: that is what was asked for.
      if (!(error instanceof StatusError && error.status.code === 404)) throw error;
    }
  }
  const metadata = { resourceVersion: String(context.storage.revision) };
  return { object: { kind: type.listKind, apiVersion: apiVersionOf(type), metadata, items }, code: 200 };
}
