import { createPrivateKey, X509Certificate } from "node:crypto";
import type { TlsOptions as NodeTlsOptions, TLSSocket } from "node:tls";
import { certificateBlocks } from "../pem.ts";

export type TlsOptions = {
  /** PEM; the server's certificate first, then those that lead from it to a root. */
  cert: string | Uint8Array;
  /** PEM: PKCS #1, PKCS #8 or SEC 1. */
  key: string | Uint8Array;
  /** PEM; when present only clients with a certificate of one of these CAs are let in. */
  clientCa?: string | Uint8Array;
};

/** Throws on what cannot serve; Deno itself would take it and then fail every handshake. */
export function secureOptions({ cert, key, clientCa }: TlsOptions): NodeTlsOptions {
  const [chain, keyText] = [textOf(cert), textOf(key)];
  const [leaf] = certificateBlocks(chain).map((each) => new X509Certificate(each));
  const privateKey = createPrivateKey(keyText);
  if (!leaf?.checkPrivateKey(privateKey)) throw new Error("the private key does not belong to the certificate");
  const clientCas = clientCa === undefined ? undefined : certificateBlocks(textOf(clientCa));
  clientCas?.forEach((each) => new X509Certificate(each));
  if (clientCas?.length === 0) throw new Error("no certificate of a client CA");
  return {
    cert: chain,
    // One form for all, since not every runtime takes every form.
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ...(clientCas ? { ca: clientCas.join("\n"), requestCert: true, rejectUnauthorized: true } : {}),
  };
}

/**
 * Whether a client may stay whose certificate a handshake has accepted. A resumed session repeats no check, and on Deno
 * sessions outlive the trust they were made under: they are kept for the whole process and cannot be switched off. So a
 * resumed one counts only if its certificate was accepted in full under the present CAs, or comes straight from one.
 */
export class ClientTrust {
  readonly #authorities: readonly X509Certificate[] | undefined;
  readonly #accepted = new Set<string>();
  readonly #since = performance.now();

  constructor({ clientCa }: TlsOptions) {
    this.#authorities = clientCa === undefined
      ? undefined
      : certificateBlocks(textOf(clientCa)).map((each) => new X509Certificate(each));
  }

  /** `openedAt`: by the clock of `performance.now()`; what began before these CAs says nothing about them. */
  admits(socket: TLSSocket, openedAt: number): boolean {
    if (this.#authorities === undefined) return true;
    const { raw, fingerprint256 } = socket.getPeerCertificate();
    if (!socket.isSessionReused()) {
      if (this.#accepted.size >= maxRemembered) this.#accepted.clear();
      if (openedAt >= this.#since) this.#accepted.add(fingerprint256);
      return true;
    }
    return this.#accepted.has(fingerprint256) || raw !== undefined && this.#issued(new X509Certificate(raw));
  }

  #issued(certificate: X509Certificate): boolean {
    const now = Date.now();
    return certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime() &&
      (this.#authorities ?? []).some((each) => certificate.checkIssued(each) && certificate.verify(each.publicKey));
  }
}

const maxRemembered = 1000;

function textOf(pem: string | Uint8Array): string {
  return typeof pem === "string" ? pem : new TextDecoder().decode(pem);
}
