import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { mintToken } from "../../src/auth/token.ts";
import { encodeServiceMessage } from "../../src/protocol/service-protocol.ts";
import { AppServerPeer, type PeerOptions } from "../support/app-server-peer.ts";
import { call, settled, UPGRADE } from "../support/http-call.ts";
import { connect, frameOf, jsonWire, leftNothing } from "../support/hub-wire.ts";
import { bearer, HANDSHAKE, negotiate } from "../support/negotiate.ts";
import { issuerKey, issuerToken, TestIssuer } from "../support/oidc-issuer.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { relayedClient } from "../support/relayed-client.ts";
import { ACCESS_KEY, TestHubwire } from "../support/start-hubwire.ts";

/** The versions of a HandshakeRequest, as bodies in hexadecimal, §8. */
const requests: readonly [items: number, body: string][] = [
  [2, "920101"],
  [4, "94010100a0"],
  [5, "95010100a000"],
  [6, "96010100a00080"],
  [7, "97010100a00080c2"],
  [9, "99010100a00080c3a17800"],
];

function framed(body: string): Buffer {
  const bytes = Buffer.from(body, "hex");
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

describe("the handshake of a server connection, §3.3", () => {
  for (const [items, body] of requests)
    test(`of ${items} items is accepted, and answered before anything else`, async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.open(hubwire);
      hubwire.clock.advance(10_000);
      assert.deepEqual(server.waiting, []);
      server.sendBytes(framed(body));
      const { error } = await server.next("handshakeResponse");
      assert.equal(error, "");
      using client = await relayedClient(hubwire, server);
      client.drop();
      await server.next("closeConnection");
      await server.leave();
      await leftNothing(hubwire);
    });

  for (const [what, bytes, expected] of [
    ["of another version", framed("97010200a00080c2"), /^Version 2 of the service protocol is not supported/],
    ["of an unknown type", framed("97010103a00080c2"), /^Connection type 3 is not known/],
  ] as const)
    test(`${what} is refused`, async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.open(hubwire);
      server.sendBytes(bytes);
      assert.match((await server.next("handshakeResponse")).error, expected);
      await server.ended();
      const names = hubwire.events.map(({ name }) => name).filter((name) => name.startsWith("server."));
      assert.deepEqual(names, ["server.refused"]);
      await leftNothing(hubwire);
    });

  for (const [what, bytes] of [
    ["a ping", encodeServiceMessage({ type: "ping", pairs: [] })],
    ["garbage", Buffer.from("\x10GET / HTTP/1.1\r\n")],
    ["a message of an unknown type", framed("91cc99")],
  ] as const)
    test(`${what} in its place ends the connection`, async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.open(hubwire);
      server.sendBytes(bytes);
      await server.ended();
      assert.deepEqual(server.waiting, []);
      await hubwire.event("server.refused");
      await leftNothing(hubwire);
    });

  test("that does not come within 15 s ends the connection", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.open(hubwire);
    hubwire.clock.advance(14_000);
    await settled(hubwire);
    assert.equal(server.socket.readyState, server.socket.OPEN);
    hubwire.clock.advance(2_000);
    await server.ended();
    await hubwire.event("server.refused");
    await leftNothing(hubwire);
  });

  test("may come byte by byte, with the next message behind it", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.open(hubwire);
    const question = encodeServiceMessage({ type: "checkGroupExistence", group: "g", ackId: 1 });
    for (const byte of Buffer.concat([framed("97010100a00080c2"), question]))
      server.sendBytes(Buffer.of(byte));
    await server.next("handshakeResponse");
    assert.equal((await server.next("ack")).ackId, 1);
  });
});

