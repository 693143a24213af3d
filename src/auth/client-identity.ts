import type { ClientIdentity, TransportName } from "../core/identity.ts";
import type { VerifiedToken } from "./token-verifier.ts";

/** Bits of `asrs.s.htt`: ASP.NET Core's `HttpTransportType`. */
const TRANSPORT_BITS: readonly (readonly [bit: number, name: TransportName])[] = [
  [1, "WebSockets"],
  [2, "ServerSentEvents"],
  [4, "LongPolling"],
];

type Claims = ClientIdentity["claims"];

/**
 * Reads who a client is from its token. System claims (docs/spec/service-protocol.md §2.4) are taken as text or number;
 * one whose value makes no sense counts as absent, and so does an empty user id.
 */
export function clientIdentity(token: VerifiedToken): ClientIdentity {
  const claims = readClaims(token.encodedClaims);
  return {
    userId: first(claims, "asrs.s.uid") || first(claims, "nameid") || first(claims, "sub") || undefined,
    claims,
    transports: transportsOf(first(claims, "asrs.s.htt")),
    handshakeTimeoutMs: secondsAsMs(first(claims, "asrs.s.cht"), 30),
    pollIdleMs: secondsAsMs(first(claims, "asrs.s.ttl"), 300),
    detailedErrors: isTrue(first(claims, "asrs.s.derror")),
    closeAtMs: isTrue(first(claims, "asrs.s.coae"))
      ? secondsAsMs(first(claims, "asrs.s.aeo"), Number.MAX_SAFE_INTEGER / 1000)
      : undefined,
  };
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

function first(claims: Claims, type: string): string | undefined {
  return claims.find(([claimType]) => claimType === type)?.[1];
}

function transportsOf(mask: string | undefined): readonly TransportName[] {
  const bits = wholeNumber(mask) ?? 0;
  const named = TRANSPORT_BITS.filter(([bit]) => (bits & bit) !== 0);
  return (named.length > 0 ? named : TRANSPORT_BITS).map(([, name]) => name);
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
