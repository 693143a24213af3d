import { createSigner } from "fast-jwt";

/** What every token that we sign needs. */
interface TokenRequest {
  readonly accessKey: string;
  /** A whole number above 0. */
  readonly lifetimeSeconds: number;
  /** Now, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** Further claims; `nbf`, `exp`, `iat` and `aud` are always ours. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** Signs a token as Azure's SDKs do: HS256 with the UTF-8 bytes of the access key, docs/spec/service-protocol.md §2.1. */
export function mintToken(request: TokenRequest & { readonly audience: string }): string {
  const iat = Math.floor(request.nowMs / 1000);
  const sign = createSigner({ key: request.accessKey, algorithm: "HS256" });
  return sign({
    ...request.claims,
    nbf: iat,
    exp: iat + request.lifetimeSeconds,
    iat,
    aud: request.audience,
  });
}

/**
 * Signs a token that opens `/client` of a hub.
 * @param request `endpoint` is any URL of the service, of which the audience has scheme and host; `hub` the full name, see `hubName`
 */
export function mintClientToken(
  request: TokenRequest & {
    readonly endpoint: string;
    readonly hub: string;
    readonly userId?: string | undefined;
  },
): string {
  const { protocol, hostname } = new URL(request.endpoint);
  const audience = `${protocol}//${hostname}/client/?hub=${encodeURIComponent(request.hub.toLowerCase())}`;
  const userClaim = request.userId === undefined ? {} : { "asrs.s.uid": request.userId };
  return mintToken({ ...request, audience, claims: { ...request.claims, ...userClaim } });
}

/** Signs a token for one REST operation: the one at `url`, whose query does not count. */
export function mintRestToken(request: TokenRequest & { readonly url: string }): string {
  return mintToken({ ...request, audience: request.url.replace(/[?#].*$/s, "") });
}
