import "reflect-metadata";
import { X509CertificateGenerator } from "@peculiar/x509";
import { Buffer } from "node:buffer";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A client certificate that is its own authority, and its key as PKCS #8; both PEM. */
export async function selfSigned(name: string): Promise<{ cert: string; key: string }> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { cert: certificate.toString("pem"), key };
}
