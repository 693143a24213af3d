import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { RestNode } from "../../test/support/rest-node.ts";
import type { ClientIdentity } from "../core/identity.ts";

const VERSION = "api-version=2026-07-01";
const HUB = "/api/hubs/chat/connections";
const CLAIMS = [
  ["asrs.s.uid", "ann"],
  ["role", "a"],
  ["role", "b"],
] as const;

/** A node with a connection of ann, whose token is `secret`, and which closes at 1000 ms. */
async function start(identity: Partial<ClientIdentity> = {}): Promise<RestNode> {
  const node = await RestNode.start();
  const client = node.connect("c", { userId: "ann" });
  node.authenticate("secret", {
    hub: "chat",
    identity: { ...client.identity, claims: CLAIMS, closeAtMs: 1_000, ...identity },
  });
  return node;
}

function identityOf(node: RestNode): ClientIdentity | undefined {
  return node.authentications.get("secret")?.identity;
}

function refresh(node: RestNode, body: unknown, path = HUB): Promise<LightMyRequestResponse> {
  return node.call("POST", `${path}/:refreshAuth?${VERSION}`, { body: JSON.stringify(body) });
}

function claimsOf(node: RestNode, body: unknown, path = HUB): Promise<LightMyRequestResponse> {
  return node.call("QUERY", `${path}/claims?${VERSION}`, { body: JSON.stringify(body) });
}

const listed = (claims: readonly (readonly [string, string])[]): unknown => ({
  claims: claims.map(([type, value]) => ({ type, value })),
});

describe("QUERY connections/claims", () => {
  test("answers every claim of the connection in its order", async () => {
    await using node = await start();
    const response = await claimsOf(node, { connectionToken: "secret" });
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), listed(CLAIMS));
    assert.deepEqual((await claimsOf(node, { ConnectionToken: "secret", other: 1 })).json(), listed(CLAIMS));
  });
});

describe(":refreshAuth", () => {
  test("replaces claims and expiry, and answers the claims", async () => {
    await using node = await start();
    const claims = [
      ["nameid", "ann"],
      ["role", "c"],
    ] as const;
    const response = await refresh(node, {
      connectionToken: "secret",
      expireTime: "2026-07-01T12:00:00.5+02:00",
      claims: claims.map(([type, value]) => ({ type, value })),
    });
    assert.equal(response.statusCode, 200, response.body);
    assert.deepEqual(response.json(), listed(claims));
    assert.deepEqual((await claimsOf(node, { connectionToken: "secret" })).json(), listed(claims));
    assert.equal(identityOf(node)?.closeAtMs, Date.parse("2026-07-01T10:00:00.500Z"));
    assert.equal(identityOf(node)?.userId, "ann");
  });

  test("keeps what is left out or null", async () => {
    await using node = await start();
    for (const body of [{}, { claims: null, expireTime: null }]) {
      const response = await refresh(node, { connectionToken: "secret", ...body });
      assert.deepEqual(response.json(), listed(CLAIMS));
      assert.equal(identityOf(node)?.closeAtMs, 1_000);
    }
    await refresh(node, { connectionToken: "secret", expireTime: 1782900000 });
    assert.equal(identityOf(node)?.closeAtMs, 1782900000_000, "seconds since 1970");
    assert.deepEqual(identityOf(node)?.claims, CLAIMS);
    await refresh(node, { connectionToken: "secret", claims: [] });
    assert.deepEqual(identityOf(node)?.claims, []);
  });

  test("sets no expiry for a connection that its token does not have closed", async () => {
    await using node = await start({ closeAtMs: undefined });
    await refresh(node, { connectionToken: "secret", expireTime: 1782900000 });
    assert.equal(identityOf(node)?.closeAtMs, undefined);
  });

  for (const claim of [
    { type: "asrs.s.uid", value: "bob" },
    { type: "nameid", value: "Ann" },
    { type: "sub", value: "bob" },
    { type: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", value: "bob" },
  ])
    test(`is 403 for another user, by ${claim.type}, and changes nothing`, async () => {
      await using node = await start();
      const before = identityOf(node);
      const response = await refresh(node, { connectionToken: "secret", expireTime: 1, claims: [claim] });
      assert.equal(response.statusCode, 403);
      assert.equal(response.headers["x-ms-error-code"], "Error.User.Invalid");
      assert.equal(identityOf(node), before);
    });

  test("is 403 where an anonymous connection would get a user", async () => {
    await using node = await start({ userId: undefined });
    const claims = [{ type: "nameid", value: "ann" }];
    assert.equal((await refresh(node, { connectionToken: "secret", claims })).statusCode, 403);
  });

  for (const [body, target] of [
    [{}, "connectionToken"],
    [[], "body"],
    [null, "body"],
    [{ connectionToken: 1 }, "connectionToken"],
    [{ connectionToken: "secret", expireTime: "tomorrow" }, "expireTime"],
    [{ connectionToken: "secret", expireTime: "2026-13-01T00:00:00Z" }, "expireTime"],
    [{ connectionToken: "secret", expireTime: "2026-07-01T00:00:00" }, "expireTime"],
    [{ connectionToken: "secret", expireTime: true }, "expireTime"],
    [{ connectionToken: "secret", claims: {} }, "claims"],
    [{ connectionToken: "secret", claims: [1] }, "claims[0]"],
    [{ connectionToken: "secret", claims: [{ type: "a", value: "b" }, { type: "a" }] }, "claims[1].value"],
    [{ connectionToken: "secret", claims: [{ value: "b" }] }, "claims[0].type"],
  ] as const)
    test(`is 400 for ${JSON.stringify(body)}`, async () => {
      await using node = await start();
      const before = identityOf(node);
      const response = await refresh(node, body);
      assert.equal(response.statusCode, 400);
      assert.equal(response.json().target, target);
      assert.equal(identityOf(node), before);
    });
});

test("an unknown token, and one of another hub, are 404, and no answer repeats a token", async () => {
  await using node = await start();
  for (const [token, path] of [
    ["unknown-token", HUB],
    ["c", HUB],
    ["__proto__", HUB],
    ["", HUB],
    ["secret", "/api/hubs/other/connections"],
  ] as const)
    for (const response of [
      await refresh(node, { connectionToken: token }, path),
      await claimsOf(node, { connectionToken: token }, path),
    ]) {
      assert.equal(response.statusCode, 404, token);
      assert.equal(response.headers["x-ms-error-code"], "Warning.Connection.NotExisted");
      assert.ok(!response.body.includes("secret") && !response.body.includes("unknown-token"));
    }
});
