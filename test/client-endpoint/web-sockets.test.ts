import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { test } from "node:test";
import { parseConnectionString } from "../../src/auth/connection-string.ts";
import { mintRestToken } from "../../src/auth/token.ts";
import { clientFrame, clientText, FIN } from "../support/client-frame.ts";
import { call, settled } from "../support/http-call.ts";
import {
  accepted,
  connect,
  frameOf,
  handshake,
  jsonWire,
  leftNothing,
  messagePackWire,
  roundTrip,
  unhandled,
  wires,
} from "../support/hub-wire.ts";
import { negotiate } from "../support/negotiate.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const CLOSE_BY_REST = "/api/hubs/chat/:closeConnections?api-version=2022-06-01";

test("W01: a client without an id is served at once", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire);
  assert.equal(client.status, 101);
  client.send('{"protocol":"json","version":1}\x1e');
  assert.equal(await client.next(), "text {}\x1e");
  client.send('{"type":7}\x1e');
  assert.deepEqual(await client.takeAll(), ['text {"type":7}\x1e', "close 1000"]);
  await leftNothing(hubwire);
});

test("W02: a negotiated client is in its hub under the connection id that it was promised", async () => {
  await using hubwire = await TestHubwire.start();
  const { connectionId, path } = await negotiate(hubwire);
  using client = await connect(hubwire, { path });
  assert.equal((await hubwire.event("client.opened")).connectionId, connectionId);
  await hubwire.send(`connections/${connectionId}/`, "news", [1]);
  assert.equal(await client.next(), frameOf(jsonWire.invocation("news", [1])));
});

test("W03: an unknown id is refused", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire, { path: "/client/?hub=chat&id=unknown" });
  await client.takeToEnd();
  assert.equal(client.status, 404);
  assert.equal(client.body, "No Connection with that ID");
});

test("W05: other requests on a connection that uses WebSockets are refused", async () => {
  await using hubwire = await TestHubwire.start();
  const { path } = await negotiate(hubwire);
  using client = await connect(hubwire, { path });
  const refusals = [
    await call(hubwire, "POST", path),
    await call(hubwire, "DELETE", path),
    await call(hubwire, "GET", path),
    await call(hubwire, "GET", path, { headers: { Accept: "text/event-stream" } }),
  ];
  assert.deepEqual(
    refusals.map(({ status, body }) => [status, body]),
    [
      [405, "POST requests are not allowed for WebSocket connections."],
      [400, "Cannot terminate this connection using the DELETE endpoint."],
      [400, "Cannot change transports mid-connection"],
      [400, "Cannot change transports mid-connection"],
    ],
  );
  using second = await RawWebSocket.open(hubwire, { path });
  await second.takeToEnd();
  assert.deepEqual([second.status, second.body], [409, ""]);
  await roundTrip(client);
});

test("W05: a refused upgrade keeps no socket, whatever its client goes on sending", {
  timeout: 10_000,
}, async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire, { path: "/client/?hub=chat&id=unknown" });
  const closed = new Promise((resolve) => client.socket.once("close", resolve));
  // The client never ends its side: only a service that has let the socket go answers with a reset.
  const goOn = setInterval(() => client.socket.write("x"), 1).unref();
  await closed;
  clearInterval(goOn);
});

test("W06: an invocation over three frames, or three messages, is answered once", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  for (const [id, firstBytes] of [
    ["1", [0x01, 0x00, FIN]],
    ["2", [FIN | 1, FIN | 1, FIN | 2]],
  ] as const) {
    const message = Buffer.from(jsonWire.invocation("Echo", ["hello"], id));
    const cuts = [0, 7, 20, message.length];
    for (const [index, first] of firstBytes.entries())
      client.socket.write(clientFrame({ first, payload: message.subarray(cuts[index], cuts[index + 1]) }));
    assert.equal(await client.next(), unhandled(jsonWire, "Echo", id));
  }
  await roundTrip(client);
});

test("W07: two invocations in one frame are answered in order", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  client.send(`${jsonWire.invocation("A", [], "1")}${jsonWire.invocation("B", [], "2")}`);
  assert.deepEqual(await client.take(2), [unhandled(jsonWire, "A", "1"), unhandled(jsonWire, "B", "2")]);
});

test("W09: MessagePack is answered in binary frames, the handshake included", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire);
  client.send('{"protocol":"messagepack","version":1}\x1e');
  assert.equal(await client.next(), "binary 7b7d1e");
  await hubwire.send("", "Message", ["m"]);
  assert.equal(await client.next(), "binary 10960180c0a74d65737361676591a16d90");
  hubwire.clock.advance(15_000);
  assert.equal(await client.next(), "binary 029106");
  client.send(Buffer.from("039207c0", "hex"));
  assert.deepEqual(await client.takeAll(), ["binary 049307c0c2", "close 1000"]);
});

