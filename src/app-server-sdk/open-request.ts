import type { ServiceClaims, ServiceHeaders, ServiceMessage } from "../protocol/service-message.ts";

export type OpenConnection = Extract<ServiceMessage, { type: "openConnection" }>;

const USER_ID = "asrs.s.uid";
/** The claims that name a user, by the names that the service gives them. */
const NAME_IDENTIFIERS = [
  USER_ID,
  "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
  "nameid",
  "sub",
];
/** Of the token, not of the user; docs/spec/service-protocol.md §2.4. */
const RESERVED = new Set([
  "aud",
  "exp",
  "iat",
  "nbf",
  "iss",
  "actort",
  "acr",
  "azp",
  "c_hash",
  "jti",
  "nonce",
]);
const RENAMED = "asrs.u.";
const SYSTEM = "asrs.s.";

/** Whether a token has a claim of this name for itself. */
export function isReservedClaim(name: string): boolean {
  return RESERVED.has(name);
}

/** What a claim is called in a token where the token needs its name. */
export function renamedClaim(name: string): string {
  return `${RENAMED}${name}`;
}

/** The user that the claims name. */
export function userIdOf(claims: ServiceClaims): string | undefined {
  for (const name of NAME_IDENTIFIERS) {
    const value = claims.find(([type]) => type === name)?.[1];
    if (value) return value;
  }
  return undefined;
}

/** The claims of the user, without those that are for the service. */
export function userClaims(claims: ServiceClaims): ServiceClaims {
  return claims.flatMap(([type, value]) => {
    if (type.startsWith(RENAMED)) return [[type.slice(RENAMED.length), value] as const];
    return RESERVED.has(type) || type.startsWith(SYSTEM) ? [] : [[type, value] as const];
  });
}

/** Headers by name in lower case; several values of one are joined, as node does. */
export function headersByName(headers: ServiceHeaders): Readonly<Record<string, string>> {
  const byName: Record<string, string> = Object.create(null);
  for (const [name, values] of headers) byName[name.toLowerCase()] = values.join(", ");
  return byName;
}

/** The values of a header that is meant for app servers. */
export function headerValues(headers: ServiceHeaders, name: string): readonly string[] | undefined {
  const lowerCase = name.toLowerCase();
  return headers.find(([other]) => other.toLowerCase() === lowerCase)?.[1];
}
