import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { MALFORMED, type RefusedToken, UNKNOWN_KEY, UNSIGNED } from "./refusal.ts";
import type { VerifiedToken } from "./signature.ts";

/** Hash functions of the algorithms that access keys are used with, RFC 7518 §3.2. */
const HASHES: Readonly<Record<string, string>> = { HS256: "sha256", HS512: "sha512" };

/**
 * Reads tokens that are signed with one of a few access keys: HS256 or HS512, keyed with the UTF-8 bytes of the text. It looks
 * at the signature alone: times and audience are for its caller to check.
 *
 * This is node's HMAC and a comparison, without a library, because every connect and every REST call pays for it: a third
 * of the time that a general verifier takes (docs/adr/0007-verify-access-key-tokens-with-node-crypto.md).
 */
export class HmacReader {
  /** The key that last fitted comes first. */
  readonly #keys: KeyObject[];
  /** Tokens of one maker all have the same header. */
  #last: { readonly header: string; readonly hash: string | undefined } | undefined;

  constructor(accessKeys: readonly string[]) {
    this.#keys = accessKeys.map((key) => createSecretKey(key, "utf8"));
  }

  /** The token, if one of the keys has signed it. Never throws. */
  read(token: string): VerifiedToken | RefusedToken {
    const [header = "", claims = "", signature, rest] = token.split(".", 4);
    if (signature === undefined || rest !== undefined) return MALFORMED;
    if (header !== this.#last?.header) {
      const fields = jsonObject(header);
      // Extensions that must be understood are not, RFC 7515 §4.1.11.
      if (fields === undefined || fields["crit"] !== undefined) return MALFORMED;
      this.#last = { header, hash: hashOf(fields) };
    }
    if (signature === "") return UNSIGNED;
    const { hash } = this.#last;
    if (hash === undefined) return UNKNOWN_KEY;
    const given = Buffer.from(signature, "latin1");
    const signed = `${header}.${claims}`;
    const index = this.#keys.findIndex((key) => {
      const expected = Buffer.from(createHmac(hash, key).update(signed).digest("base64url"), "latin1");
      return expected.length === given.length && timingSafeEqual(expected, given);
    });
    if (index < 0) return UNKNOWN_KEY;
    if (index > 0) this.#keys.unshift(...this.#keys.splice(index, 1));
    const decoded = jsonObject(claims);
    return decoded === undefined ? MALFORMED : { ok: true, claims: decoded, encodedClaims: claims };
  }
}

/** The hash function of the signature; `undefined` for what is not HMAC. */
function hashOf({ alg }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof alg === "string" && Object.hasOwn(HASHES, alg) ? HASHES[alg] : undefined;
}

function jsonObject(segment: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, "base64url").toString());
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // Not JSON: the token is malformed.
    return undefined;
  }
}
