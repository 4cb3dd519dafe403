// pure
import { z } from "zod";
import { configFileInvalid, type ConfigProblem, problemsOf } from "./config-problems.ts";

/**
 * Docker's `config.json`, as far as registries need it. No error shows a value: they are secrets.
 * Source: reference/policy-server.md 1.7.
 */
export type RegistryCredentials =
  | { kind: "password"; username: string; password: string }
  /** A token that registries of the cloud exchange; upstream goes on anonymously. */
  | { kind: "identity-token"; token: string };

export type DockerConfig = {
  /** By registry as `registryKey` writes it. */
  auths: ReadonlyMap<string, RegistryCredentials>;
  /** Registry -> name of the program `docker-credential-<name>` that knows its credentials. */
  credHelpers: ReadonlyMap<string, string>;
  /** The helper for every other registry. */
  credsStore?: string | undefined;
};

const auth = z.object({
  auth: z.string().nullish(),
  username: z.string().nullish(),
  password: z.string().nullish(),
  identitytoken: z.string().nullish(),
});
// It becomes the name of a program: nothing that leads to another folder.
const helper = z.string().regex(/^[\w.-]+$/, "expected the name of a credential helper");
const config = z.object({
  auths: z.record(z.string(), auth).nullish(),
  credHelpers: z.record(z.string(), helper).nullish(),
  credsStore: z.union([helper, z.literal("")], "expected the name of a credential helper").nullish(),
});

/** Reads the parsed text of config.json. Throws `DOCKER_CONFIG_INVALID` naming every key in error, never a value. */
export function parseDockerConfig(value: unknown): DockerConfig {
  const parsed = config.safeParse(value);
  if (!parsed.success) throw configFileInvalid("DOCKER_CONFIG_INVALID", problemsOf(parsed.error));
  const problems: ConfigProblem[] = [];
  const auths = new Map<string, RegistryCredentials>();
  for (const [server, entry] of Object.entries(parsed.data.auths ?? {})) {
    const credentials = credentialsOf(entry);
    const key = registryKey(server);
    if (credentials === "malformed") {
      problems.push({ path: ["auths", server, "auth"], message: "expected the base64 form of user:password" });
    } else if (credentials !== undefined && (server === key || !auths.has(key))) auths.set(key, credentials);
  }
  if (problems.length > 0) throw configFileInvalid("DOCKER_CONFIG_INVALID", problems);
  const helpers = Object.entries(parsed.data.credHelpers ?? {}).map(([server, name]) =>
    [registryKey(server), name] as const
  );
  return { auths, credHelpers: new Map(helpers), credsStore: parsed.data.credsStore || undefined };
}

/** A registry as keys of config.json name it: without scheme and path, Docker's own under its oldest name. */
export function registryKey(server: string): string {
  const host = server.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "").split("/", 1).join().toLowerCase();
  return ["docker.io", "registry-1.docker.io"].includes(host) ? "index.docker.io" : host;
}

/** undefined: the entry holds none, as beside a credential store. */
function credentialsOf(entry: z.output<typeof auth>): RegistryCredentials | "malformed" | undefined {
  if (entry.identitytoken) return { kind: "identity-token", token: entry.identitytoken };
  if (!entry.auth) {
    const { username, password } = entry;
    return username && password ? { kind: "password", username, password } : undefined;
  }
  const text = textOfBase64(entry.auth);
  const colon = text?.indexOf(":") ?? -1;
  if (text === undefined || colon < 1) return "malformed";
  // Docker ends some passwords with zero bytes.
  return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

function textOfBase64(base64: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(base64));
  } catch {
    return undefined; // The reason would quote the secret.
  }
}
