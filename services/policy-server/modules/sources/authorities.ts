import { KubewardenError, messageOf } from "../../../../contracts/errors.ts";
import type { SourceAuthority, SourcesFile } from "../../../../contracts/policy-config.ts";
import { readBytes } from "../../../../runtime/files.ts";

/** The certificates that sources.yml adds for a host, as PEM; undefined if it adds none. Throws SOURCES_FILE_INVALID. */
export async function authoritiesFor(host: string, sources: SourcesFile): Promise<string[] | undefined> {
  const authorities = sources.sourceAuthorities.get(host);
  return authorities && await Promise.all(authorities.map(pemOf));
}

/** Reads every certificate once, so that a missing or broken one is found at start-up. */
export async function assertAuthorities(sources: SourcesFile): Promise<void> {
  for (const host of sources.sourceAuthorities.keys()) await authoritiesFor(host, sources);
}

async function pemOf(authority: SourceAuthority): Promise<string> {
  const bytes = await bytesOf(authority);
  const text = new TextDecoder().decode(bytes);
  if (/-----BEGIN CERTIFICATE-----/.test(text)) return text;
  // DER: a SEQUENCE with a long length.
  if (bytes[0] === 0x30 && ((bytes[1] ?? 0) & 0x80) !== 0) {
    const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
  throw new KubewardenError(
    "SOURCES_FILE_INVALID",
    "Invalid certificate: Raw certificate is not in PEM nor in DER encoding",
  );
}

async function bytesOf(authority: SourceAuthority): Promise<Uint8Array> {
  if (authority.type === "Data") {
    return typeof authority.data === "string"
      ? new TextEncoder().encode(authority.data)
      : Uint8Array.from(authority.data);
  }
  try {
    return await readBytes(authority.path);
  } catch (error) {
    throw new KubewardenError(
      "SOURCES_FILE_INVALID",
      `Cannot read the certificate "${authority.path}": ${messageOf(error)}`,
      { cause: error },
    );
  }
}
