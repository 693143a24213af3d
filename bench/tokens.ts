import { createHmac } from "node:crypto";

/** What a token says, beyond its times. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * Signs a JSON Web Token with HS256 and an expiry one hour from now.
 * Deliberately none of Hubwire's own code: a token made elsewhere is what the service meets in production.
 */
export function mintToken(accessKey: string, claims: Claims): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const signed = `${header}.${encode({ nbf: nowSeconds - 5, exp: nowSeconds + 3600, ...claims })}`;
  return `${signed}.${createHmac("sha256", accessKey).update(signed).digest("base64url")}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

const header = encode({ alg: "HS256", typ: "JWT" });
