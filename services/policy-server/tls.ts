import { KubewardenError } from "../../contracts/errors.ts";
import { type FileContents, readTogether, watchFiles } from "../../runtime/files.ts";
import type { TlsOptions } from "../../runtime/http-server.ts";
import type { Log } from "../../runtime/log.ts";
import type { Config } from "./config.ts";

type TlsFiles = NonNullable<Config["tls"]>;

/** The server's certificate, key and client CAs, and the contents they were read from. Throws CONFIG_INVALID. */
export async function readTls(files: TlsFiles): Promise<{ options: TlsOptions; contents: FileContents }> {
  const contents = await readTogether(pathsOf(files));
  return { options: tlsOptionsOf(files, contents), contents };
}

/**
 * Hands on new certificates when their files change, until the signal. By content, since a mounted Secret changes by a
 * symlink; what cannot be used is logged and the old certificates stay (reference/policy-server.md 9.5).
 */
export async function watchTls(
  files: TlsFiles,
  { known, setTls, log, signal }: {
    known: FileContents;
    setTls: (options: TlsOptions) => void;
    log: Log;
    signal: AbortSignal;
  },
): Promise<void> {
  const onChange = (contents: FileContents) => {
    setTls(tlsOptionsOf(files, contents));
    log.info("TLS certificates reloaded");
  };
  await watchFiles(pathsOf(files), { signal, known, onChange, log });
}

function pathsOf({ certFile, keyFile, clientCaFiles }: TlsFiles): string[] {
  return [certFile, keyFile, ...clientCaFiles];
}

function tlsOptionsOf({ certFile, keyFile, clientCaFiles }: TlsFiles, contents: FileContents): TlsOptions {
  const text = (path: string) => {
    const bytes = contents.get(path);
    if (bytes === undefined) throw new KubewardenError("CONFIG_INVALID", `Cannot read "${path}": no such file`);
    return new TextDecoder().decode(bytes);
  };
  const clientCa = clientCaFiles.map(text).join("\n");
  if (clientCaFiles.length > 0 && !clientCa.includes("-----BEGIN CERTIFICATE-----")) {
    throw new KubewardenError("CONFIG_INVALID", "Cannot build client verifier: no certificate in the client CA files");
  }
  return { cert: text(certFile), key: text(keyFile), ...(clientCaFiles.length === 0 ? {} : { clientCa }) };
}
