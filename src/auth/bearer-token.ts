const SCHEME = "bearer ";

/**
 * The token of a request: of its `Authorization: Bearer` header, else the last `access_token` of its query.
 * @param accessTokens all `access_token` values of the query; none where the request must use the header
 */
export function bearerToken(
  authorization: string | undefined,
  accessTokens: readonly string[],
): string | undefined {
  const isBearer = authorization?.slice(0, SCHEME.length).toLowerCase() === SCHEME;
  const ofHeader = isBearer ? authorization?.slice(SCHEME.length).trim() : undefined;
  return ofHeader || accessTokens.at(-1) || undefined;
}
