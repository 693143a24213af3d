import assert from "node:assert/strict";
import { test } from "node:test";
import { hmacToken, issuerKey, issuerToken, TestIssuer } from "../support/oidc-issuer.ts";
import { received, signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const HOUR_MS = 3_600_000;
const key = issuerKey("RS256", "k");

/** A node whose callers have tokens of this issuer. */
function start({ url, options: { audiences } }: TestIssuer): Promise<TestHubwire> {
  return TestHubwire.start({ auth: { issuers: [{ issuer: url, audiences }] } });
}

/** What an app server does whose only secret is its identity: it has its token exchanged for a key, and signs a client's with it. */
async function tokenFor(aud: string, issuer: TestIssuer, hubwire: TestHubwire): Promise<string> {
  const nowMs = hubwire.clock.epochMs();
  const token = issuerToken(key, issuer.claims(nowMs, ["SignalR App Server"]));
  const headers = { Authorization: `Bearer ${token}` };
  const response = await hubwire.rest("GET", "/api/v1/auth/accessKey", { headers });
  assert.equal(response.status, 200);
  const { AccessKey, KeyId } = (await response.json()) as Record<string, string>;
  const claims = {
    nameid: "alice",
    nbf: nowMs / 1000,
    exp: nowMs / 1000 + 86_400,
    iss: "azure-signalr",
    aud,
  };
  return hmacToken(AccessKey ?? "", claims, { kid: KeyId });
}

for (const { transport, protocol } of waysToConnect)
  test(`a client connects with a token that an issued key signed, over ${transport} with ${protocol}`, async () => {
    await using issuer = await TestIssuer.start(key);
    await using hubwire = await start(issuer);
    const token = await tokenFor(hubwire.clientUrl(), issuer, hubwire);
    const client = signalrClient(hubwire, { transport, protocol, token });
    const calls = received(client, "news", 1);
    await client.start();
    await hubwire.send("users/alice/", "news", [1]);
    assert.deepEqual(await calls, [[1]]);
    await client.stop();
  });

test("an issued key is valid after a restart and on other nodes, without the issuer, and ends within 4 hours", async () => {
  await using issuer = await TestIssuer.start(key);
  const first = await start(issuer);
  const token = await tokenFor(first.clientUrl(), issuer, first);
  await first.node.stop();
  issuer.instead = (_path, response) => response.destroy();
  await using second = await start(issuer);
  const connect = async (): Promise<void> => {
    const client = signalrClient(second, { token });
    await client.start();
    await client.stop();
  };
  await connect();
  second.clock.skip(2.9 * HOUR_MS);
  await connect();
  second.clock.skip(1.1 * HOUR_MS);
  await assert.rejects(connect(), /401/);
  const refused = await second.event("client.refused");
  assert.equal(refused.reason, "The signature key was not found");
});

test("an issued key opens no REST operation, and a token of an issuer no client endpoint", async () => {
  await using issuer = await TestIssuer.start(key);
  await using hubwire = await start(issuer);
  const path = "/api/hubs/chat/groups/g";
  const token = await tokenFor(`${hubwire.url}${path}`, issuer, hubwire);
  const headers = { Authorization: `Bearer ${token}` };
  assert.equal((await hubwire.rest("HEAD", `${path}?api-version=2022-06-01`, { headers })).status, 401);
  const ofIssuer = issuerToken(key, { ...issuer.claims(hubwire.clock.epochMs()), aud: hubwire.clientUrl() });
  await assert.rejects(signalrClient(hubwire, { token: ofIssuer }).start(), /401/);
});
