import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { serve } from "../runtime/http/server.ts";
import { issueAuthority, issueLeaf } from "../services/certs/x509.ts";

export type TokenServer = {
  readonly realm: string;
  readonly host: string;
  readonly service: string;
  readonly issuer: string;
  /** Of who signs the tokens, for a registry to trust. */
  readonly certificates: string;
  /** What was asked for: `<authorization> <scope>`. */
  readonly asked: string[];
};

/** Gives out tokens as the distribution project says, signed, to who shows one of the accepted authorizations. */
export async function startTokenServer(
  { accepts, signal }: { accepts: (authorization: string | null) => boolean; signal: AbortSignal },
): Promise<TokenServer> {
  const authority = await issueAuthority(new Date());
  const leaf = await issueLeaf({ authority, dnsName: "tokens.example", now: new Date() });
  const [service, issuer] = ["test registry", "test issuer"];
  const asked: string[] = [];
  const server = await serve((request) => {
    const { searchParams } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    const scope = searchParams.get("scope") ?? "";
    asked.push(`${authorization ?? "anonymous"} ${scope}`);
    if (!accepts(authorization)) return new Response("", { status: 401 });
    const [type, name, actions = ""] = scope.split(":");
    const access = [{ type, name, actions: actions.split(",") }];
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: "test",
      aud: service,
      nbf: now - 60,
      iat: now,
      exp: now + 300,
      jti: "1",
      access,
    };
    return Response.json({ token: signed(claims, leaf), expires_in: 300 });
  }, { host: "127.0.0.1", port: 0, signal, drainMs: 0 });
  const host = `localhost:${server.port}`;
  return { realm: `http://${host}/token`, host, service, issuer, certificates: authority.certificate, asked };
}

/** A JSON Web Token with the certificate of who signed it (RFC 7515, `x5c`). */
function signed(claims: object, { certificate, privateKey }: { certificate: string; privateKey: string }): string {
  const der = new X509Certificate(certificate).raw.toString("base64");
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ typ: "JWT", alg: "ES256", x5c: [der] })}.${part(claims)}`;
  const key = { key: createPrivateKey(privateKey), dsaEncoding: "ieee-p1363" as const };
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}
