import { Agent, request } from "undici";
import { OidcKeySet } from "./oidc-key-set.ts";

/** Where an issuer's keys are. */
export interface OidcSource {
  /** What `iss` must be, to the letter. */
  readonly issuer: string;
  /** Its JSON Web Key Set; absent: as its discovery document says. */
  readonly jwksUrl?: string | undefined;
}

const MAX_DOCUMENT_BYTES = 1_048_576;
const TIMEOUT_MS = 5_000;

/** A connection per request: there are two in an hour. */
const agent = new Agent({ maxResponseSize: MAX_DOCUMENT_BYTES, pipelining: 0 });

/**
 * Fetches the keys of an issuer, by OpenID Connect Discovery §4 where it is not told where they are.
 * @throws {Error} saying what is wrong with the issuer, or undici's error
 */
export async function fetchOidcKeys({ issuer, jwksUrl }: OidcSource): Promise<OidcKeySet> {
  return new OidcKeySet(await fetchJson(jwksUrl ?? (await discoveredJwksUrl(issuer))));
}

async function discoveredJwksUrl(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { issuer: named, jwks_uri: jwksUrl } = await fetchJson(url);
  // §4.3: else one issuer could have tokens taken for those of another.
  if (named !== issuer) throw new Error(`${url} is of another issuer, ${JSON.stringify(named)}`);
  if (typeof jwksUrl !== "string" || !isAsSafeAs(issuer, jwksUrl))
    throw new Error(`${url} has no jwks_uri that could be used`);
  return jwksUrl;
}

function isAsSafeAs(issuer: string, url: string): boolean {
  const { protocol } = URL.parse(url) ?? {};
  return protocol === "https:" || (protocol === "http:" && issuer.startsWith("http:"));
}

/**
 * Fetches a JSON object; redirects are not followed.
 * @throws {Error} saying what is wrong with it, or undici's error
 */
export async function fetchJson(
  url: string,
  timeoutMs: number = TIMEOUT_MS,
): Promise<Readonly<Record<string, unknown>>> {
  const { statusCode, body } = await request(url, {
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(timeoutMs),
    dispatcher: agent,
  });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`${url} answered ${statusCode}`);
  }
  const value: unknown = await body.json();
  if (typeof value !== "object" || value === null) throw new Error(`${url} did not answer a JSON object`);
  return value as Readonly<Record<string, unknown>>;
}
