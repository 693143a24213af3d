import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HubConnectionState } from "@microsoft/signalr";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { EventStream } from "../support/event-stream.ts";
import { call } from "../support/http-call.ts";
import { handshake, jsonWire, leftNothing, messagePackWire } from "../support/hub-wire.ts";
import { HANDSHAKE, negotiate } from "../support/negotiate.ts";
import { RawWebSocket, type UpgradeOptions } from "../support/raw-web-socket.ts";
import { signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { SlowLookUp } from "../support/slow-look-up.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const X = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
const M08 = "http://schemas.microsoft.com/ws/2008/06/identity/claims";
const OF_EVERY_TOKEN = ["nbf", "exp", "iat", "aud"];
const CANCELED = 'text {"error":"Handshake was canceled."}\x1e';

/** What an app server is told of a client that connects so and says this. */
async function openingOf(options: UpgradeOptions & { said?: string | Buffer } = {}) {
  await using hubwire = await TestHubwire.start();
  using server = await AppServerPeer.connect(hubwire);
  using client = await RawWebSocket.open(hubwire, options);
  client.send(options.said ?? HANDSHAKE);
  const opening = await server.next("openConnection");
  const { payload } = await server.next("connectionData");
  return { ...opening, headers: Object.fromEntries(opening.headers), handshake: payload };
}

describe("what an app server is told of a client, §5.3", () => {
  test("claims in their order with .NET's names, repeated ones each, §2.3, §2.4", async () => {
    const { claims } = await openingOf({
      userId: "ann",
      claims: {
        sub: "ann",
        role: ["admin", "writer"],
        level: 9007199254740993n.toString(),
        age: 42,
        big: 1.5,
        vip: true,
        address: { city: "Ulm" },
        nothing: "",
        "asrs.s.aut": "Cookies",
        "asrs.u.jti": "mine",
      },
    });
    assert.deepEqual(
      claims.filter(([type]) => !OF_EVERY_TOKEN.includes(type)),
      [
        [`${X}/nameidentifier`, "ann"],
        ["sub", "ann"],
        [`${M08}/role`, "admin"],
        ["role", "admin"],
        [`${M08}/role`, "writer"],
        ["role", "writer"],
        ["level", "9007199254740993"],
        ["age", "42"],
        ["big", "1.5"],
        ["vip", "true"],
        ["address", '{"city":"Ulm"}'],
        ["nothing", ""],
        ["asrs.s.aut", "Cookies"],
        ["asrs.u.jti", "mine"],
        ["asrs.s.uid", "ann"],
      ],
    );
  });

  test("headers, each name once in any letter case, without what is between two hops", async () => {
    const { headers } = await openingOf({
      headers: {
        Cookie: "a=1",
        "X-Custom": "one",
        "x-custom": "two",
        "Keep-Alive": "timeout=5",
        "X-Forwarded-For": "10.0.0.1",
        "X-FORWARDED-FOR": "10.0.0.2",
        "Asrs-Migrate-From": "forged",
        "Asrs-Is-Diagnostic-Client": "forged",
      },
    });
    const { "X-Forwarded-For": forwarded, ...others } = headers;
    assert.deepEqual(others, { Host: ["localhost"], Cookie: ["a=1"], "X-Custom": ["one", "two"] });
    assert.match(forwarded?.[0] ?? "", /^(127\.0\.0\.1|::1), 10\.0\.0\.1, 10\.0\.0\.2$/);
  });

  test("the client's address is bare, without a port", async () => {
    const { headers } = await openingOf();
    assert.match(headers["X-Forwarded-For"]?.[0] ?? "", /^(127\.0\.0\.1|::1)$/);
  });

  test("the query with its question mark, without token and id", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    const token = hubwire.clientToken();
    const path = `/client/?asrs.op=%2Fchat&hub=chat&access_token=${token}&x=a+b&x=%C3%A9`;
    using client = await RawWebSocket.open(hubwire, { path });
    client.send(HANDSHAKE);
    const { query } = await server.next("openConnection");
    assert.equal(query, "?asrs.op=%2Fchat&hub=chat&x=a+b&x=%C3%A9");
  });

  for (const value of ["true", "True"])
    test(`whether it is a diagnostic client: asrs.s.dc ${value}`, async () => {
      const { headers } = await openingOf({ claims: { "asrs.s.dc": value } });
      assert.deepEqual(headers["Asrs-Is-Diagnostic-Client"], ["true"]);
    });

  for (const said of [
    '{"protocol":"json","version":1}\x1e',
    '{ "version": 1,\n "extra": [{}], "protocol": "json" }\x1e',
    '{"protocol":"messagepack","version":1}\x1e',
    '{"protocol":"blazorpack","version":1}\x1e',
  ])
    test(`the protocol, and the handshake as it came: ${said.slice(0, -1)}`, async () => {
      const { protocol, handshake: request } = await openingOf({ said });
      assert.equal(protocol, /"(json|messagepack|blazorpack)"/.exec(said)?.[1]);
      assert.equal(String(request), said);
    });

  for (const way of waysToConnect)
    test(`of one that comes by ${way.transport} with ${way.protocol}`, async () => {
      await using hubwire = await TestHubwire.start();
      using server = await AppServerPeer.connect(hubwire);
      const client = signalrClient(hubwire, { ...way, userId: "ann", claims: { n: 1 } });
      const started = client.start();
      const { protocol, query, connectionId, headers } = await server.next("openConnection");
      await server.next("connectionData");
      assert.equal(client.state, HubConnectionState.Connecting);
      server.sendData(connectionId, "{}\x1e");
      await started;
      assert.equal(client.connectionId, connectionId);
      assert.equal(protocol, way.protocol);
      assert.match(query, /^\?hub=chat($|&)/);
      assert.doesNotMatch(query, /[?&](id|access_token)=/);
      assert.ok(!headers.some(([name]) => /^(authorization|sec-websocket-.*|connection)$/i.test(name)));
      await client.stop();
    });
});

