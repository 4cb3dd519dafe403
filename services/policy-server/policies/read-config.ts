import type { ConfigText } from "../../../contracts/config-problems.ts";
import { type DockerConfig, parseDockerConfig } from "../../../contracts/docker-config.ts";
import { type ErrorCode, KubewardenError, messageOf } from "../../../contracts/errors.ts";
import { anyObject } from "../../../contracts/kubernetes-schema.ts";
import {
  misspelledFields,
  noSources,
  parsePoliciesFile,
  parseSourcesFile,
  type PoliciesFile,
  type SourcesFile,
} from "../../../contracts/policy-config.ts";
import { parseVerificationConfig, type VerificationConfig } from "../../../contracts/verification-config.ts";
import { type Log, silentLog } from "../../../runtime/telemetry/log.ts";
import { readTextStrictly } from "../../../runtime/text-file.ts";
import { parseConfigText } from "./config-text.ts";

// A ConfigMap holds 1 MiB; what is larger by far was not meant.
const maxBytes = 8 * 1024 * 1024;

/**
 * Reads policies.yml, and warns of fields that look like a slip of the pen. Throws POLICIES_FILE_INVALID with upstream's
 * words and every problem of the file.
 */
export async function readPolicies(path: string, log: Log = silentLog): Promise<PoliciesFile> {
  return await read(path, {
    code: "POLICIES_FILE_INVALID",
    failure: `error while loading policies from "${path}"`,
    parse({ value, source }) {
      const file = parsePoliciesFile(value, source);
      for (const { policy, field, meant } of misspelledFields(value)) {
        log.warn("Unknown field of a policy, ignored", { policy, field, meant });
      }
      return file;
    },
  });
}

/** Reads sources.yml; none configured means none special. Throws SOURCES_FILE_INVALID. */
export async function readSources(path: string | undefined): Promise<SourcesFile> {
  if (path === undefined) return noSources;
  return await read(path, {
    code: "SOURCES_FILE_INVALID",
    failure: `error while loading sources from ${path}`,
    parse: ({ value, source }) => parseSourcesFile(value, source),
  });
}

/** Reads verification.yml; undefined when none is configured. Throws VERIFICATION_FILE_INVALID. */
export async function readVerification(path: string | undefined): Promise<VerificationConfig | undefined> {
  if (path === undefined) return undefined;
  return await read(path, {
    code: "VERIFICATION_FILE_INVALID",
    failure: `error while loading verification requirements from "${path}"`,
    parse: ({ value, source }) => parseVerificationConfig(value, source),
  });
}

/** Reads `config.json` of a directory. Throws DOCKER_CONFIG_INVALID, never with a value of the file. */
export async function readDockerConfig(directory: string): Promise<DockerConfig> {
  const path = `${directory.replace(/\/+$/, "")}/config.json`;
  try {
    return parseDockerConfig(parseQuietly(await readTextStrictly(path, { maxBytes })));
  } catch (cause) {
    const message = `Cannot read registry credentials from "${path}": ${messageOf(cause)}`;
    throw new KubewardenError("DOCKER_CONFIG_INVALID", message, { cause });
  }
}

/** The trusted root in a ClientTrustConfig. Throws TRUST_ROOT_UNAVAILABLE in upstream's words (1.8.1). */
export async function readTrustConfig(path: string): Promise<unknown> {
  const fail = (message: string, cause?: unknown) => new KubewardenError("TRUST_ROOT_UNAVAILABLE", message, { cause });
  const text = await readTextStrictly(path, { maxBytes }).catch((cause) => {
    throw fail(`could not read Sigstore trust config file "${path}": ${messageOf(cause)}`, cause);
  });
  let value: unknown;
  try {
    value = parseQuietly(text);
  } catch (cause) {
    throw fail(`could not parse Sigstore trust config file "${path}": ${messageOf(cause)}`, cause);
  }
  const config = anyObject.safeParse(value).data;
  // Names of protobuf's JSON, which may be written either way.
  const root = anyObject.safeParse(config?.["trustedRoot"] ?? config?.["trusted_root"]);
  if (!root.success) throw fail(`Sigstore trust config file "${path}" missing trusted_root field`);
  return root.data;
}

/** JSON whose errors do not quote the text. */
function parseQuietly(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("not JSON"); // The parser's own words hold a piece of the text.
  }
}

type Reading<T> = { code: ErrorCode; failure: string; parse: (text: ConfigText) => T };

async function read<T>(path: string, { code, failure, parse }: Reading<T>): Promise<T> {
  try {
    return parse(parseConfigText(await readTextStrictly(path, { maxBytes })));
  } catch (cause) {
    throw new KubewardenError(code, `${failure}: ${messageOf(cause)}`, { cause });
  }
}
