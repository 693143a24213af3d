import type { Permission } from "./oidc-roles.ts";
import type { OidcVerifier } from "./oidc-verifier.ts";
import type { DeniedCaller, RefusedToken } from "./refusal.ts";
import type { VerifiedToken } from "./signature.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** Whether a caller may do what it asks for. */
export type Authorization = VerifiedToken | RefusedToken | DeniedCaller;

/** What a request needs its token for. */
export interface AuthorizedRequest {
  readonly permission: Permission;
  /** Whether the `aud` of a token that is signed with an access key is for this request, see `audience.ts`. */
  readonly allows: (audience: unknown) => boolean;
}

/**
 * Decides what callers of REST and app servers may do: those with an access key everything that their token is for, those with a
 * token of an issuer what their roles allow. Clients are none of these, see `transports/client-admission.ts`.
 */
export class Authorizer {
  readonly #accessKeys: TokenVerifier;
  readonly #issuers: OidcVerifier;

  constructor(accessKeys: TokenVerifier, issuers: OidcVerifier) {
    this.#accessKeys = accessKeys;
    this.#issuers = issuers;
  }

  /** At once for access keys, which hundreds of thousands of calls per second may use; later for tokens of issuers. */
  authorize(
    token: string | undefined,
    { permission, allows }: AuthorizedRequest,
  ): Authorization | Promise<Authorization> {
    const verified = this.#accessKeys.verify(token, allows);
    if (verified.ok || !this.#issuers.isMeant(token)) return verified;
    return this.#issuers.verify(token, permission);
  }
}
