import { type Algorithm, createVerifier } from "fast-jwt";

/** A token that was signed with one of our keys, is valid now and is for this request. */
export interface VerifiedToken {
  readonly ok: true;
  /** All claims. Numbers that a double cannot hold are rounded here; `clientIdentity` reads them exactly. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The claims as the token has them: JSON in base64url. */
  readonly encodedClaims: string;
}

/** Reads a token that is signed with one certain key. @throws {TokenError} what is wrong with token or signature */
export type ReadSigned = (token: string) => VerifiedToken;

/**
 * Makes a reader that looks at the signature alone: times, audience and issuer are for its caller to check.
 * @param key an access key (HMAC is keyed with the UTF-8 bytes of its text), or a public key in PEM
 * @param algorithms all that the key may be used with, whatever a token says
 */
export function readerOfSigned(key: string, algorithms: readonly Algorithm[]): ReadSigned {
  // Times are checked by our clock. No cache: callers make a token per call, for which it costs more than it saves.
  const verify = createVerifier({
    key,
    algorithms: [...algorithms],
    complete: true,
    ignoreExpiration: true,
    ignoreNotBefore: true,
  }) as (token: string) => { payload: Record<string, unknown>; input: string };
  return (token) => {
    const { payload, input } = verify(token);
    return { ok: true, claims: payload, encodedClaims: input.slice(input.indexOf(".") + 1) };
  };
}
