/** What the header of a token says about its signature: unchecked, and of any type. */
export interface TokenHeader {
  readonly alg?: unknown;
  readonly kid?: unknown;
}

/** Reads the header of what may be a token. Never fails: what cannot be read says nothing. */
export function unverifiedHeader(token: string): TokenHeader {
  return segmentOf(token, 0);
}

/** Reads the claims of what may be a token, which anyone can have written. Never fails: what cannot be read claims nothing. */
export function unverifiedClaims(token: string): Readonly<Record<string, unknown>> {
  return segmentOf(token, 1);
}

function segmentOf(token: string, index: number): Readonly<Record<string, unknown>> {
  try {
    const segment = token.split(".", index + 1)[index] ?? "";
    return Object(JSON.parse(Buffer.from(segment, "base64url").toString()));
  } catch {
    return {};
  }
}