describe("who may connect as an app server, §1.5, §2", () => {
  async function answer(
    hubwire: TestHubwire,
    token: string | undefined,
    path = "/server/?hub=chat&cid=1",
  ): Promise<[number, string | undefined]> {
    const headers = { ...UPGRADE, ...(token !== undefined && bearer(token)) };
    using socket = await RawWebSocket.open(hubwire, { path, headers });
    return [socket.status, /www-authenticate: (.*)\r/i.exec(socket.head)?.[1]];
  }

  function serverToken(
    hubwire: TestHubwire,
    options: { audience?: string; accessKey?: string } = {},
  ): string {
    return mintToken({
      audience: "http://localhost/server/?hub=chat",
      accessKey: ACCESS_KEY,
      lifetimeSeconds: 60,
      nowMs: hubwire.clock.epochMs(),
      ...options,
    });
  }

  test("whoever has a token for the hub's app servers, in any letter case", async () => {
    await using hubwire = await TestHubwire.start();
    assert.deepEqual(await answer(hubwire, serverToken(hubwire)), [101, undefined]);
    const token = serverToken(hubwire, { audience: "https://elsewhere/x/server?hub=CHAT" });
    assert.deepEqual(await answer(hubwire, token, "/Server?hub=Chat"), [101, undefined]);
  });

  test("nobody without one, with another's, a client's or REST's, or an expired one: 401 and a challenge", async () => {
    await using hubwire = await TestHubwire.start();
    for (const token of [
      undefined,
      "nonsense",
      serverToken(hubwire, { accessKey: "another-key-0123456789" }),
      serverToken(hubwire, { audience: "http://localhost/server/?hub=other" }),
      serverToken(hubwire, { audience: "http://localhost/client/?hub=chat" }),
      serverToken(hubwire, { audience: "http://localhost/server/" }),
      hubwire.clientToken(),
    ]) {
      const [status, challenge] = await answer(hubwire, token);
      assert.equal(status, 401, token);
      assert.match(challenge ?? "", /^Bearer/);
    }
    const expired = serverToken(hubwire);
    hubwire.clock.skip(600_000);
    assert.equal((await answer(hubwire, expired))[0], 401);
    assert.equal(hubwire.events.filter(({ name }) => name === "server.refused").length, 8);
  });

  test("nobody for no hub, two hubs, or what is no hub's name: 400", async () => {
    await using hubwire = await TestHubwire.start();
    const token = serverToken(hubwire);
    for (const path of ["/server/", "/server/?hub=", "/server/?hub=a&hub=b", "/server/?hub=%2F"])
      assert.equal((await answer(hubwire, token, path))[0], 400, path);
    assert.equal((await answer(hubwire, token, `/server/?hub=chat&cid=${"x".repeat(257)}`))[0], 400);
  });

  test("who has an issuer's token with the role of app servers, and no other role", async () => {
    const key = issuerKey("RS256", "k");
    await using issuer = await TestIssuer.start(key);
    const { issuer: url, audiences } = issuer.options;
    await using hubwire = await TestHubwire.start({ auth: { issuers: [{ issuer: url, audiences }] } });
    const token = (role: string): string => issuerToken(key, issuer.claims(hubwire.clock.epochMs(), [role]));
    assert.equal((await answer(hubwire, token("SignalR App Server")))[0], 101);
    assert.equal((await answer(hubwire, token("SignalR Service Owner")))[0], 101);
    assert.equal((await answer(hubwire, token("SignalR REST API Owner")))[0], 403);
  });

  test("nobody, when the service has begun to stop while the issuer was asked for its keys: 503", async () => {
    const key = issuerKey("RS256", "k");
    await using issuer = await TestIssuer.start(key);
    const { issuer: url, audiences } = issuer.options;
    const hubwire = await TestHubwire.start({ auth: { issuers: [{ issuer: url, audiences }] } });
    const token = issuerToken(key, issuer.claims(hubwire.clock.epochMs(), ["SignalR App Server"]));
    const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>();
    issuer.instead = (_path, response) => resolve(response);
    const answered = answer(hubwire, token);
    const response = await asked;
    const stopped = hubwire.node.stop();
    issuer.instead = undefined;
    response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys` }));
    assert.equal((await answered)[0], 503);
    await stopped;
  });

  test("no more than limits.maxServerConnections: 429", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxServerConnections: 2 } });
    const one = await AppServerPeer.connect(hubwire);
    using _ = await AppServerPeer.connect(hubwire);
    assert.equal((await answer(hubwire, serverToken(hubwire)))[0], 429);
    await one.leave();
    await settled(hubwire);
    hubwire.clock.advance(1_000);
    assert.equal((await answer(hubwire, serverToken(hubwire)))[0], 101);
  });

  for (const [from, options, query, expected] of [
    ["the header", { headers: { "X-ASRS-Server-Id": "header" }, serverId: "token" }, "", "header"],
    ["else the token's nameid", { headers: { "X-ASRS-Server-Id": "" }, serverId: "token" }, "", "token"],
    ["else the connection's", { headers: { "X-ASRS-Server-Id": "" }, serverId: "" }, "", "-connection"],
  ] as const satisfies readonly (readonly [string, PeerOptions, string, string])[])
    test(`is known by ${from}${query}`, async () => {
      await using hubwire = await TestHubwire.start();
      using server = await AppServerPeer.connect(hubwire, options);
      server.send({ type: "ping", pairs: [["servers", ""]] });
      const [answer] = (await server.next("ping")).pairs;
      assert.match(answer?.[1] ?? "", new RegExp(`^\\d+:${expected}$`));
    });
});

describe("the service mode", () => {
  test("serverless: takes weak connections, refuses those for clients, whose clients are the webhooks'", async () => {
    await using hubwire = await TestHubwire.start({ mode: "serverless" });
    for (const type of [0, 1])
      await assert.rejects(
        AppServerPeer.connect(hubwire, { type }),
        /serverless mode and takes no app servers/,
      );
    using weak = await AppServerPeer.connect(hubwire, { type: 2 });
    using client = await connect(hubwire);
    weak.send({
      type: "broadcastData",
      excluded: [],
      payload: [["json", Buffer.from(jsonWire.ping)]],
    });
    assert.equal(await client.next(), frameOf(jsonWire.ping));
  });

  test("default: no clients without an app server for them, however they come", async () => {
    await using hubwire = await TestHubwire.start({ mode: "default" });
    using weak = await AppServerPeer.connect(hubwire, { type: 2 });
    const path = "/client/negotiate?hub=chat&negotiateVersion=1";
    const refused = await call(hubwire, "POST", path, { headers: bearer(hubwire.clientToken()) });
    assert.equal(refused.status, 503);
    assert.match(refused.body, /No app server is connected for hub 'chat'/);
    using direct = await RawWebSocket.open(hubwire);
    assert.equal(direct.status, 503);
    const server = await AppServerPeer.connect(hubwire);
    const { path: negotiated } = await negotiate(hubwire);
    await server.leave();
    using late = await RawWebSocket.open(hubwire, { path: negotiated });
    late.send(HANDSHAKE);
    assert.match((await late.next()) ?? "", /"No app server is currently connected to the service\."/);
    assert.deepEqual(await weak.heard(), []);
  });

  test("auto: as the hub has an app server or not when a client negotiates", async () => {
    await using hubwire = await TestHubwire.start();
    using before = await connect(hubwire);
    using server = await AppServerPeer.connect(hubwire);
    using elsewhere = await connect(hubwire, { hub: "other" });
    using after = await relayedClient(hubwire, server);
    before.send(jsonWire.invocation("Echo", [], "1"));
    assert.match((await before.next()) ?? "", /no upstream or app server handles it/);
    after.send(jsonWire.invocation("Echo", [], "1"));
    assert.equal(String(await server.nextData()), jsonWire.invocation("Echo", [], "1"));
    server.send({ type: "userData", userId: "x", payload: [] });
    assert.deepEqual(await server.heard(), []);
    elsewhere.drop();
  });
});

test("when the service stops its clients may reconnect, and app servers are told of them and then closed", async () => {
  const hubwire = await TestHubwire.start();
  const server = await AppServerPeer.connect(hubwire);
  using client = await relayedClient(hubwire, server);
  const code = new Promise((resolve) => server.socket.once("close", resolve));
  const stopped = hubwire.node.stop();
  assert.deepEqual(await client.takeAll(), [frameOf(jsonWire.close(undefined, true)), "close 1000"]);
  assert.equal((await server.next("closeConnection")).connectionId, client.id);
  assert.equal(await code, 1000);
  await stopped;
  const { serverConnections, sessions, clients } = hubwire.node.size;
  assert.deepEqual([serverConnections, sessions, clients], [0, 0, 0]);
});
