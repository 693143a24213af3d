import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { WebSocket } from "ws";
import { mintToken } from "../../src/auth/token.ts";
import { beginCall, call, emptied, UPGRADE } from "../support/http-call.ts";
import { bearer, HANDSHAKE, HANDSHAKE_REPLY, negotiate } from "../support/negotiate.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

describe("tokens", () => {
  test("N14: without one negotiate answers 401 with a challenge", async () => {
    await using hubwire = await TestHubwire.start();
    const answer = await call(
      hubwire,
      "POST",
      "/client/negotiate?hub=chat&asrs.op=%2Fchat&negotiateVersion=1",
    );
    assert.equal(answer.status, 401);
    assert.equal(answer.headers["www-authenticate"], "Bearer");
    assert.equal(hubwire.node.size.connections, 0);
  });

  test("N15: a good one is taken from the header or the query", async () => {
    await using hubwire = await TestHubwire.start();
    const path = "/client/negotiate?hub=chat&asrs.op=%2Fchat&negotiateVersion=1";
    const token = hubwire.clientToken();
    assert.equal((await call(hubwire, "POST", path, { headers: bearer(token) })).status, 200);
    assert.equal((await call(hubwire, "POST", `${path}&access_token=${token}`)).status, 200);
  });

  test("N23: a WebSocket without negotiate is accepted with a token in the header", async () => {
    await using hubwire = await TestHubwire.start();
    const socket = new WebSocket(`ws://localhost:${hubwire.port}/client/?hub=chat`, {
      headers: bearer(hubwire.clientToken({ userId: "ann" })),
    });
    socket.on("open", () => socket.send(HANDSHAKE));
    const [reply] = await once(socket, "message");
    assert.equal((reply as Buffer).toString(), HANDSHAKE_REPLY);
    assert.equal((await hubwire.event("client.opened")).userId, "ann");
    socket.close();
    await hubwire.event("client.closed");
  });

  test("what is wrong with one is told in the challenge, at negotiate and at a WebSocket without it", async () => {
    await using hubwire = await TestHubwire.start();
    const foreign = (audience: string): string =>
      mintToken({
        audience,
        accessKey: "test-key-0123456789-0123456789",
        lifetimeSeconds: 60,
        nowMs: hubwire.clock.epochMs(),
      });
    const [, payload = ""] = hubwire.clientToken().split(".");
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
    const expired = hubwire.clientToken({ lifetimeSeconds: 60 });
    hubwire.clock.advance(400_000);
    for (const [token, problem] of [
      [expired, /The token expired at/],
      [foreign("http://localhost/api/hubs/chat"), /The audience is invalid/],
      [hubwire.clientToken({ hub: "other" }), /The audience is invalid/],
      [unsigned, /The signature is invalid|The signature key was not found/],
      ["not-a-token", /^Bearer error="invalid_token"$/],
    ] as const) {
      const negotiating = call(hubwire, "POST", "/client/negotiate?hub=chat", { headers: bearer(token) });
      const upgrading = call(hubwire, "GET", "/client/?hub=chat", {
        headers: { ...UPGRADE, ...bearer(token) },
      });
      for (const answer of [await negotiating, await upgrading]) {
        assert.equal(answer.status, 401);
        assert.match(String(answer.headers["www-authenticate"]), problem);
        assert.equal(answer.body.includes(token), false);
      }
    }
    await emptied(hubwire);
  });

  test("a version 1 connection token goes on without the bearer token, and after that has expired", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire, { lifetimeSeconds: 1, claims: { "asrs.s.ttl": 300 } });
    assert.equal((await call(hubwire, "GET", path)).status, 200);
    assert.equal((await call(hubwire, "POST", path, { body: HANDSHAKE })).status, 200);
    assert.equal((await call(hubwire, "GET", path)).body, HANDSHAKE_REPLY);
    for (let minutes = 0; minutes < 6; minutes++) {
      hubwire.clock.advance(60_000);
      const poll = await beginCall(hubwire, "GET", path);
      poll.abort();
    }
    await hubwire.send("", "news", []);
    assert.match((await call(hubwire, "GET", path)).body, /"news"/);
    assert.equal((await call(hubwire, "DELETE", path)).status, 202);
    await emptied(hubwire);
  });

  test("a version 0 id is enough for polls; all else needs a token of the same user and hub, be it expired", async () => {
    await using hubwire = await TestHubwire.start();
    const own = hubwire.clientToken({ userId: "ann", lifetimeSeconds: 1 });
    const { path } = await negotiate(hubwire, {
      version: 0,
      userId: "ann",
      claims: { "asrs.s.ttl": 300 },
    });
    const stream = { Accept: "text/event-stream" };
    for (const [method, headers] of [
      ["POST", {}],
      ["DELETE", {}],
      ["GET", stream],
      ["GET", UPGRADE],
    ] as const)
      for (const credentials of [
        {},
        bearer(hubwire.clientToken({ userId: "bob" })),
        bearer(hubwire.clientToken()),
        bearer(hubwire.clientToken({ userId: "ann", hub: "other" })),
      ]) {
        const answer = await call(hubwire, method, path, { headers: { ...headers, ...credentials } });
        assert.deepEqual([answer.status, answer.body], [401, ""]);
        assert.equal(answer.headers["www-authenticate"], "Bearer");
      }
    assert.equal((await call(hubwire, "GET", path)).status, 200);
    hubwire.clock.advance(10_000);
    assert.equal((await call(hubwire, "POST", path, { body: HANDSHAKE, headers: bearer(own) })).status, 200);
    await hubwire.event("client.opened");
    assert.equal((await call(hubwire, "GET", path)).body, HANDSHAKE_REPLY);
    for (let minutes = 0; minutes < 6; minutes++) {
      hubwire.clock.advance(60_000);
      (await beginCall(hubwire, "GET", path)).abort();
    }
    assert.equal((await call(hubwire, "DELETE", path, { headers: bearer(own) })).status, 202);
    await emptied(hubwire);
  });
});
