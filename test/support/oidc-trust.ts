import type { Permission } from "../../src/auth/oidc-roles.ts";
import { type OidcIssuer, OidcVerifier } from "../../src/auth/oidc-verifier.ts";
import type { HubwireEvent } from "../../src/core/events.ts";
import { ManualClock } from "./manual-clock.ts";
import { type IssuerKey, issuerKey, issuerToken, TestIssuer } from "./oidc-issuer.ts";

export const rsa: IssuerKey = issuerKey("RS256", "rsa");
export const ec: IssuerKey = issuerKey("ES256", "ec");
/** Somebody else's, under the name of `rsa`. */
export const stranger: IssuerKey = issuerKey("RS256", "rsa");

/** A service that trusts an issuer with the keys `rsa` and `ec`. */
export class Trust implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock(Date.UTC(2026, 10, 5, 7, 8, 9));
  readonly events: HubwireEvent[] = [];
  readonly issuer: TestIssuer;
  readonly verifier: OidcVerifier;

  private constructor(issuer: TestIssuer, options: Partial<OidcIssuer>) {
    this.issuer = issuer;
    const emit = (event: HubwireEvent): void => void this.events.push(event);
    this.verifier = new OidcVerifier([{ ...issuer.options, ...options }], this.clock, emit);
  }

  static async start(options: Partial<OidcIssuer> = {}): Promise<Trust> {
    return new Trust(await TestIssuer.start(rsa, ec), options);
  }

  /** A good token, but for these claims and this of its header. */
  token(claims: object = {}, key: IssuerKey = rsa, header: object = {}): string {
    return issuerToken(key, { ...this.issuer.claims(this.clock.epochMs()), ...claims }, header);
  }

  /** `"accepted"`, or the reason it is not. */
  async answer(token: string, permission: Permission = "write"): Promise<string> {
    const result = await this.verifier.verify(token, permission);
    return result.ok ? "accepted" : result.reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.issuer[Symbol.asyncDispose]();
  }
}
