import { connect } from "node:tls";

/**
 * Why the certificate of a host is out of date; undefined if it is not, or cannot be seen. Deno says of an expired one
 * only that it cannot be verified, so this looks: it connects without trust, and sends nothing.
 */
export function certificateAge(
  { hostname, port }: { hostname: string; port: number },
  { timeoutMs }: { timeoutMs: number },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, "");
    const socket = connect({ host, port, servername: host, rejectUnauthorized: false });
    const done = (why?: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(why);
    };
    const timer = setTimeout(done, timeoutMs);
    socket.on("error", () => done()); // Then the first failure says enough.
    socket.on("secureConnect", () => {
      const { valid_from: from, valid_to: to } = socket.getPeerCertificate() ?? {};
      if (to !== undefined && Date.parse(to) < Date.now()) return done(`certificate has expired on ${to}`);
      done(from !== undefined && Date.parse(from) > Date.now() ? `certificate is not valid before ${from}` : undefined);
    });
  });
}
