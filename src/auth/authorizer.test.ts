import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { hmacToken, issuerKey, issuerToken, TestIssuer } from "../../test/support/oidc-issuer.ts";
import { Authorizer } from "./authorizer.ts";
import { OidcVerifier } from "./oidc-verifier.ts";
import { TokenVerifier } from "./token-verifier.ts";

const KEY = "access-key-0123456789";
const key = issuerKey("ES256", "k");
const clock = new ManualClock();
const exp = clock.epochMs() / 1000 + 60;
const access = new TokenVerifier([KEY], clock);
const write = { permission: "write", allows: (audience: unknown) => audience === "here" } as const;

test("tokens of access keys are judged at once and by their audience, with issuers or without", async () => {
  await using issuer = await TestIssuer.start(key);
  for (const options of [[], [issuer.options]]) {
    const authorizer = new Authorizer(access, new OidcVerifier(options, clock, () => {}));
    const reasonOf = (token: string | undefined): unknown => {
      const authorization = authorizer.authorize(token, write);
      assert.ok(!(authorization instanceof Promise));
      return authorization.ok || authorization.reason;
    };
    assert.equal(reasonOf(hmacToken(KEY, { aud: "here", exp })), true);
    assert.equal(reasonOf(hmacToken(KEY, { aud: "there", exp })), "The audience is invalid");
    assert.equal(reasonOf(hmacToken("other", { aud: "here", exp })), "The signature key was not found");
    assert.equal(reasonOf(undefined), "The request has no token");
    assert.equal(reasonOf("x"), "The token is not a JSON Web Token");
  }
  assert.deepEqual(issuer.requests, []);
});

test("tokens of issuers are judged by their roles, for any audience of the request", async () => {
  await using issuer = await TestIssuer.start(key);
  const authorizer = new Authorizer(access, new OidcVerifier([issuer.options], clock, () => {}));
  const token = issuerToken(key, issuer.claims(clock.epochMs(), ["SignalR REST API Reader"]));
  const denied = await authorizer.authorize(token, write);
  assert.ok(!denied.ok && denied.status === 403);
  assert.ok((await authorizer.authorize(token, { ...write, permission: "read" })).ok);
});

test("without issuers theirs are tokens of a key that is not known", () => {
  const authorizer = new Authorizer(access, new OidcVerifier([], clock, () => {}));
  const authorization = authorizer.authorize(issuerToken(key, { aud: "here", exp }), write);
  assert.ok(!(authorization instanceof Promise) && !authorization.ok);
  assert.equal(authorization.reason, "The signature key was not found");
});