test("W10: an invocation in the frame of the handshake is answered after it", async () => {
  await using hubwire = await TestHubwire.start();
  for (const wire of wires) {
    using client = await RawWebSocket.open(hubwire);
    client.send(
      Buffer.concat([Buffer.from(handshake(wire.protocol)), Buffer.from(wire.invocation("Echo", [1], "1"))]),
    );
    assert.deepEqual(await client.take(2), [accepted(wire), unhandled(wire, "Echo", "1")]);
  }
});

test("W11: 20 large messages arrive in order, each as a message of its own", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  const texts = Array.from({ length: 20 }, (_, index) => String.fromCharCode(97 + index).repeat(100_000));
  for (const text of texts) await hubwire.send("", "news", [text]);
  const frames = await client.take(20);
  for (const [index, text] of texts.entries())
    assert.ok(frames[index] === frameOf(jsonWire.invocation("news", [text])), `message ${index}`);
});

test("W11: a burst of 20 messages leaves in fewer writes, whole and in order, to both protocols", async () => {
  await using hubwire = await TestHubwire.start();
  using json = await connect(hubwire);
  using messagePack = await connect(hubwire, { wire: messagePackWire });
  const readsBefore = json.reads;
  const sends = Array.from({ length: 20 }, (_, index) => restSend(hubwire, "news", [index]));
  const caller = connectSocket({ host: new URL(hubwire.url).hostname, port: hubwire.port });
  caller.write(sends.join(""));
  for (const [client, wire] of [
    [json, jsonWire],
    [messagePack, messagePackWire],
  ] as const)
    assert.deepEqual(
      await client.take(20),
      sends.map((_, index) => frameOf(wire.invocation("news", [index]))),
    );
  assert.ok(json.reads - readsBefore < 10, `${json.reads - readsBefore} reads`);
  caller.destroy();
});

test("W13: a reset connection is forgotten at once", async () => {
  await using hubwire = await TestHubwire.start();
  const { path } = await negotiate(hubwire);
  using client = await connect(hubwire, { path });
  client.drop();
  await hubwire.event("client.closed", ({ category }) => category === "Normal");
  const { status, body } = await call(hubwire, "GET", path);
  assert.deepEqual([status, body], [404, "No Connection with that ID"]);
  await leftNothing(hubwire);
});

test("W14: a client that the service closes gets a Close message, then close 1000 without a reason", async () => {
  await using hubwire = await TestHubwire.start();
  for (const wire of wires) {
    using client = await connect(hubwire, { wire });
    await hubwire.rest("POST", CLOSE_BY_REST);
    assert.deepEqual(await client.takeAll(), [frameOf(wire.close(undefined, true)), "close 1000"]);
  }
  await leftNothing(hubwire);
});

test("W15: a client that does not answer the close is cut off after 5 seconds", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  await hubwire.rest("POST", CLOSE_BY_REST);
  await client.take(2);
  hubwire.clock.advance(4_000);
  await settled(hubwire);
  assert.equal(client.socket.readableEnded, false);
  hubwire.clock.advance(1_000);
  assert.deepEqual(await client.takeToEnd(), []);
  await leftNothing(hubwire);
});

test("W17: no subprotocol and no extension is negotiated", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire, {
    headers: {
      "Sec-WebSocket-Protocol": "json",
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    },
  });
  assert.equal(
    client.head,
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  );
});

test("W18: an upgrade without a key is a poll without an id", async () => {
  await using hubwire = await TestHubwire.start();
  const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
  const { status, body } = await call(hubwire, "GET", "/client/?hub=chat", { headers });
  assert.deepEqual([status, body], [400, "Connection ID required"]);
});

test("W19: a message that is unfinished when the client closes is not answered", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  client.send('{"type":1,"target":"Echo","invocationId":"1","arg');
  client.close(4001);
  assert.deepEqual(await client.takeToEnd(), ["close 1000"]);
  const { category, reason } = await hubwire.event("client.closed");
  assert.deepEqual([category, reason], ["Normal", "The client closed with 4001."]);
  assert.equal(
    hubwire.events.some(({ name }) => name === "client.invocation_unhandled"),
    false,
  );
  await leftNothing(hubwire);
});

