import type { Clock } from "../core/clock.ts";
import { HmacReader } from "./hmac-reader.ts";
import type { IssuedKeys, KeyAge } from "./issued-keys.ts";
import { NO_TOKEN, type RefusedToken, refusedToken, WRONG_AUDIENCE } from "./refusal.ts";
import type { VerifiedToken } from "./signature.ts";
import { lifetimeProblem } from "./token-lifetime.ts";
import { unverifiedHeader } from "./unverified-token.ts";

/**
 * Checks tokens that were signed with one of the access keys: HS256 or HS512, keyed with the UTF-8 bytes of the text.
 * Every key is tried whatever the token's `kid`, which SDKs fill with a number of their own process; only where `kid` is that
 * of an issued key, that key alone counts. A token has no limit of its own: the limits for headers and URLs hold.
 */
export class TokenVerifier {
  readonly #reader: HmacReader;
  #last: { readonly header: string; readonly keyId: unknown } | undefined;
  readonly #clock: Clock;
  readonly #issuedKeys: IssuedKeys | undefined;

  /** @param issuedKeys only where their tokens are taken too, which is for clients */
  constructor(accessKeys: readonly string[], clock: Clock, issuedKeys?: IssuedKeys) {
    this.#reader = new HmacReader(accessKeys);
    this.#clock = clock;
    this.#issuedKeys = issuedKeys;
  }

  /**
   * Checks the signature, then the times (5 minutes of skew, `exp` required), then the audience.
   * @param allows whether the token's `aud` is for this request, see `audience.ts`
   */
  verify(token: string | undefined, allows: (audience: unknown) => boolean): VerifiedToken | RefusedToken {
    if (!token) return NO_TOKEN;
    const verified = this.#verifySignature(token, "valid now");
    if (!verified.ok) return verified;
    const problem = lifetimeProblem(verified.claims, this.#clock.epochMs() / 1000);
    if (problem !== undefined) return refusedToken(problem);
    return allows(verified.claims["aud"]) ? verified : WRONG_AUDIENCE;
  }

  /** As `verify`, for a connection that is established: neither the times of its token nor the age of its key count any more. */
  verifyRegardlessOfTime(
    token: string | undefined,
    allows: (audience: unknown) => boolean,
  ): VerifiedToken | RefusedToken {
    if (!token) return NO_TOKEN;
    const verified = this.#verifySignature(token, "any");
    return !verified.ok || allows(verified.claims["aud"]) ? verified : WRONG_AUDIENCE;
  }

  #verifySignature(token: string, age: KeyAge): VerifiedToken | RefusedToken {
    const issuedKey = this.#issuedKeys?.accessKeyOf(this.#keyIdOf(token), age);
    return (issuedKey === undefined ? this.#reader : new HmacReader([issuedKey])).read(token);
  }

  /** The token's `kid`. Tokens of one maker all have the same header: it is read once. */
  #keyIdOf(token: string): unknown {
    const header = token.slice(0, token.indexOf("."));
    if (header !== this.#last?.header) this.#last = { header, keyId: unverifiedHeader(token).kid };
    return this.#last.keyId;
  }
}
