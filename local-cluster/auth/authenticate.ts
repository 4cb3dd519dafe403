import { timingSafeEqual } from "node:crypto";
import type { ObjectReader } from "./object-reader.ts";
import type { TokenIssuer } from "./service-account-tokens.ts";
import type { User } from "./user.ts";

/** What a request brings to say who sends it. */
export type Credentials = {
  /** The Authorization header. */
  readonly authorization?: string | undefined;
  /** Subject of a client certificate that TLS verified against the cluster's CA: `CN`, and `O` once or several times. */
  readonly certificateSubject?: { readonly CN?: string | string[]; readonly O?: string | string[] } | undefined;
};

export type AuthenticationContext = {
  readonly tokens: TokenIssuer;
  readonly reader: ObjectReader;
  /** Tokens that are no JWT, e.g. the administrator's. */
  readonly staticTokens: ReadonlyMap<string, User>;
  readonly now: Date;
};

const anonymous: User = { username: "system:anonymous", groups: ["system:unauthenticated"] };

/** The user behind a request; anonymous without credentials; undefined (401) where credentials are wrong. */
export function authenticate(credentials: Credentials, context: AuthenticationContext): User | undefined {
  const { authorization, certificateSubject } = credentials;
  const [commonName] = [certificateSubject?.CN ?? []].flat();
  if (commonName) {
    return { username: commonName, groups: [...[certificateSubject?.O ?? []].flat(), "system:authenticated"] };
  }
  if (authorization === undefined || authorization === "") return anonymous;
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  return token === undefined ? undefined : userOfToken(token, context);
}

/** The user of a bearer token, as authentication and TokenReview ask. */
export function userOfToken(token: string, { staticTokens, tokens, reader, now }: AuthenticationContext) {
  for (const [known, user] of staticTokens) {
    const left = Buffer.from(known), right = Buffer.from(token);
    if (left.length === right.length && timingSafeEqual(left, right)) return user;
  }
  return tokens.verify(token, reader, now);
}
