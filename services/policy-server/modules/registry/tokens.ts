import { z } from "zod";
import type { RegistryCredentials } from "../../../../contracts/docker-config.ts";
import { KubewardenError } from "../../../../contracts/errors.ts";
import { wholeOf } from "../../../../runtime/net/net.ts";
import { type NetStream, withoutCredentials } from "../../../../runtime/net/stream.ts";
import { basicAuthorization, type SourceClient } from "../sources/client.ts";
import { statusError } from "../sources/status.ts";
import type { Challenge } from "./challenge.ts";

/** A value for the header `authorization`, and until when it is good (milliseconds since 1970). */
export type Authorization = { header: string; expiresAt: number };

export type TokenWish = {
  challenge: Challenge;
  credentials: RegistryCredentials | undefined;
  /** `repository:<name>:<actions>`. */
  scope: string;
  signal: AbortSignal;
};

const tokenAnswer = z.object({
  token: z.string().min(1).nullish(),
  access_token: z.string().min(1).nullish(),
  expires_in: z.number().nullish(),
});

/** What the distribution specification says of answers without a time. */
const defaultSeconds = 60;
const maxBytes = 1_000_000;

/**
 * Gets a token from the place that a registry's challenge names: by GET, with user and password if there are some; by POST
 * (OAuth2, `refresh_token`) for an identity token. Throws codes of `DOWNLOAD_`.
 */
export async function fetchToken(client: SourceClient, wish: TokenWish): Promise<Authorization> {
  const { realm = "" } = wish.challenge.params;
  const place = URL.parse(realm);
  if (place === null) throw failed("the registry does not say where it has its tokens");
  const asked = Date.now();
  const answer = wish.credentials?.kind === "identity-token"
    ? await exchangeIdentity(client, place, { ...wish, token: wish.credentials.token })
    : await askWithPassword(client, place, wish);
  return await readToken(answer, asked);
}

async function askWithPassword(client: SourceClient, place: URL, wish: TokenWish): Promise<NetStream> {
  const { challenge: { params: { service } }, credentials, scope, signal } = wish;
  const url = new URL(place);
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.append("scope", scope);
  const authorization = credentials?.kind === "password" ? basicAuthorization(credentials) : undefined;
  return await client.open(url.href, { authorization, signal });
}

async function exchangeIdentity(
  client: SourceClient,
  place: URL,
  { challenge: { params: { service = "" } }, scope, token, signal }: TokenWish & { token: string },
): Promise<NetStream> {
  const form = { grant_type: "refresh_token", client_id: "kubewarden-edge", service, scope, refresh_token: token };
  return await client.open(place.href, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
    signal,
  });
}

async function readToken(answer: NetStream, asked: number): Promise<Authorization> {
  const { url, status, body } = answer;
  if (status !== 200) {
    answer.close();
    throw statusError(withoutCredentials(url), status, "no token");
  }
  const parsed = tokenAnswer.safeParse(jsonOf(await wholeOf(body, { url, maxBytes }))).data;
  const token = parsed?.token ?? parsed?.access_token;
  if (!token) throw failed(`"${withoutCredentials(url)}" answered without a token`);
  const seconds = parsed?.expires_in ?? defaultSeconds;
  // Renewed a little before, so that none expires on its way.
  return { header: `Bearer ${token}`, expiresAt: asked + seconds * 900 };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // The parser's words would quote a token.
  }
}

function failed(why: string): KubewardenError {
  return new KubewardenError("DOWNLOAD_UNAUTHORIZED", `Cannot get a token: ${why}`);
}
