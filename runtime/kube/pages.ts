// pure
import { KubewardenError } from "../../contracts/errors.ts";
import type { KindRef, KubeObject } from "../../contracts/kubernetes.ts";

/** A part of a list. With `first` a list begins, also anew: what earlier pages held does not count any more. */
export type KubePage = { items: KubeObject[]; resourceVersion: string; first: boolean };

/** A list as an API server answers it. */
export type ListAnswer = { metadata?: { resourceVersion?: string; continue?: string }; items?: KubeObject[] };

const pageSize = 500;

/** Page after page, until there is none; the last one's resourceVersion is where a watch goes on. */
export async function* pagesOf(
  { apiVersion, kind }: KindRef,
  ask: (page: { limit?: number | undefined; continue?: string | undefined }) => Promise<ListAnswer>,
): AsyncGenerator<KubePage> {
  let first = true;
  for (let next: string | undefined, limit: number | undefined = pageSize;;) {
    try {
      const page: ListAnswer = await ask({ limit, continue: next });
      next = page.metadata?.continue || undefined;
      // Items of a typed list carry neither apiVersion nor kind.
      const items = (page.items ?? []).map((item) => ({ ...item, apiVersion, kind }));
      yield { items, resourceVersion: page.metadata?.resourceVersion ?? "", first };
      first = false;
      if (next === undefined) return;
    } catch (error) {
      // The continue token outlived its snapshot: take everything in one answer.
      if (!(next && error instanceof KubewardenError && error.code === "KUBE_GONE")) throw error;
      first = true;
      next = undefined;
      limit = undefined;
    }
  }
}
