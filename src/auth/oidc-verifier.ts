import type { Clock } from "../core/clock.ts";
import type { EmitEvent } from "../core/events.ts";
import type { OidcSource } from "./oidc-fetch.ts";
import { OidcKeys } from "./oidc-keys.ts";
import { type OidcRoles, type Permission, rolesWith } from "./oidc-roles.ts";
import {
  type DeniedCaller,
  type RefusedToken,
  refusedToken,
  UNKNOWN_KEY,
  WRONG_AUDIENCE,
  WRONG_ISSUER,
} from "./refusal.ts";
import type { VerifiedToken } from "./signature.ts";
import { lifetimeProblem } from "./token-lifetime.ts";
import { unverifiedClaims, unverifiedHeader } from "./unverified-token.ts";

/** An OpenID Connect issuer, Entra ID or any other, and what its tokens allow. */
export interface OidcIssuer extends OidcSource {
  /** What `aud` may be, to the letter; at least one. */
  readonly audiences: readonly string[];
  /** The claim that lists the roles of a caller. */
  readonly rolesClaim: string;
  readonly roles: OidcRoles;
}

/** What the tokens of issuers may be signed with. Never HMAC: its key would be what an issuer publishes. */
const ASYMMETRIC = /^[REP]S\d/;

/** Checks tokens of issuers: that they are signed by one we trust, valid now and for us, and that their roles suffice. */
export class OidcVerifier {
  readonly #issuers: ReadonlyMap<unknown, { readonly options: OidcIssuer; readonly keys: OidcKeys }>;
  readonly #clock: Clock;

  constructor(issuers: readonly OidcIssuer[], clock: Clock, emit: EmitEvent) {
    this.#issuers = new Map(
      issuers.map((options) => [options.issuer, { options, keys: new OidcKeys(options, clock, emit) }]),
    );
    this.#clock = clock;
  }

  /** Whether this looks like a token of any issuer, trusted or not, rather than one signed with an access key. */
  isMeant(token: string | undefined): token is string {
    const { alg } = unverifiedHeader(token ?? "");
    return this.#issuers.size > 0 && typeof alg === "string" && ASYMMETRIC.test(alg);
  }

  async verify(token: string, needed: Permission): Promise<VerifiedToken | RefusedToken | DeniedCaller> {
    const issuer = this.#issuers.get(unverifiedClaims(token)["iss"]);
    if (issuer === undefined) return WRONG_ISSUER;
    const verified = await issuer.keys.read(token, unverifiedHeader(token));
    if (verified === "unknown key") return UNKNOWN_KEY;
    if (verified === "unreachable")
      return { ok: false, status: 503, reason: "The issuer of the token could not be asked for its keys." };
    return this.#judge(verified, issuer.options, needed);
  }

  #judge(
    verified: VerifiedToken,
    { audiences, rolesClaim, roles }: OidcIssuer,
    needed: Permission,
  ): VerifiedToken | RefusedToken | DeniedCaller {
    const { claims } = verified;
    const problem = lifetimeProblem(claims, this.#clock.epochMs() / 1000);
    if (problem !== undefined) return refusedToken(problem);
    if (!valuesOf(claims["aud"]).some((audience) => audiences.includes(audience))) return WRONG_AUDIENCE;
    const sufficient = rolesWith(needed, roles);
    if (valuesOf(claims[rolesClaim]).some((role) => sufficient.includes(role))) return verified;
    const names = sufficient.map((role) => `'${role}'`).join(", ");
    return {
      ok: false,
      status: 403,
      reason: `The caller has none of the roles that may do this: ${names || "none may"}.`,
    };
  }
}

/** The values of a claim, which may be one or a list. */
function valuesOf(claim: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.filter((value) => typeof value === "string");
}
