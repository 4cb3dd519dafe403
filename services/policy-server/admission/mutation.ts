import { messageOf } from "../../../contracts/errors.ts";
import { parseJson } from "../../../contracts/json.ts";
import { jsonPatchText } from "./json-patch.ts";
import type { Mutation } from "./policy-answer.ts";

/**
 * What a policy's mutated object means for a request (reference/policy-server.md 2.7): a patch, nothing, or an attempt to
 * mutate what is not there. `payload` is what the guest was given. Throws with upstream's words if no patch can be made.
 */
export function mutationOf(
  mutatedObject: unknown,
  { payload, original }: { payload: Uint8Array; original: "object" | "request" },
): Mutation | undefined {
  if (mutatedObject === undefined || mutatedObject === null) return undefined;
  const { request } = parseJson(new TextDecoder().decode(payload)) as { request: { object?: unknown } };
  const before = original === "request" ? request : request.object;
  if (before === undefined || before === null) return { kind: "nothing-to-mutate" };
  try {
    const patch = jsonPatchText(before, mutatedObject);
    return patch === undefined ? undefined : { kind: "patch", patch };
  } catch (error) {
    throw new Error(`invalid response format: cannot deserialize JSONPatch: ${messageOf(error)}`, { cause: error });
  }
}