test("W21: no WebSocket ping is ever sent: a client that would not answer stays", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  hubwire.clock.advance(120_000);
  assert.deepEqual(
    await client.take(8),
    Array.from({ length: 8 }, () => 'text {"type":6}\x1e'),
  );
  await roundTrip(client);
});

test("a WebSocket ping is answered, a broken frame closed with 1002", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  client.socket.write(clientFrame({ first: FIN | 9, payload: Buffer.from("are you there") }));
  assert.equal(await client.next(), `broken 8a ${Buffer.from("are you there").toString("hex")}`);
  client.socket.write(Buffer.concat([clientText(jsonWire.invocation("A", [], "1")), Buffer.of(0xff, 0xff)]));
  assert.deepEqual(await client.takeAll(), [
    unhandled(jsonWire, "A", "1"),
    "close 1002 A reserved bit is set.",
  ]);
  await hubwire.event("client.closed", ({ reason }) => reason === "A reserved bit is set.");
  await leftNothing(hubwire);
});

test("a client that never reads is closed as slow; another of its hub goes on receiving", async () => {
  await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 1_048_576 } });
  const { path } = await negotiate(hubwire, { userId: "slow" });
  using slow = await connect(hubwire, { path });
  using quick = await connect(hubwire);
  slow.socket.pause();
  const text = "x".repeat(500_000);
  const isClosed = (): boolean => hubwire.events.some(({ name }) => name === "client.closed");
  let sent = 0;
  for (; !isClosed() && sent < 200; sent++) {
    await hubwire.send("", "news", [text]);
    assert.ok((await quick.next()) === frameOf(jsonWire.invocation("news", [text])), `message ${sent}`);
  }
  assert.ok(isClosed());
  const { connectionId, category, reason } = await hubwire.event("client.closed");
  assert.equal(category, "SlowClient");
  assert.equal(reason, "The client is too slow: more than 1048576 bytes wait for it.");
  const exists = await hubwire.rest(
    "HEAD",
    `/api/hubs/chat/connections/${connectionId}?api-version=2022-06-01`,
  );
  assert.equal(exists.status, 404);
  assert.equal((await call(hubwire, "GET", path)).status, 404);
  await hubwire.send("", "news", ["last"]);
  assert.equal(await quick.next(), frameOf(jsonWire.invocation("news", ["last"])));
});

test("a client whose socket takes nothing for sendSeconds is closed as slow", async () => {
  await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 100_000_000 } });
  using slow = await connect(hubwire);
  slow.socket.pause();
  for (let sent = 0; sent < 20; sent++) await hubwire.send("", "news", ["x".repeat(1_000_000)]);
  // Whatever the kernel takes it has taken when the second sweep finds the same as the first.
  hubwire.clock.advance(1_000);
  await settled(hubwire);
  hubwire.clock.advance(9_000);
  assert.deepEqual(
    hubwire.events.filter(({ name }) => name === "client.closed"),
    [],
  );
  hubwire.clock.advance(2_000);
  const { category } = await hubwire.event("client.closed");
  assert.equal(category, "SlowClient");
  await leftNothing(hubwire);
});

test("a page of an origin that is not allowed gets no WebSocket", async () => {
  await using hubwire = await TestHubwire.start({ cors: { allowedOrigins: ["https://app.example"] } });
  using other = await RawWebSocket.open(hubwire, { headers: { Origin: "https://other.example" } });
  await other.takeToEnd();
  assert.deepEqual([other.status, other.body], [403, "Pages of this origin may not connect."]);
  using app = await connect(hubwire, { headers: { Origin: "https://app.example" } });
  await roundTrip(app);
});

test("an upgrade without a valid token is refused with the challenge", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire, { path: "/client/?hub=chat" });
  await client.takeToEnd();
  assert.equal(client.status, 401);
  assert.match(client.head, /\r\nWWW-Authenticate: Bearer\r\n/);
  using byQuery = await connect(hubwire, {
    path: `/client/?hub=chat&access_token=${hubwire.clientToken()}`,
  });
  await roundTrip(byQuery);
});

/** A whole REST request that sends to all, for several on one connection. */
function restSend(hubwire: TestHubwire, target: string, args: readonly unknown[]): string {
  const path = "/api/hubs/chat/:send?api-version=2022-06-01";
  const token = mintRestToken({
    url: `${hubwire.url}${path}`,
    accessKey: parseConnectionString(hubwire.node.connectionString).accessKey,
    lifetimeSeconds: 60,
    nowMs: hubwire.clock.epochMs(),
  });
  const body = JSON.stringify({ target, arguments: args });
  return (
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
