import { z } from "zod";
import { type DockerConfig, type RegistryCredentials, registryKey } from "../../../../contracts/docker-config.ts";
import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import { type ProgramResult, runProgram } from "../../../../runtime/process/run-program.ts";

/** What is known for a registry; undefined: nothing. Throws DOCKER_CONFIG_INVALID, DOWNLOAD_CREDENTIAL_HELPER_FAILED. */
export type CredentialSource = (registry: string, signal: AbortSignal) => Promise<RegistryCredentials | undefined>;

const helperAnswer = z.object({ Username: z.string(), Secret: z.string() });

const timeoutMs = 20_000;

/**
 * Looks into Docker's configuration: the registry's own helper, then the file, then the helper for all (reference/
 * policy-server.md 1.7.2). `read` is asked once something asks for credentials, and once.
 */
export function credentialsFrom(read: () => Promise<DockerConfig | undefined>): CredentialSource {
  let config: Promise<DockerConfig | undefined> | undefined;
  return async (registry, signal) => {
    config ??= read();
    const { auths, credHelpers, credsStore } = await config ?? { auths: new Map(), credHelpers: new Map() };
    const key = registryKey(registry);
    const own = credHelpers.get(key);
    if (own !== undefined) return await askHelper(own, { key, signal });
    return auths.get(key) ?? (credsStore && await askHelper(credsStore, { key, signal })) ?? undefined;
  };
}

/** Runs `docker-credential-<name> get`. Neither what it says nor what it is told appears in an error. */
async function askHelper(
  name: string,
  { key, signal }: { key: string; signal: AbortSignal },
): Promise<RegistryCredentials | undefined> {
  const program = `docker-credential-${name}`;
  // Docker's own registry is known to helpers by its oldest address.
  const input = key === "index.docker.io" ? "https://index.docker.io/v1/" : key;
  const failed = (why: string, cause?: unknown) =>
    new KubewardenError(
      "DOWNLOAD_CREDENTIAL_HELPER_FAILED",
      `Cannot get the credentials of ${key} from ${program}: ${why}`,
      { cause },
    );
  let result: ProgramResult;
  try {
    result = await runProgram([program, "get"], { input, timeoutMs, maxBytes: 1_000_000, signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw failed(messageOf(cause), cause);
  }
  if (/credentials not found/i.test(result.stdout)) return undefined;
  if (result.code !== 0) throw failed(`it ended with ${result.code}`);
  const answer = helperAnswer.safeParse(jsonOf(result.stdout)).data;
  if (answer === undefined) throw failed("its answer is not a user and a secret");
  return answer.Username === "<token>"
    ? { kind: "identity-token", token: answer.Secret }
    : { kind: "password", username: answer.Username, password: answer.Secret };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The parser's words would quote a secret.
  }
}
