// pure
import type { ConditionType } from "../../contracts/conditions.ts";
import type { Condition, KubeObject } from "../../contracts/kubernetes.ts";

/** Parts of a status. */
export type StatusParts = { conditions?: readonly ConditionType[]; fields?: readonly string[] };

/**
 * What of an object a controller looks at: all but what only storage knows, and of its status these parts. For the `view`
 * of a `Source` (controller.ts).
 */
export function viewOf({ metadata, status, ...rest }: KubeObject, { conditions = [], fields = [] }: StatusParts = {}) {
  const { resourceVersion: _, managedFields: __, ...named } = metadata;
  const { conditions: known = [], ...values } = (status ?? {}) as {
    conditions?: Condition[];
    [field: string]: unknown;
  };
  return {
    ...rest,
    metadata: named,
    conditions: known.filter(({ type }) => (conditions as readonly string[]).includes(type)),
    fields: fields.map((name) => values[name] ?? null),
  };
}
