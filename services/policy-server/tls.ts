import { KubewardenError, messageOf } from "../../contracts/errors.ts";
import { type FileContents, readTogether, watchFiles } from "../../runtime/files.ts";
import type { TlsOptions } from "../../runtime/http/server.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { certificateBlocks, isEncryptedKey, keyBlocks, keyMatches, readableCertificates } from "../../runtime/pem.ts";
import type { Config } from "./config.ts";

type TlsFiles = NonNullable<Config["tls"]>;
type Identity = Pick<TlsOptions, "cert" | "key">;
type ClientCas = Pick<TlsOptions, "clientCa">;

/** The server's certificate, key and client CAs, and the contents they were read from. Throws CONFIG_INVALID. */
export async function readTls(
  files: TlsFiles,
  log: Log,
): Promise<{ options: TlsOptions; contents: FileContents }> {
  const contents = await readTogether(pathsOf(files));
  const read = { files, contents, log };
  return { options: { ...identityOf(read), ...clientCasOf(read) }, contents };
}

/**
 * Hands on new certificates when their files change, until the signal. By content, since a mounted Secret changes by a
 * symlink (reference/policy-server.md 9.5). The server's own pair and the client CAs are taken over each on its own: a
 * CA that was taken away must not stay trusted because a new certificate still waits for its key.
 */
export async function watchTls(
  files: TlsFiles,
  { known, options, setTls, log, signal }: {
    known: FileContents;
    options: TlsOptions;
    setTls: (options: TlsOptions) => void;
    log: Log;
    signal: AbortSignal;
  },
): Promise<void> {
  let current = options;
  const onChange = (contents: FileContents) => {
    const read = { files, contents, log };
    const failed = (error: unknown) => {
      log.error(`Failed to reload TLS certificates: ${messageOf(error)}`);
      return undefined;
    };
    const next = {
      ...current,
      ...attempt(() => identityOf(read), failed),
      ...attempt(() => clientCasOf(read), failed),
    };
    if (next.cert === current.cert && next.key === current.key && next.clientCa === current.clientCa) return;
    try {
      setTls(next);
      current = next;
      log.info("TLS certificates reloaded");
    } catch (error) {
      failed(error);
    }
  };
  await watchFiles(pathsOf(files), { signal, known, onChange, log });
}

function attempt<T>(work: () => T, failed: (error: unknown) => undefined): T | undefined {
  try {
    return work();
  } catch (error) {
    return failed(error);
  }
}

function pathsOf({ certFile, keyFile, clientCaFiles }: TlsFiles): string[] {
  return [certFile, keyFile, ...clientCaFiles];
}

type Read = { files: TlsFiles; contents: FileContents; log: Log };

function identityOf({ files: { certFile, keyFile }, contents, log }: Read): Identity {
  const { readable: certificates, unusable } = readableCertificates(textOf(certFile, contents));
  if (unusable > 0) log.warn("Unreadable certificates are left out", { file: certFile, count: unusable });
  const [leaf] = certificates;
  if (leaf === undefined) {
    throw invalid(`Expected at least one certificate in certificate file "${certFile}", found 0`);
  }
  const keys = keyBlocks(textOf(keyFile, contents));
  const [key] = keys;
  if (key === undefined || keys.length > 1) {
    throw invalid(`Expected exactly one key in key file "${keyFile}", found ${keys.length}`);
  }
  if (isEncryptedKey(key)) throw invalid(`The key in key file "${keyFile}" is encrypted, which is not supported`);
  let matches: boolean;
  try {
    matches = keyMatches(key, leaf);
  } catch (cause) {
    throw invalid(`Cannot read the key in key file "${keyFile}": ${messageOf(cause)}`, cause);
  }
  if (!matches) {
    throw invalid(`The key in key file "${keyFile}" does not belong to the certificate in "${certFile}"`);
  }
  return { cert: certificates.join("\n"), key };
}

function clientCasOf({ files: { clientCaFiles }, contents, log }: Read): ClientCas {
  if (clientCaFiles.length === 0) return {};
  const texts = clientCaFiles.map((path) => textOf(path, contents));
  const { readable, unusable } = readableCertificates(texts.join("\n"));
  const named = clientCaFiles.map((path) => `"${path}"`).join(", ");
  const empty = texts.filter((text) => certificateBlocks(text).length === 0).length;
  if (unusable > 0 || empty > 0) {
    log.warn("Unusable entries of the client CA files are ignored", { files: named, unusable, filesWithoutAny: empty });
  }
  if (readable.length === 0) throw invalid(`Cannot build client verifier: no usable certificate in ${named}`);
  return { clientCa: readable.join("\n") };
}

function textOf(path: string, contents: FileContents): string {
  const bytes = contents.get(path);
  if (bytes === undefined) throw invalid(`Cannot read "${path}": no such file`);
  return new TextDecoder().decode(bytes);
}

function invalid(message: string, cause?: unknown): KubewardenError {
  return new KubewardenError("CONFIG_INVALID", message, { cause });
}
