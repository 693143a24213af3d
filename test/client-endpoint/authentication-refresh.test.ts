import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { until } from "../support/http-call.ts";
import { connect, frameOf, jsonWire } from "../support/hub-wire.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { negotiate } from "../support/negotiate.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { UpstreamServer } from "../support/upstream-server.ts";

const VERSION = "api-version=2026-07-01";

function about(hubwire: TestHubwire, operation: string, body: object, hub = "chat"): Promise<Response> {
  const method = operation === "claims" ? "QUERY" : "POST";
  return hubwire.rest(method, `/api/hubs/${hub}/connections/${operation}?${VERSION}`, {
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
}

/** The claims of a connection that are not of every token. */
async function claimsOf(response: Response): Promise<string[]> {
  assert.equal(response.status, 200);
  const { claims } = (await response.json()) as { claims: { type: string; value: string }[] };
  return claims
    .filter(({ type }) => !/^(aud|exp|iat|nbf|asrs\..*)$/.test(type))
    .map(({ type, value }) => `${type}: ${value}`);
}

/** The claims of a token that ends so many seconds from now. */
function expiring(hubwire: TestHubwire, seconds: number): Readonly<Record<string, string>> {
  const expiresAt = Math.floor(hubwire.clock.epochMs() / 1000) + seconds;
  return { "asrs.s.aeo": String(expiresAt), "asrs.s.coae": "true", role: "before" };
}

describe("refreshing a client's authentication by REST", () => {
  test("has it closed at the new time instead of the old", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, token } = await negotiate(hubwire, { userId: "ann", claims: expiring(hubwire, 60) });
    using client = await connect(hubwire, { path });
    const expireTime = new Date(hubwire.clock.epochMs() + 120_000).toISOString();
    const response = await about(hubwire, ":refreshAuth", { connectionToken: token, expireTime });
    assert.equal(response.status, 200);
    hubwire.clock.advance(118_000);
    await hubwire.send("", "news", [1]);
    const pings = frameOf(jsonWire.ping);
    let frame: string | undefined;
    do frame = await client.next();
    while (frame === pings);
    assert.equal(frame, frameOf(jsonWire.invocation("news", [1])));
    hubwire.clock.advance(4_000);
    const { category } = await hubwire.event("client.closed");
    assert.equal(category, "Unauthorized");
    assert.equal((await about(hubwire, "claims", { connectionToken: token })).status, 404, "it is gone");
  });

  test("gives it other claims for whoever asks, webhooks too, and keeps its user", async () => {
    await using upstream = await UpstreamServer.start();
    await using hubwire = await TestHubwire.start({
      upstream: { templates: [{ UrlTemplate: upstream.url }] },
    });
    const { path, token } = await negotiate(hubwire, { userId: "ann", claims: { role: ["a", "b"] } });
    using client = await connect(hubwire, { path });
    await upstream.called(1);
    assert.match(String(upstream.requests[0]?.headers["x-asrs-user-claims"]), /role: a, role: b/);
    assert.deepEqual(await claimsOf(await about(hubwire, "claims", { connectionToken: token })), [
      "role: a",
      "role: b",
    ]);

    const claims = [
      { type: "role", value: "c" },
      { type: "nameid", value: "ann" },
    ];
    const refreshed = await about(hubwire, ":refreshAuth", { connectionToken: token, claims });
    assert.deepEqual(await claimsOf(refreshed), ["role: c", "nameid: ann"]);
    const asked = await about(hubwire, "claims", { connectionToken: token });
    assert.deepEqual(await claimsOf(asked), ["role: c", "nameid: ann"]);
    client.send(jsonWire.invocation("Echo", []));
    await upstream.called(2);
    assert.equal(upstream.requests[1]?.headers["x-asrs-user-claims"], "role: c, nameid: ann");
    assert.equal(upstream.requests[1]?.headers["x-asrs-user-id"], "ann");

    const other = [{ type: "nameid", value: "bob" }];
    assert.equal(
      (await about(hubwire, ":refreshAuth", { connectionToken: token, claims: other })).status,
      403,
    );
    const after = await about(hubwire, "claims", { connectionToken: token });
    assert.deepEqual(await claimsOf(after), ["role: c", "nameid: ann"]);
  });

  test("is for secret tokens of the hub only, from negotiate to the end of the connection", async () => {
    await using hubwire = await TestHubwire.start();
    const statusOf = async (connectionToken: string, hub?: string): Promise<number> =>
      (await about(hubwire, ":refreshAuth", { connectionToken }, hub)).status;
    const { connectionId, token, path } = await negotiate(hubwire);
    assert.equal(await statusOf(token), 200, "not connected yet");
    assert.equal(await statusOf(token, "other"), 404);
    assert.equal(await statusOf(connectionId), 404, "the public id");
    const version0 = await negotiate(hubwire, { version: 0 });
    assert.equal(await statusOf(version0.token), 404, "version 0 has no secret");
    const client = await connect(hubwire, { path });
    assert.equal(await statusOf(token), 200);
    client.drop();
    await until(() => hubwire.node.size.clients === 0);
    assert.equal(await statusOf(token), 404);

    const polling = await connectLongPolling(hubwire);
    assert.equal(await statusOf(polling.token), 200);
    await hubwire.rest("DELETE", `/api/hubs/chat/connections/${polling.connectionId}?${VERSION}`);
    assert.equal(await statusOf(polling.token), 404, "closed, although it has not polled since");
  });
});
