import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AUDIENCE, hmacToken, issuerKey, issuerToken, TestIssuer } from "../../test/support/oidc-issuer.ts";
import { ec, rsa, stranger, Trust } from "../../test/support/oidc-trust.ts";
import type { Permission } from "./oidc-roles.ts";
import { OidcVerifier } from "./oidc-verifier.ts";

const UNKNOWN_KEY = "The signature key was not found";

describe("OidcVerifier accepts", () => {
  for (const alg of ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"] as const)
    test(`a token that its issuer signed with ${alg}`, async () => {
      await using trust = await Trust.start();
      const key = alg.startsWith("ES") ? issuerKey(alg, "signer") : { ...rsa, alg };
      trust.issuer.keys.push(key);
      const result = await trust.verifier.verify(trust.token({}, key), "write");
      assert.ok(result.ok);
      assert.equal(result.claims["oid"], "caller");
      assert.equal(JSON.parse(Buffer.from(result.encodedClaims, "base64url").toString()).oid, "caller");
    });

  test("any of the configured audiences, alone or in a list", async () => {
    await using trust = await Trust.start({ audiences: ["a", "b"] });
    for (const aud of ["a", "b", ["x", "b"]])
      assert.equal(await trust.answer(trust.token({ aud })), "accepted");
  });

  test("a token from 5 minutes before nbf until 5 minutes after exp, by the given clock", async () => {
    await using trust = await Trust.start();
    const now = trust.clock.epochMs() / 1000;
    for (const [nbf, exp, answer] of [
      [now + 300, now + 400, "accepted"],
      [now + 301, now + 400, "The token is not valid before '11/05/2026 07:13:10'"],
      [now - 400, now - 300, "accepted"],
      [now - 400, now - 301, "The token expired at '11/05/2026 07:03:08'"],
      [undefined, undefined, "The token has no expiration"],
      [undefined, String(now + 60), "The token has no expiration"],
    ])
      assert.equal(await trust.answer(trust.token({ nbf, exp })), answer);
  });

  test("a token without kid, where the issuer has one key for its algorithm", async () => {
    await using trust = await Trust.start();
    const header = { kid: undefined };
    assert.equal(await trust.answer(trust.token({}, rsa, header)), "accepted");
    trust.issuer.keys.push(issuerKey("RS256", "second"));
    trust.clock.advance(3_600_001);
    await trust.answer(trust.token({}, stranger));
    assert.equal(await trust.answer(trust.token({}, rsa, header)), UNKNOWN_KEY);
    assert.equal(await trust.answer(trust.token({}, ec, header)), "accepted");
  });

  test("keys from where it is told, without discovery", async () => {
    await using trust = await Trust.start();
    const { url, options } = trust.issuer;
    const verifier = new OidcVerifier(
      [{ ...options, issuer: "https://login.example.com/", jwksUrl: `${url}/keys` }],
      trust.clock,
      () => {},
    );
    assert.ok((await verifier.verify(trust.token({ iss: "https://login.example.com/" }), "write")).ok);
    assert.deepEqual(trust.issuer.requests, ["/keys"]);
  });

  test("several issuers, each with its own keys, audiences and roles", async () => {
    await using one = await Trust.start();
    await using two = await TestIssuer.start(stranger);
    const options = { ...two.options, audiences: ["two"], rolesClaim: "groups" };
    const both = new OidcVerifier([one.issuer.options, options], one.clock, () => {});
    const claims = { ...two.claims(one.clock.epochMs()), aud: "two", groups: "SignalR Service Owner" };
    const allowed = async (token: string): Promise<boolean> => (await both.verify(token, "write")).ok;
    assert.equal(await allowed(one.token()), true);
    assert.equal(await allowed(issuerToken(stranger, claims)), true);
    assert.equal(await allowed(issuerToken(rsa, claims)), false, "the key of the other");
    assert.equal(await allowed(issuerToken(stranger, { ...claims, aud: AUDIENCE })), false);
    assert.equal(await allowed(one.token({ iss: two.url })), false);
  });
});

describe("OidcVerifier refuses", () => {
  test("tokens of another issuer without asking anybody", async () => {
    await using trust = await Trust.start();
    const { url } = trust.issuer;
    for (const iss of ["https://evil.example", `${url}/`, url.toUpperCase(), [url], undefined, null, ""])
      assert.equal(await trust.answer(trust.token({ iss })), "The issuer is invalid");
    assert.deepEqual(trust.issuer.requests, []);
  });

  test("another audience", async () => {
    await using trust = await Trust.start();
    for (const aud of [`${AUDIENCE}/`, "", undefined, [], [[AUDIENCE]], { 0: AUDIENCE }])
      assert.equal(await trust.answer(trust.token({ aud })), "The audience is invalid");
  });

  test("a signature of another key under a known name, and a token changed after it was signed", async () => {
    await using trust = await Trust.start();
    assert.equal(await trust.answer(trust.token({}, stranger)), UNKNOWN_KEY);
    const [header, , signature] = trust.token().split(".");
    const [, claims] = trust.token({ roles: ["SignalR Service Owner"], extra: 1 }).split(".");
    assert.equal(await trust.answer([header, claims, signature].join(".")), UNKNOWN_KEY);
    assert.equal(await trust.answer(`${header}.${claims}.`), UNKNOWN_KEY);
  });

  test("HMAC keyed with anything that the issuer publishes", async () => {
    await using trust = await Trust.start();
    await trust.answer(trust.token());
    const claims = trust.issuer.claims(trust.clock.epochMs());
    const published = [
      rsa.publicKey.export({ type: "spki", format: "pem" }),
      rsa.publicKey.export({ type: "pkcs1", format: "pem" }),
      rsa.publicKey.export({ type: "spki", format: "der" }),
      JSON.stringify(rsa.jwk),
      Buffer.from(rsa.jwk.n ?? "", "base64url"),
      rsa.jwk.n ?? "",
      "",
    ];
    for (const secret of published)
      for (const kid of ["rsa", undefined]) {
        const token = hmacToken(secret, claims, { kid });
        assert.equal(trust.verifier.isMeant(token), false);
        assert.equal(await trust.answer(token), UNKNOWN_KEY);
        const asRsa = hmacToken(secret, claims, { kid, alg: "RS256" });
        assert.equal(await trust.answer(asRsa), UNKNOWN_KEY);
      }
  });

  test("algorithms that a key is not for", async () => {
    await using trust = await Trust.start();
    trust.issuer.keys.push(
      { ...rsa, kid: "only-256", jwk: { ...rsa.jwk, kid: "only-256", alg: "RS256" } },
      issuerKey("ES512", "es512"),
    );
    const refused = [
      trust.token({}, { ...rsa, alg: "PS384" }),
      trust.token({}, issuerKey("ES512", "es512")),
      trust.token({}, { ...rsa, kid: "only-256", alg: "RS512" }),
      trust.token({}, rsa, { alg: "ES256" }),
      trust.token({}, rsa, { alg: "RS512" }),
      trust.token({}, ec, { alg: "RS256" }),
      trust.token({}, ec, { alg: "ES384" }),
      trust.token({}, rsa, { alg: "none" }),
      trust.token({}, rsa, { alg: undefined }),
      trust.token({}, rsa, { alg: ["RS256"] }),
    ];
    for (const token of refused) assert.equal(await trust.answer(token), UNKNOWN_KEY);
    assert.equal(await trust.answer(trust.token({}, { ...rsa, kid: "only-256" })), "accepted");
  });

  test("keys that a token brings along or points to", async () => {
    await using trust = await Trust.start();
    await using evil = await TestIssuer.start(stranger);
    const url = `${evil.url}/keys`;
    for (const header of [{ jwk: stranger.jwk }, { jku: url }, { x5u: url }, { kid: url }, { kid: { url } }])
      assert.equal(await trust.answer(trust.token({}, stranger, header)), UNKNOWN_KEY);
    assert.deepEqual(evil.requests, []);
  });

  test("a header with extensions that must be understood", async () => {
    await using trust = await Trust.start();
    assert.equal(await trust.answer(trust.token({}, rsa, { crit: ["b64"], b64: false })), UNKNOWN_KEY);
  });

  test("any text, without a word of it in the answer", async () => {
    await using trust = await Trust.start();
    const segment = fc.oneof(
      fc.string(),
      fc
        .oneof(fc.jsonValue(), fc.record({ alg: fc.constant("RS256"), iss: fc.constant(trust.issuer.url) }))
        .map((value) => Buffer.from(JSON.stringify(value)).toString("base64url")),
    );
    const token = fc.array(segment, { maxLength: 4 }).map((parts) => parts.join("."));
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        trust.verifier.isMeant(text);
        assert.match(await trust.answer(text), /^The [a-z ]+$/);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the roles of a caller", () => {
  const roles = {
    "SignalR Service Owner": ["read", "write", "server"],
    "SignalR REST API Owner": ["read", "write"],
    "SignalR REST API Reader": ["read"],
    "SignalR App Server": ["server"],
    "signalr service owner": [],
    Owner: [],
  } as const;

  for (const [role, permissions] of Object.entries<readonly Permission[]>(roles))
    test(`${role}: ${permissions.join(", ") || "nothing"}`, async () => {
      await using trust = await Trust.start();
      for (const permission of ["read", "write", "server"] as const)
        for (const claim of [role, [role], ["x", 1, role]]) {
          const result = await trust.verifier.verify(trust.token({ roles: claim }), permission);
          assert.equal(result.ok, permissions.includes(permission));
          if (!result.ok) assert.equal(result.status, 403);
        }
    });

  test("are missing: it is told which would do", async () => {
    await using trust = await Trust.start();
    for (const none of [undefined, null, [], {}, 1, ["SignalR Service Owner "]])
      assert.equal(
        await trust.answer(trust.token({ roles: none }), "read"),
        "The caller has none of the roles that may do this: 'SignalR Service Owner', 'SignalR REST API Owner', 'SignalR REST API Reader'.",
      );
  });

  test("come from the claim, and with the names, that are configured", async () => {
    const names = { owner: ["id-1", "id-2"], restOwner: [], reader: [], appServer: [] };
    await using trust = await Trust.start({ rolesClaim: "oid", roles: names });
    assert.equal(await trust.answer(trust.token({ oid: "id-2" })), "accepted");
    assert.match(await trust.answer(trust.token({ oid: "id-3" })), /'id-1', 'id-2'/);
    assert.match(await trust.answer(trust.token({ oid: "caller" })), /none of the roles/);
  });

  test("count only once the token is verified", async () => {
    await using trust = await Trust.start();
    assert.equal(await trust.answer(trust.token({ roles: [] }, stranger)), UNKNOWN_KEY);
    assert.equal(await trust.answer(trust.token({ roles: [], aud: "x" })), "The audience is invalid");
  });
});
