// pure
import type { ResourceType } from "../resource-type.ts";

/** Rules of a kind beyond its schema. */
export function rulesFor(_group: string, _kind: string): Pick<ResourceType, "validate"> {
  return {};
}
