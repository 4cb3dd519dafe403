// pure
import type { KindRef, KubeObject } from "../../contracts/kubernetes.ts";

/** Direct read of the API server's storage, no permission asked. Objects must not be changed. */
export type ObjectReader = {
  get(ref: KindRef & { namespace?: string; name: string }): KubeObject | undefined;
  list(kind: KindRef & { namespace?: string }): readonly KubeObject[];
};