describe("a client's handshake with its app server, §5.2", () => {
  test("is refused by the app server: the client gets its very words, and is gone", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(HANDSHAKE);
    const { connectionId } = await server.next("openConnection");
    await server.next("connectionData");
    server.sendData(connectionId, '{"error":"not you"}\x1e');
    server.send({ type: "closeConnection", connectionId, error: "not you", headers: [] });
    assert.deepEqual(await client.takeAll(), ['text {"error":"not you"}\x1e', "close 1000"]);
    const { category } = await hubwire.event("client.closed");
    assert.equal(category, "HandshakeError");
    await server.leave();
    await leftNothing(hubwire);
  });

  test("is ended by the app server without an answer: the client is told that it failed", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(HANDSHAKE);
    const { connectionId } = await server.next("openConnection");
    server.send({ type: "closeConnection", connectionId, error: "it broke", headers: [] });
    assert.deepEqual(await client.takeAll(), ["close 1000"]);
    assert.equal((await hubwire.event("client.closed")).reason, "it broke");
    await server.leave();
    await leftNothing(hubwire);
  });

  for (const [seconds, claims] of [
    [15, {}],
    [3, { "asrs.s.cht": "3" }],
  ] as const)
    test(`is not answered within ${seconds} s: the client is told, and the app server`, async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.connect(hubwire);
      using client = await RawWebSocket.open(hubwire, { claims });
      client.send(HANDSHAKE);
      const { connectionId } = await server.next("openConnection");
      await server.next("connectionData");
      hubwire.clock.advance(seconds * 1_000 - 1_000);
      assert.deepEqual(await server.heard(), []);
      hubwire.clock.advance(1_000);
      assert.equal((await server.next("closeConnection")).connectionId, connectionId);
      server.sendData(connectionId, "{}\x1e");
      assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
      await server.leave();
      await leftNothing(hubwire);
    });

  test("is answered together with the first messages", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(HANDSHAKE);
    const { connectionId } = await server.next("openConnection");
    const [first, second] = [jsonWire.invocation("a", [1]), jsonWire.invocation("b", [2])];
    server.sendData(connectionId, `{}\x1e${first}${second}`);
    assert.equal(await client.next(), "text {}\x1e");
    assert.equal(await client.next(), `text ${first}${second}`);
  });

  test("is answered together with the first messages of a binary protocol", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(handshake("messagepack"));
    const { connectionId } = await server.next("openConnection");
    const first = messagePackWire.invocation("a", ["\x1e"]);
    server.sendData(connectionId, Buffer.concat([Buffer.from("{}\x1e"), first]));
    assert.equal(await client.next(), `binary ${Buffer.from("{}\x1e").toString("hex")}`);
    assert.equal(await client.next(), `binary ${first.toString("hex")}`);
  });

  test("is answered in pieces", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(HANDSHAKE);
    const { connectionId } = await server.next("openConnection");
    for (const piece of ["{", '"minor', 'Version":1', "}\x1e"]) server.sendData(connectionId, piece);
    assert.equal(await client.next(), 'text {"minorVersion":1}\x1e');
  });

  test("is answered with what is no answer: the client gets it as it is, and is gone", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(HANDSHAKE);
    const { connectionId } = await server.next("openConnection");
    server.sendData(connectionId, "no json\x1e");
    assert.deepEqual(await client.takeAll(), ["text no json\x1e", "close 1000"]);
    await server.leave();
    await leftNothing(hubwire);
  });

  test("is answered without an end: the client is closed at limits.maxRelayedMessageBytes", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxRelayedMessageBytes: 1_024 } });
    const server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(HANDSHAKE);
    const { connectionId } = await server.next("openConnection");
    await server.next("connectionData");
    server.sendData(connectionId, "{".repeat(1_024));
    assert.deepEqual(await server.heard(), []);
    server.sendData(connectionId, "{");
    assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
    assert.equal((await server.next("closeConnection")).connectionId, connectionId);
    await server.leave();
    await leftNothing(hubwire);
  });

  test("comes with messages behind it: they follow it to the app server, whole and in order", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    const [first, second] = [jsonWire.invocation("a", [1]), jsonWire.invocation("b", [2])];
    client.send(`${HANDSHAKE}${first}${second.slice(0, 9)}`);
    await server.next("openConnection");
    assert.equal(String(await server.nextData()), HANDSHAKE);
    assert.equal(String(await server.nextData()), first);
    client.send(second.slice(9));
    assert.equal(String(await server.nextData()), second);
  });

  test("waits with all that follows until the user's groups are known", async () => {
    using lookUp = new SlowLookUp();
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire, { userId: "ann" });
    const first = jsonWire.invocation("a", [1]);
    client.send(`${HANDSHAKE}${first}`);
    await lookUp.asked;
    assert.deepEqual(await server.heard(), []);
    lookUp.answer(["g"]);
    await server.next("openConnection");
    assert.equal(String(await server.nextData()), HANDSHAKE);
    assert.equal(String(await server.nextData()), first);
  });

  test("names a protocol that the service does not know: refused in ASP.NET's words", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(handshake("protobuf"));
    const error = "The protocol 'protobuf' is not supported.";
    assert.deepEqual(await client.takeAll(), [`text ${JSON.stringify({ error })}\x1e`, "close 1000"]);
    assert.deepEqual(await server.heard(), []);
  });

  test("names a binary protocol on an event stream: refused", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    const { path } = await negotiate(hubwire);
    const stream = await EventStream.open(hubwire, path);
    await call(hubwire, "POST", path, { body: handshake("messagepack") });
    assert.match(await stream.next(), /does not support 'Binary' transfer format/);
    await stream.ended;
    assert.deepEqual(await server.heard(), []);
  });
});
