import type { ClientIdentity, TransportName } from "../core/identity.ts";
import type { VerifiedToken } from "./signature.ts";

/** Bits of `asrs.s.htt`: ASP.NET Core's `HttpTransportType`. */
const TRANSPORT_BITS: readonly (readonly [bit: number, name: TransportName])[] = [
  [1, "WebSockets"],
  [2, "ServerSentEvents"],
  [4, "LongPolling"],
];

const ALL_TRANSPORTS: readonly TransportName[] = TRANSPORT_BITS.map(([, name]) => name);

type Claims = ClientIdentity["claims"];

/**
 * Reads who a client is from its token. System claims (docs/spec/service-protocol.md §2.4) are taken as text or number;
 * one whose value makes no sense counts as absent, and so does an empty user id.
 */
export function clientIdentity(token: VerifiedToken): ClientIdentity {
  return new TokenIdentity(token);
}

/** What a client's application says of it after it was authenticated anew. */
export interface RefreshedAuthentication {
  /** Milliseconds since the epoch; `undefined` to leave the expiry as it is. */
  readonly expiresAtMs: number | undefined;
  /** `undefined` to leave the claims as they are. */
  readonly claims: Claims | undefined;
}

/**
 * Who a client is after it was authenticated anew, docs/spec/service-protocol.md §5.9. Its user, transports and time limits
 * stay; the expiry counts only where the client's token had it closed at its expiry.
 * @returns `undefined` where the claims name another user; claims that name none are taken
 */
export function refreshedIdentity(
  identity: ClientIdentity,
  { expiresAtMs, claims }: RefreshedAuthentication,
): ClientIdentity | undefined {
  const { userId, transports, handshakeTimeoutMs, pollIdleMs, detailedErrors, closeAtMs } = identity;
  const named = claims && userOf(claims);
  if (named !== undefined && named !== userId) return undefined;
  return {
    userId,
    claims: claims ?? identity.claims,
    transports,
    handshakeTimeoutMs,
    pollIdleMs,
    detailedErrors,
    closeAtMs: closeAtMs && (expiresAtMs ?? closeAtMs),
  };
}

/** The claims that name the user, the one that counts first; the last as .NET calls `nameid`. */
const USER_CLAIMS = [
  "asrs.s.uid",
  "nameid",
  "sub",
  "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
];

function userOf(claims: Claims): string | undefined {
  const values = USER_CLAIMS.map((name) => claims.find(([type]) => type === name)?.[1]);
  return values.find(Boolean);
}

/** Keeps the claims as the token has them: a client is held for hours, and its claims are asked for once or never. */
class TokenIdentity implements ClientIdentity {
  readonly userId: string | undefined;
  readonly transports: readonly TransportName[];
  readonly handshakeTimeoutMs: number | undefined;
  readonly pollIdleMs: number | undefined;
  readonly detailedErrors: boolean;
  readonly closeAtMs: number | undefined;
  readonly #encodedClaims: string;

  constructor({ claims, encodedClaims }: VerifiedToken) {
    this.#encodedClaims = encodedClaims;
    const first = (type: string): string | undefined => this.#first(claims, type);
    this.userId = first("asrs.s.uid") || first("nameid") || first("sub") || undefined;
    this.transports = transportsOf(first("asrs.s.htt"));
    this.handshakeTimeoutMs = secondsAsMs(first("asrs.s.cht"), 30);
    this.pollIdleMs = secondsAsMs(first("asrs.s.ttl"), 300);
    this.detailedErrors = isTrue(first("asrs.s.derror"));
    this.closeAtMs = isTrue(first("asrs.s.coae"))
      ? secondsAsMs(first("asrs.s.aeo"), Number.MAX_SAFE_INTEGER / 1000)
      : undefined;
  }

  get claims(): Claims {
    return readClaims(this.#encodedClaims);
  }

  /** The first value of a claim, as in `claims`. */
  #first(decoded: VerifiedToken["claims"], type: string): string | undefined {
    const value = decoded[type];
    if (value === undefined || typeof value === "string") return value;
    return this.claims.find(([claimType]) => claimType === type)?.[1];
  }
}

/**
 * The claims as .NET lists them: an array is several claims, `null` an empty text, what is no text its JSON text. Numbers keep
 * every digit. (A claim whose type is a whole number comes before the others, as in any JavaScript object.)
 */
function readClaims(encodedClaims: string): Claims {
  const json = Buffer.from(encodedClaims, "base64url").toString();
  const payload = JSON.parse(json, withExactNumbers) as Readonly<Record<string, unknown>>;
  return Object.entries(payload).flatMap(([type, value]) =>
    (Array.isArray(value) ? value : [value]).map((item: unknown) => [type, claimText(item)] as const),
  );
}

function claimText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null ? "" : JSON.stringify(value);
}

// TypeScript's library does not have these yet; https://github.com/tc39/proposal-json-parse-with-source is in V8 since 11.4.
const { rawJSON } = JSON as typeof JSON & { rawJSON(this: void, text: string): unknown };

function withExactNumbers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" && context?.source !== undefined ? rawJSON(context.source) : value;
}

function transportsOf(mask: string | undefined): readonly TransportName[] {
  const bits = wholeNumber(mask) ?? 0;
  const named = TRANSPORT_BITS.filter(([bit]) => (bits & bit) !== 0);
  return named.length === 0 ? ALL_TRANSPORTS : named.map(([, name]) => name);
}

function secondsAsMs(text: string | undefined, maxSeconds: number): number | undefined {
  const seconds = wholeNumber(text);
  return seconds !== undefined && seconds >= 1 && seconds <= maxSeconds ? seconds * 1000 : undefined;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function isTrue(text: string | undefined): boolean {
  return text?.toLowerCase() === "true";
}
