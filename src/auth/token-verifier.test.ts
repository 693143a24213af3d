import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../core/clock.ts";
import { mintToken } from "./token.ts";
import { TokenVerifier } from "./token-verifier.ts";

const KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH";
const NOW_S = Date.UTC(2026, 10, 5, 7, 8, 9) / 1000;
const AUD = "http://localhost/client/?hub=chat";
const anyAudience = (): boolean => true;

function verifierAt(nowSeconds: number, ...keys: string[]): TokenVerifier {
  return new TokenVerifier(keys, { ...systemClock, epochMs: () => nowSeconds * 1000 });
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token signed with node:crypto alone, so that it may be wrong in every way. */
function handmade(parts: { header?: object; claims?: unknown; key?: string; hash?: string }): string {
  const { header = { alg: "HS256", typ: "JWT" }, claims = { exp: NOW_S + 60, aud: AUD } } = parts;
  const input = `${base64url(header)}.${base64url(claims)}`;
  const hmac = createHmac(parts.hash ?? "sha256", parts.key ?? KEY);
  return `${input}.${hmac.update(input).digest("base64url")}`;
}

function challengeOf(token: string | undefined, verifier: TokenVerifier = verifierAt(NOW_S, KEY)): string {
  const result = verifier.verify(token, anyAudience);
  return result.ok ? "accepted" : result.challenge;
}

const invalid = (description: string): string =>
  `Bearer error="invalid_token", error_description="${description}"`;

describe("TokenVerifier accepts", () => {
  test("HS256 and HS512 tokens keyed with the UTF-8 bytes of the access key", () => {
    const key = "schlüssel/=+";
    const verifier = verifierAt(NOW_S, key);
    assert.equal(challengeOf(handmade({ key }), verifier), "accepted");
    const hs512 = handmade({ key, header: { alg: "HS512" }, hash: "sha512" });
    assert.equal(challengeOf(hs512, verifier), "accepted");
  });

  test("every configured key, whatever the kid", () => {
    const verifier = verifierAt(NOW_S, KEY, "secondary");
    const header = { alg: "HS256", kid: "-1543977" };
    assert.equal(challengeOf(handmade({ header }), verifier), "accepted");
    assert.equal(challengeOf(handmade({ header, key: "secondary" }), verifier), "accepted");
    assert.equal(challengeOf(handmade({ header, key: "secondary" }), verifier), "accepted");
    assert.equal(challengeOf(handmade({ header }), verifier), "accepted");
    assert.equal(
      challengeOf(handmade({ header, key: "third" }), verifier),
      invalid("The signature key was not found"),
    );
  });

  test("a key that looks like a PEM file or a JWK as the secret it is", () => {
    const key = `-----BEGIN PUBLIC KEY-----\n{"kty":"RSA"}`;
    assert.equal(challengeOf(handmade({ key }), verifierAt(NOW_S, key)), "accepted");
  });

  test("a token without nbf, and times that are no whole seconds", () => {
    assert.equal(challengeOf(handmade({ claims: { exp: NOW_S + 0.5 } })), "accepted");
  });

  test("its claims as they are, and the aud that was asked about", () => {
    const claims = { exp: NOW_S + 60, aud: [AUD, "x"], role: ["a", "b"] };
    const asked: unknown[] = [];
    const result = verifierAt(NOW_S, KEY).verify(handmade({ claims }), (aud) => asked.push(aud) === 1);
    assert.ok(result.ok);
    assert.deepEqual(result.claims, claims);
    assert.equal(result.encodedClaims, base64url(claims));
    assert.deepEqual(asked, [[AUD, "x"]]);
  });

  test("a token from 5 minutes before nbf until 5 minutes after exp, by the given clock", () => {
    const token = handmade({ claims: { nbf: NOW_S, exp: NOW_S + 60 } });
    for (const [offset, accepted] of [
      [-301, false],
      [-300, true],
      [0, true],
      [360, true],
      [361, false],
      [-301, false],
    ] as const) {
      const answer = challengeOf(token, verifierAt(NOW_S + offset, KEY));
      assert.equal(answer === "accepted", accepted, `${offset}`);
    }
  });

  test("no token any longer that it has accepted before, once it has expired", () => {
    let nowMs = NOW_S * 1000;
    const verifier = new TokenVerifier([KEY], { ...systemClock, epochMs: () => nowMs });
    const token = mintToken({ accessKey: KEY, audience: AUD, lifetimeSeconds: 1, nowMs });
    assert.equal(challengeOf(token, verifier), "accepted");
    nowMs += 301_001;
    assert.equal(challengeOf(token, verifier), invalid("The token expired at '11/05/2026 07:08:10'"));
  });
});

describe("TokenVerifier refuses with the challenge of ASP.NET Core", () => {
  test("no token", () => {
    assert.equal(challengeOf(undefined), "Bearer");
    assert.equal(challengeOf(""), "Bearer");
  });

  const [header = "", claims = "", signature = ""] = handmade({}).split(".");
  for (const garbage of [
    "garbage",
    ".",
    "..",
    "a.b.c",
    `${header}.${claims}`,
    `${base64url([])}.${claims}.${signature}`,
    handmade({ claims: [1] }),
    handmade({ claims: null }),
    handmade({ header: { alg: "HS256", crit: ["x"], x: 1 } }),
  ])
    test(`garbage: ${garbage.slice(0, 40)}`, () => {
      assert.equal(challengeOf(garbage), 'Bearer error="invalid_token"');
    });

  test("a token signed with another key", () => {
    assert.equal(challengeOf(handmade({ key: "other" })), invalid("The signature key was not found"));
    const tampered = [header, base64url({ exp: NOW_S + 9999 }), signature].join(".");
    assert.equal(challengeOf(tampered), invalid("The signature key was not found"));
  });

  test("a token without signature, with alg none or another", () => {
    for (const alg of ["none", "HS256"])
      assert.equal(challengeOf(`${base64url({ alg })}.${claims}.`), invalid("The signature is invalid"), alg);
    assert.equal(
      challengeOf(`${base64url({ alg: "none" })}.${claims}.${signature}`),
      invalid("The signature key was not found"),
    );
  });

  for (const [alg, hash] of [
    ["HS384", "sha384"],
    ["HS512", "sha256"],
    ["HS256", "sha512"],
    ["hs256", "sha256"],
    ["RS256", "sha256"],
    [undefined, "sha256"],
  ] as const)
    test(`alg ${alg} over ${hash}`, () => {
      assert.equal(
        challengeOf(handmade({ header: { alg }, hash })),
        invalid("The signature key was not found"),
      );
    });

  for (const exp of [undefined, null, String(NOW_S + 60), [NOW_S + 60]])
    test(`exp ${JSON.stringify(exp)}`, () => {
      assert.equal(challengeOf(handmade({ claims: { exp } })), invalid("The token has no expiration"));
    });

  test("a signature made elsewhere, of a token that has no exp", () => {
    // The example token of jwt.io, whose secret is a text too.
    const token =
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ" +
      ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
    const answer = challengeOf(token, verifierAt(NOW_S, "your-256-bit-secret"));
    assert.equal(answer, invalid("The token has no expiration"));
  });

  test("expired, early and impossible times", () => {
    const cases: readonly (readonly [claims: object, description: string])[] = [
      [{ exp: NOW_S - 301 }, "The token expired at '11/05/2026 07:03:08'"],
      [{ exp: -1 }, "The token expired at '01/01/1970 00:00:00'"],
      [{ nbf: NOW_S + 301, exp: NOW_S + 999 }, "The token is not valid before '11/05/2026 07:13:10'"],
      [{ nbf: 1e300, exp: 1e301 }, "The token is not valid before '12/31/9999 23:59:59'"],
      [
        { nbf: NOW_S + 2, exp: NOW_S + 1 },
        "The token lifetime is invalid; NotBefore: '11/05/2026 07:08:11', Expires: '11/05/2026 07:08:10'",
      ],
    ];
    for (const [times, description] of cases)
      assert.equal(challengeOf(handmade({ claims: times })), invalid(description));
  });

  test("the wrong audience, after signature and times", () => {
    const verifier = verifierAt(NOW_S, KEY);
    const refuses = (token: string): string => {
      const result = verifier.verify(token, () => false);
      return result.ok ? "accepted" : result.challenge;
    };
    assert.equal(refuses(handmade({})), invalid("The audience is invalid"));
    assert.match(refuses(handmade({ claims: { exp: 1 } })), /expired/);
    assert.match(refuses(handmade({ key: "other" })), /signature key/);
  });

  test("regardless of time: all but what is wrong with the times", () => {
    const verifier = verifierAt(NOW_S, KEY);
    const expired = handmade({ claims: { exp: 1, aud: AUD } });
    assert.equal(verifier.verifyRegardlessOfTime(expired, (aud) => aud === AUD).ok, true);
    for (const token of [undefined, "garbage", handmade({ key: "other" })])
      assert.deepEqual(
        verifier.verifyRegardlessOfTime(token, anyAudience),
        verifier.verify(token, anyAudience),
      );
    const other = verifier.verifyRegardlessOfTime(expired, () => false);
    assert.equal(other.ok ? "" : other.challenge, invalid("The audience is invalid"));
  });

  test("everything when there is no key", () => {
    assert.equal(challengeOf(handmade({}), verifierAt(NOW_S)), invalid("The signature key was not found"));
  });

  test("any text, without a word of it in the challenge", () => {
    const verifier = verifierAt(NOW_S, KEY, "other");
    const segment = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
    );
    const token = fc.oneof(
      fc.string(),
      fc.array(segment, { maxLength: 4 }).map((parts) => parts.join(".")),
    );
    fc.assert(
      fc.property(token, (text) => {
        const result = verifier.verify(text, anyAudience);
        assert.ok(!result.ok);
        assert.match(
          result.challenge,
          /^Bearer( error="invalid_token"(, error_description="The [a-z ]+")?)?$/,
        );
      }),
      { numRuns: 500 },
    );
  });

  test("signed claims of any value, or accepts them", () => {
    const verifier = verifierAt(NOW_S, KEY);
    const time = fc.oneof(fc.double(), fc.constant(NOW_S), fc.anything());
    fc.assert(
      fc.property(fc.record({ exp: time, nbf: time }, { requiredKeys: [] }), (claims) => {
        const json = JSON.stringify(claims, (_, value: unknown) =>
          typeof value === "bigint" ? `${value}` : value,
        );
        const result = verifier.verify(handmade({ claims: JSON.parse(json) as unknown }), anyAudience);
        assert.ok(
          result.ok ||
            /^Bearer error="invalid_token", error_description="The [\w ;:',/]+"$/.test(result.challenge),
        );
      }),
      { numRuns: 300 },
    );
  });
});
