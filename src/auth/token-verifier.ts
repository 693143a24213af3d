import { createVerifier, TokenError } from "fast-jwt";
import type { Clock } from "../core/clock.ts";

/** A token that was signed with one of our keys, is valid now and is for this request. */
export interface VerifiedToken {
  readonly ok: true;
  /** All claims. Numbers that a double cannot hold are rounded here; `clientIdentity` reads them exactly. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The claims as the token has them: JSON in base64url. */
  readonly encodedClaims: string;
}

/** Why a request without a good token gets 401. Has no text of the token in it. */
export interface RefusedToken {
  readonly ok: false;
  /** The value of `WWW-Authenticate`: that of ASP.NET Core's JwtBearer, as Azure answers, docs/spec/rest-api.md §2.5. */
  readonly challenge: string;
  /** For the log. */
  readonly reason: string;
}

type Verify = (token: string) => { payload: Record<string, unknown>; input: string };

const SKEW_SECONDS = 300;
const LAST_DOTNET_SECOND = 253_402_300_799;
const NO_TOKEN: RefusedToken = { ok: false, challenge: "Bearer", reason: "The request has no token" };
const MALFORMED: RefusedToken = {
  ok: false,
  challenge: 'Bearer error="invalid_token"',
  reason: "The token is not a JSON Web Token",
};
const UNSIGNED = refused("The signature is invalid");
const UNKNOWN_KEY = refused("The signature key was not found");
const WRONG_AUDIENCE = refused("The audience is invalid");

/**
 * Checks tokens that were signed with one of the access keys: HS256 or HS512, keyed with the UTF-8 bytes of the text.
 * Every key is tried whatever the token's `kid`, which SDKs fill with a number of their own process. A token has no limit
 * of its own: the limits for headers and URLs hold.
 */
export class TokenVerifier {
  /** One per access key; the one that last fitted comes first, since a wrong one costs ten times a right one. */
  readonly #verifiers: Verify[];
  readonly #clock: Clock;

  constructor(accessKeys: readonly string[], clock: Clock) {
    // Times are checked here, by our clock. No cache: REST callers make a token per call, for which it costs more than it saves.
    this.#verifiers = accessKeys.map((key) =>
      createVerifier({
        key,
        algorithms: ["HS256", "HS512"],
        complete: true,
        ignoreExpiration: true,
        ignoreNotBefore: true,
      }),
    );
    this.#clock = clock;
  }

  /**
   * Checks the signature, then the times (5 minutes of skew, `exp` required), then the audience.
   * @param allows whether the token's `aud` is for this request, see `audience.ts`
   */
  verify(token: string | undefined, allows: (audience: unknown) => boolean): VerifiedToken | RefusedToken {
    if (!token) return NO_TOKEN;
    const verified = this.#verifySignature(token);
    if (!verified.ok) return verified;
    const { claims } = verified;
    const problem = lifetimeProblem(claims["nbf"], claims["exp"], this.#clock.epochMs() / 1000);
    if (problem !== undefined) return refused(problem);
    return allows(claims["aud"]) ? verified : WRONG_AUDIENCE;
  }

  /** As `verify`, for a connection that is established: the times of its token do not count any more. */
  verifyRegardlessOfTime(
    token: string | undefined,
    allows: (audience: unknown) => boolean,
  ): VerifiedToken | RefusedToken {
    if (!token) return NO_TOKEN;
    const verified = this.#verifySignature(token);
    return !verified.ok || allows(verified.claims["aud"]) ? verified : WRONG_AUDIENCE;
  }

  #verifySignature(token: string): VerifiedToken | RefusedToken {
    for (const [index, verify] of this.#verifiers.entries()) {
      try {
        const { payload, input } = verify(token);
        if (index > 0) this.#verifiers.unshift(...this.#verifiers.splice(index, 1));
        return { ok: true, claims: payload, encodedClaims: input.slice(input.indexOf(".") + 1) };
      } catch (error) {
        if (!(error instanceof TokenError)) throw error;
        if (error.code === TokenError.codes.missingSignature) return UNSIGNED;
        const mayFitAnotherKey =
          error.code === TokenError.codes.invalidSignature ||
          error.code === TokenError.codes.invalidAlgorithm;
        if (!mayFitAnotherKey) return MALFORMED;
      }
    }
    return UNKNOWN_KEY;
  }
}

/** What is wrong with the times of a token, in the words of JwtBearer, which it checks in this order. */
function lifetimeProblem(nbf: unknown, exp: unknown, nowSeconds: number): string | undefined {
  if (typeof exp !== "number") return "The token has no expiration";
  if (typeof nbf === "number" && nbf > exp)
    return `The token lifetime is invalid; NotBefore: '${dotnetTime(nbf)}', Expires: '${dotnetTime(exp)}'`;
  if (typeof nbf === "number" && nbf > nowSeconds + SKEW_SECONDS)
    return `The token is not valid before '${dotnetTime(nbf)}'`;
  if (exp < nowSeconds - SKEW_SECONDS) return `The token expired at '${dotnetTime(exp)}'`;
  return undefined;
}

/** `MM/dd/yyyy HH:mm:ss` in UTC: a .NET `DateTime` in the invariant culture, within the years that it and `Date` have. */
function dotnetTime(seconds: number): string {
  const inRange = Math.min(Math.max(seconds, 0), LAST_DOTNET_SECOND);
  const [date = "", time = ""] = new Date(inRange * 1000).toISOString().split(/[T.]/);
  const [year, month, day] = date.split("-");
  return `${month}/${day}/${year} ${time}`;
}

function refused(description: string): RefusedToken {
  return {
    ok: false,
    challenge: `Bearer error="invalid_token", error_description="${description}"`,
    reason: description,
  };
}
