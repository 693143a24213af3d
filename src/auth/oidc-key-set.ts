import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { type Algorithm, TokenError } from "fast-jwt";
import { type ReadSigned, readerOfSigned, type VerifiedToken } from "./signature.ts";
import type { TokenHeader } from "./unverified-token.ts";

const RSA_ALGORITHMS: readonly Algorithm[] = ["RS256", "RS384", "RS512", "PS256"];
const ALGORITHM_OF_CURVE: Readonly<Record<string, Algorithm>> = { prime256v1: "ES256", secp384r1: "ES384" };
const MIN_RSA_BITS = 2048; // RFC 7518 §3.3

interface PublicKey {
  readonly kid: unknown;
  readonly algorithms: readonly unknown[];
  readonly read: ReadSigned;
}

/** The public keys of an issuer: its JSON Web Key Set, RFC 7517. */
export class OidcKeySet {
  readonly #keys: readonly PublicKey[];

  /**
   * Keys that are for something else, broken, too weak or secret are left out, as RFC 7517 §5 wants. Since each key is bound
   * to its algorithms, no token can have its signature checked in another way than its issuer meant.
   * @throws {Error} when no key is left
   */
  constructor(document: Readonly<Record<string, unknown>>) {
    const keys: readonly unknown[] = Array.isArray(document["keys"]) ? document["keys"] : [];
    this.#keys = keys.flatMap((key) => publicKey(Object(key)) ?? []);
    if (this.#keys.length === 0) throw new Error("the key set has no key that tokens could be checked with");
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Reads a token if its signature fits the key that its header names. */
  read(token: string, { alg, kid }: TokenHeader): VerifiedToken | undefined {
    const named = this.#keys.filter(
      (key) => key.algorithms.includes(alg) && (kid === undefined || key.kid === kid),
    );
    // Only where there is no choice may a token leave out the name, OpenID Connect Core §10.1.
    if (kid === undefined && named.length > 1) return undefined;
    for (const { read } of named) {
      try {
        return read(token);
      } catch (error) {
        if (!(error instanceof TokenError)) throw error;
      }
    }
    return undefined;
  }
}

function publicKey(jwk: Readonly<Record<string, unknown>>): PublicKey | undefined {
  const { kid, use = "sig", key_ops: operations, alg } = jwk;
  const isForSignatures =
    use === "sig" && (!Array.isArray(operations) || (operations as unknown[]).includes("verify"));
  if (!isForSignatures) return undefined;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
  } catch {
    return undefined; // among others a secret, which has no public key
  }
  const algorithms = algorithmsOf(key).filter((each) => alg === undefined || alg === each);
  if (algorithms.length === 0) return undefined;
  const pem = key.export({ type: "spki", format: "pem" }).toString();
  return { kid, algorithms, read: readerOfSigned(pem, algorithms) };
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): readonly Algorithm[] {
  const { modulusLength = 0, namedCurve = "" } = asymmetricKeyDetails;
  if (asymmetricKeyType === "rsa") return modulusLength >= MIN_RSA_BITS ? RSA_ALGORITHMS : [];
  const algorithm = asymmetricKeyType === "ec" ? ALGORITHM_OF_CURVE[namedCurve] : undefined;
  return algorithm === undefined ? [] : [algorithm];
}
