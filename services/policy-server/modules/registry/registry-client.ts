import type { RegistryCredentials } from "../../../../contracts/docker-config.ts";
import { KubewardenError } from "../../../../contracts/errors.ts";
import { type NetStream, withoutCredentials } from "../../../../runtime/net/stream.ts";
import { basicAuthorization, type SourceClient, type SourceRequest } from "../sources/client.ts";
import { parseChallenges } from "./challenge.ts";
import type { CredentialSource } from "./credentials.ts";
import { type Authorization, fetchToken } from "./tokens.ts";

/** A repository of one host. */
export type Place = { registry: string; repository: string };

export type RegistryRequest = Omit<SourceRequest, "authorization"> & {
  /** Below the repository, `/manifests/v1`, or a whole URL. */
  path: string;
  actions?: "pull" | "pull,push";
};

/** Asks registries, with what they want to know of who asks. Answers may have any status but 401. Throws codes of `DOWNLOAD_`. */
export type RegistryClient = {
  open(place: Place, request: RegistryRequest): Promise<NetStream>;
  readonly client: SourceClient;
};

export function registryClient(
  { client, credentials }: { client: SourceClient; credentials: CredentialSource },
): RegistryClient {
  const known = new Map<string, Authorization>();
  return { client, open };

  async function open(place: Place, { path, actions = "pull", ...request }: RegistryRequest): Promise<NetStream> {
    const api = apiOf(place.registry);
    const url = path.startsWith("/") ? `${api}/v2/${place.repository}${path}` : path;
    // Some registries take uploads elsewhere, which knows who comes by what is in the URL.
    if (URL.parse(url)?.host !== URL.parse(api)?.host) return await client.open(url, request);
    const key = `${place.registry} ${place.repository} ${actions}`;
    const ask = (authorization?: string) => client.open(url, { ...request, authorization });
    let authorization = known.get(key);
    if (authorization !== undefined && authorization.expiresAt <= Date.now()) authorization = undefined;
    const answer = await ask(authorization?.header);
    if (answer.status !== 401) return answer;
    answer.close();
    known.delete(key);
    const given = await authorize(answer, place, { actions, signal: request.signal });
    const second = await ask(given.authorization.header);
    if (second.status === 401) {
      second.close();
      throw refused(url, given);
    }
    known.set(key, given.authorization);
    return second;
  }

  async function authorize(
    { url, headers }: NetStream,
    { registry, repository }: Place,
    { actions, signal }: { actions: string; signal: AbortSignal },
  ): Promise<Given> {
    const found = await lookUp(registry, signal);
    const challenges = parseChallenges(headers["www-authenticate"] ?? "");
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) {
      const scope = `repository:${repository}:${actions}`;
      try {
        const authorization = await fetchToken(client, { challenge: bearer, ...found, scope, signal });
        return { authorization, ...found };
      } catch (error) {
        // What kept the credentials back is why nothing was given without them.
        throw isRefusal(error) ? found.failure ?? error : error;
      }
    }
    const { credentials } = found;
    const basic = challenges.some(({ scheme }) => scheme === "basic");
    if (!basic || credentials?.kind !== "password") throw refused(url, found);
    return { authorization: { header: basicAuthorization(credentials), expiresAt: Infinity }, ...found };
  }

  /** Without the credentials it may work, too: then what is wrong with them is only told. */
  async function lookUp(registry: string, signal: AbortSignal): Promise<Found> {
    try {
      return { registry, credentials: await credentials(registry, signal) };
    } catch (error) {
      signal.throwIfAborted();
      client.log.warn("Going on without credentials", { registry, error });
      return { registry, credentials: undefined, failure: error };
    }
  }
}

type Found = { registry: string; credentials: RegistryCredentials | undefined; failure?: unknown };
type Given = Found & { authorization: Authorization };

function refused(url: string, { registry, credentials, failure }: Found): unknown {
  if (failure !== undefined) return failure;
  const why = credentials === undefined
    ? `the registry asks for credentials, and there are none for "${registry}"`
    : `the registry refuses the credentials for "${registry}"`;
  return new KubewardenError("DOWNLOAD_UNAUTHORIZED", `Cannot download "${withoutCredentials(url)}": ${why}`);
}

function isRefusal(error: unknown): boolean {
  return error instanceof KubewardenError && ["DOWNLOAD_UNAUTHORIZED", "DOWNLOAD_FORBIDDEN"].includes(error.code);
}

/** Docker's own registry has another address than name. */
function apiOf(registry: string): string {
  return `https://${registry === "docker.io" ? "registry-1.docker.io" : registry}`;
}
