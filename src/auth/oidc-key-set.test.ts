import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type IssuerKey, issuerKey, issuerToken } from "../../test/support/oidc-issuer.ts";
import { OidcKeySet } from "./oidc-key-set.ts";

const rsa = issuerKey("RS256", "rsa");
const ec = issuerKey("ES256", "ec");

/** Whether a set with this key takes a token that it signed, or has no use for the key at all. */
function takes(jwk: object, key: IssuerKey = rsa): boolean | "left out" {
  const keys = new OidcKeySet({ keys: [ec.jwk, jwk] });
  const { alg, kid } = key;
  return keys.size === 1 ? "left out" : keys.read(issuerToken(key, { sub: "a" }), { alg, kid }) !== undefined;
}

describe("OidcKeySet", () => {
  test("takes keys for signatures, whatever else is said about them", () => {
    const plain = { kty: rsa.jwk.kty, n: rsa.jwk.n, e: rsa.jwk.e, kid: "rsa" };
    for (const more of [
      {},
      { use: "sig" },
      { key_ops: ["verify"] },
      { alg: "RS256" },
      { x5c: ["?"], x5t: 1 },
    ])
      assert.equal(takes({ ...plain, ...more }), true);
  });

  test("leaves out keys for something else, broken, weak, secret and of other kinds", () => {
    const secret = Buffer.alloc(32).toString("base64url");
    const ed = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
    for (const jwk of [
      { ...rsa.jwk, use: "enc" },
      { ...rsa.jwk, key_ops: ["encrypt"] },
      { ...rsa.jwk, alg: "RSA-OAEP" },
      { ...rsa.jwk, alg: "HS256" },
      { ...rsa.jwk, alg: "PS512" },
      { ...rsa.jwk, n: undefined },
      { ...ec.jwk, kid: "x", x: "AA" },
      { kty: "oct", k: secret, kid: "rsa" },
      { kty: "oct", k: secret, kid: "rsa", alg: "HS256" },
      issuerKey("RS256", "weak", 1024).jwk,
      issuerKey("ES512", "es512").jwk,
      { ...ed, kid: "ed" },
      {},
    ])
      assert.equal(takes(jwk), "left out", JSON.stringify(jwk));
    for (const nothing of [null, 1, "key", [rsa.jwk]])
      assert.equal(new OidcKeySet({ keys: [ec.jwk, nothing] }).size, 1);
  });

  test("knows keys of one name apart", () => {
    const other = issuerKey("RS256", "rsa");
    const keys = new OidcKeySet({ keys: [other.jwk, { ...ec.jwk, kid: "rsa" }, rsa.jwk] });
    const read = (key: IssuerKey): boolean =>
      keys.read(issuerToken(key, {}), { alg: key.alg, kid: "rsa" }) !== undefined;
    assert.deepEqual([rsa, other, { ...ec, kid: "rsa" }, issuerKey("RS256", "rsa")].map(read), [
      true,
      true,
      true,
      false,
    ]);
  });

  test("is refused, or knows no made-up token, whatever the document", () => {
    const member = fc.constantFrom("kty", "n", "e", "crv", "x", "y", "kid", "use", "alg", "key_ops", "k");
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom("RSA", "EC", "oct", "P-256", "sig", rsa.jwk.n));
    const keys = fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(member, value)));
    fc.assert(
      fc.property(fc.record({ keys }), (document) => {
        try {
          assert.equal(new OidcKeySet(document).read("a.b.c", { alg: "RS256" }), undefined);
        } catch (error) {
          assert.match(String(error), /has no key that tokens could be checked with/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
