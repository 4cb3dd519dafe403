import { generateKeyPairSync, sign, verify } from "node:crypto";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { recordAt } from "../schema/builtin/access.ts";
import { isRecord } from "../schema/schema.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { User } from "./user.ts";

const issuer = "https://kubernetes.default.svc.cluster.local";

export type IssuedToken = { readonly token: string; readonly expirationTimestamp: string };

/** Signs and checks the tokens of ServiceAccounts: JWTs (ES256) bound to the account's uid, and to a pod's if given. */
export type TokenIssuer = {
  issue(
    request: { account: KubeObject; pod?: KubeObject; expirationSeconds?: number; audiences?: string[] },
    now: Date,
  ): IssuedToken;
  /** The account's user while it (and the pod) still exists with the same uid; undefined for any other token. */
  verify(token: string, reader: ObjectReader, now: Date): User | undefined;
};

export function createTokenIssuer(): TokenIssuer {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    issue({ account, pod, expirationSeconds = 3600, audiences = [issuer] }, now) {
      const issued = Math.floor(now.getTime() / 1000);
      const { name, namespace, uid } = account.metadata;
      const claims = {
        aud: audiences,
        exp: issued + expirationSeconds,
        iat: issued,
        nbf: issued,
        iss: issuer,
        sub: `system:serviceaccount:${namespace}:${name}`,
        "kubernetes.io": {
          namespace,
          serviceaccount: { name, uid },
          ...(pod ? { pod: { name: pod.metadata.name, uid: pod.metadata.uid } } : {}),
        },
      };
      const signed = `${encode({ alg: "ES256", typ: "JWT" })}.${encode(claims)}`;
      const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
      return {
        token: `${signed}.${signature.toString("base64url")}`,
        expirationTimestamp: new Date(claims.exp * 1000).toISOString().replace(/\.\d+Z$/, "Z"),
      };
    },
    verify(token, reader, now) {
      const [header, body, signature, ...rest] = token.split(".");
      if (!header || !body || !signature || rest.length > 0) return undefined;
      const key = { key: publicKey, dsaEncoding: "ieee-p1363" as const };
      if (!verify("sha256", Buffer.from(`${header}.${body}`), key, Buffer.from(signature, "base64url"))) {
        return undefined;
      }
      const claims: unknown = JSON.parse(Buffer.from(body, "base64url").toString("utf8"));
      return isRecord(claims) ? userOf(claims, reader, now.getTime() / 1000) : undefined;
    },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function userOf(claims: Record<string, unknown>, reader: ObjectReader, nowSeconds: number): User | undefined {
  const { exp, aud } = claims;
  if (typeof exp !== "number" || exp <= nowSeconds) return undefined;
  if (!Array.isArray(aud) || !aud.includes(issuer)) return undefined;
  const bound = recordAt(claims, "kubernetes.io") ?? {};
  const account = recordAt(bound, "serviceaccount"), pod = recordAt(bound, "pod");
  const namespace = String(bound.namespace), name = String(account?.name);
  const lives = (kind: string, reference: Record<string, unknown>) =>
    reader.get({ apiVersion: "v1", kind, namespace, name: String(reference.name) })?.metadata.uid === reference.uid;
  if (!account || !lives("ServiceAccount", account) || (pod && !lives("Pod", pod))) return undefined;
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    uid: String(account.uid),
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    ...(pod
      ? {
        extra: {
          "authentication.kubernetes.io/pod-name": [String(pod.name)],
          "authentication.kubernetes.io/pod-uid": [String(pod.uid)],
        },
      }
      : {}),
  };
}
