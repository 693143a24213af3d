import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemClock } from "../core/clock.ts";
import { audienceAllowsClient, audienceAllowsRest } from "./audience.ts";
import { clientIdentity } from "./client-identity.ts";
import type { VerifiedToken } from "./signature.ts";
import { mintClientToken, mintRestToken, mintToken } from "./token.ts";
import { TokenVerifier } from "./token-verifier.ts";

const common = { accessKey: "key", lifetimeSeconds: 3600, nowMs: 1_800_000_000_999 };
const verifier = new TokenVerifier(["key"], { ...systemClock, epochMs: () => common.nowMs });
const REST_URL = "http://localhost:8888/api/hubs/chat/users/a%2Fb/:send";

function verified(token: string): VerifiedToken {
  const result = verifier.verify(token, () => true);
  assert.ok(result.ok);
  return result;
}

describe("a minted token", () => {
  test("has HS256 in its header, and the claims of the caller and of Azure's SDKs", () => {
    const token = mintToken({
      ...common,
      audience: "http://h/x",
      claims: { role: ["a"], exp: 1, aud: "mine" },
    });
    const [header = ""] = token.split(".");
    assert.deepEqual(JSON.parse(Buffer.from(header, "base64url").toString()), { alg: "HS256", typ: "JWT" });
    assert.deepEqual(verified(token).claims, {
      role: ["a"],
      nbf: 1_800_000_000,
      exp: 1_800_003_600,
      iat: 1_800_000_000,
      aud: "http://h/x",
    });
  });

  test("for a client opens its hub as its user, and neither another hub nor REST", () => {
    const token = mintClientToken({
      ...common,
      endpoint: "http://localhost:8888/base",
      hub: "App_Chat",
      userId: "u",
      claims: { name: "n" },
    });
    const { claims } = verified(token);
    assert.equal(claims["aud"], "http://localhost/client/?hub=app_chat");
    assert.equal(clientIdentity(verified(token)).userId, "u");
    assert.equal(claims["name"], "n");
    const opens = (allows: (audience: unknown) => boolean): boolean => verifier.verify(token, allows).ok;
    assert.equal(
      opens((aud) => audienceAllowsClient(aud, "app_chat")),
      true,
    );
    assert.equal(
      opens((aud) => audienceAllowsClient(aud, "chat")),
      false,
    );
    assert.equal(
      opens((aud) => audienceAllowsRest(aud, new URL(REST_URL).pathname)),
      false,
    );
  });

  test("for a client without user id is anonymous", () => {
    const token = mintClientToken({ ...common, endpoint: "https://h", hub: "a`,.[]" });
    assert.equal(clientIdentity(verified(token)).userId, undefined);
    assert.equal(audienceAllowsClient(verified(token).claims["aud"], "a`,.[]"), true);
  });

  test("for REST opens its path whatever the query, and neither another path nor a client", () => {
    const token = mintRestToken({ ...common, url: `${REST_URL}?api-version=2022-06-01#f` });
    const { claims } = verified(token);
    assert.equal(claims["aud"], REST_URL);
    assert.equal(audienceAllowsRest(claims["aud"], new URL(REST_URL).pathname), true);
    assert.equal(audienceAllowsRest(claims["aud"], "/api/hubs/chat/:send"), false);
    assert.equal(audienceAllowsClient(claims["aud"], "chat"), false);
  });
});
