/** Why a request without a good token gets 401. Has no text of the token in it. */
export interface RefusedToken {
  readonly ok: false;
  readonly status: 401;
  /** The value of `WWW-Authenticate`: that of ASP.NET Core's JwtBearer, as Azure answers, docs/spec/rest-api.md §2.5. */
  readonly challenge: string;
  /** For the log. */
  readonly reason: string;
}

/** Why a caller gets nothing whose token is not to blame: it may not do this (403), or cannot be checked at the moment (503). */
export interface DeniedCaller {
  readonly ok: false;
  readonly status: 403 | 503;
  /** For the caller and the log. */
  readonly reason: string;
}

export const NO_TOKEN: RefusedToken = {
  ok: false,
  status: 401,
  challenge: "Bearer",
  reason: "The request has no token",
};
export const MALFORMED: RefusedToken = {
  ok: false,
  status: 401,
  challenge: 'Bearer error="invalid_token"',
  reason: "The token is not a JSON Web Token",
};
export const UNSIGNED: RefusedToken = refusedToken("The signature is invalid");
export const UNKNOWN_KEY: RefusedToken = refusedToken("The signature key was not found");
export const WRONG_ISSUER: RefusedToken = refusedToken("The issuer is invalid");
export const WRONG_AUDIENCE: RefusedToken = refusedToken("The audience is invalid");

/** @param description in the words of JwtBearer, and fit for a quoted header value */
export function refusedToken(description: string): RefusedToken {
  return {
    ok: false,
    status: 401,
    challenge: `Bearer error="invalid_token", error_description="${description}"`,
    reason: description,
  };
}
