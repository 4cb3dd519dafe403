import { KubewardenError } from "../../contracts/errors.ts";
import { parseJson } from "../../contracts/json.ts";
import type { KindRef } from "../../contracts/kubernetes.ts";
import { kubeErrorFor } from "./errors.ts";
import type { KubeTransport } from "./transport.ts";

export type ApiResource = { plural: string; namespaced: boolean };

type Resources = Map<string, ApiResource>;

/** Kind -> plural and scope, by the API server's discovery. Remembered; a miss asks again, since CRDs come and go. */
export class KubeDiscovery {
  readonly #transport: KubeTransport;
  readonly #groups = new Map<string, Promise<Resources>>();

  constructor(transport: KubeTransport) {
    this.#transport = transport;
  }

  /** Throws `KUBE_NOT_FOUND` when the server does not serve the kind. */
  async resource({ apiVersion, kind }: KindRef, signal?: AbortSignal): Promise<ApiResource> {
    const known = await this.#groups.get(apiVersion)?.catch(() => undefined);
    const found = known?.get(kind) ?? (await this.#read(apiVersion, signal)).get(kind);
    if (found) return found;
    throw new KubewardenError(
      "KUBE_NOT_FOUND",
      `Cannot find kind ${kind} of ${apiVersion}: the server does not serve it`,
    );
  }

  /** Forgets a group: its kinds answered 404. */
  forget(apiVersion: string): void {
    this.#groups.delete(apiVersion);
  }

  // The caller's signal is not passed on: others wait for the same answer.
  async #read(apiVersion: string, signal?: AbortSignal): Promise<Resources> {
    const reading = readResources(this.#transport, apiVersion);
    this.#groups.set(apiVersion, reading);
    reading.catch(() => {
      if (this.#groups.get(apiVersion) === reading) this.#groups.delete(apiVersion);
    });
    const resources = await reading;
    signal?.throwIfAborted();
    return resources;
  }
}

async function readResources(transport: KubeTransport, apiVersion: string): Promise<Resources> {
  const { status, body } = await transport.send({ method: "GET", path: groupPath(apiVersion) });
  if (status === 404) return new Map();
  if (status !== 200) throw kubeErrorFor(`discover ${apiVersion}`, status, body);
  type Row = { name: string; kind: string; namespaced: boolean };
  const rows = (parseJson(body) as { resources?: Row[] }).resources ?? [];
  return new Map(
    rows.filter(({ name }) => !name.includes("/")).map((
      { name, kind, namespaced },
    ) => [kind, { plural: name, namespaced }]),
  );
}

/** `/api/v1` or `/apis/<group>/<version>`. */
export function groupPath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
