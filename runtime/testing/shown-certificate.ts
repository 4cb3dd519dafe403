import { X509Certificate } from "node:crypto";
import { connect, type ConnectionOptions } from "node:tls";

let looks = 0;

/**
 * The certificate that a TLS server shows to a new client. Deno resumes sessions by the server's name, and a resumed one
 * tells of the certificate that was shown first: so each look asks for a name of its own.
 */
export function shownCertificate(
  { host = "127.0.0.1", port, ...client }: { host?: string; port: number } & Pick<ConnectionOptions, "cert" | "key">,
): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const servername = `look-${looks++}.example`;
    const socket = connect({ ...client, host, port, servername, rejectUnauthorized: false }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
