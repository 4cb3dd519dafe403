import { startTestRegistry } from "../services/policy-server/testing/registry.ts";
import { type DockerRegistryOptions, noDockerRegistry, startDockerRegistry } from "./docker-registry.ts";

export type AnyRegistry = { readonly host: string; readonly isReal: boolean; stop(): Promise<void> };

export type AnyRegistryOptions = DockerRegistryOptions & {
  /** The `authorization` that belongs to the htpasswd file. */
  authorization?: string;
};

/** A real registry; where there is none, which is said, one in memory that wants the same to be shown to it. */
export async function startAnyRegistry(options: AnyRegistryOptions = {}): Promise<AnyRegistry> {
  const real = await startDockerRegistry(options);
  if (real !== undefined) return { host: real.host, isReal: true, stop: () => real.stop() };
  console.log(`${noDockerRegistry}; a registry in memory stands in for it`);
  const stop = new AbortController();
  const { tls, token, htpasswd, authorization } = options;
  const registry = await startTestRegistry({
    signal: stop.signal,
    ...(tls && { tls: { cert: tls.certificate, key: tls.privateKey } }),
  });
  const challenge = token ? `Bearer realm="${token.realm}",service="${token.service}"` : 'Basic realm="test"';
  registry.intercept = (request) => {
    const shown = request.headers.get("authorization") ?? "";
    const enough = token ? shown.startsWith("Bearer ey") : htpasswd === undefined || shown === authorization;
    return enough ? undefined : new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  };
  return { host: registry.host, isReal: false, stop: () => Promise.resolve(stop.abort()) };
}
