import { pem, type X509Certificate } from "@sigstore/core";
import type { SignedEntity } from "@sigstore/verify";
import { anyObject } from "../../../../../contracts/kubernetes-schema.ts";
import { objectIn } from "../simple-signing.ts";

type LogEntries = SignedEntity["tlogEntries"];

/**
 * An entry of the log also holds who verified it then. The library compares signature and digest only; that the time in
 * the log is a time of this certificate needs this too.
 */
export function assertLoggedFor(certificate: X509Certificate, entries: LogEntries): void {
  const der = certificate.root.toDER();
  for (const { canonicalizedBody } of entries) {
    const logged = certificateLogged(objectIn(canonicalizedBody));
    if (logged === undefined || !der.equals(logged)) throw new Error("its entry in the log has another certificate");
  }
}

/** Where each kind and version of entry keeps it. */
function certificateLogged({ spec }: Record<string, unknown>): Buffer | undefined {
  const places = [
    ["signature", "publicKey", "content"], // hashedrekord 0.0.1
    ["signatures", "0", "verifier"], // dsse 0.0.1
    ["content", "envelope", "signatures", "0", "publicKey"], // intoto 0.0.2
  ];
  const newer = [
    ["hashedRekordV002", "signature", "verifier", "x509Certificate", "rawBytes"],
    ["dsseV002", "signatures", "0", "verifier", "x509Certificate", "rawBytes"],
  ];
  const text = places.map((path) => textAt(spec, path)).find((each) => each !== undefined);
  if (text !== undefined) return pem.toDER(Buffer.from(text, "base64").toString("utf8"));
  const bytes = newer.map((path) => textAt(spec, path)).find((each) => each !== undefined);
  return bytes === undefined ? undefined : Buffer.from(bytes, "base64");
}

function textAt(value: unknown, path: readonly string[]): string | undefined {
  const found = path.reduce<unknown>(
    (each, name) => Array.isArray(each) ? each[Number(name)] : anyObject.catch({}).parse(each)[name],
    value,
  );
  return typeof found === "string" ? found : undefined;
}
