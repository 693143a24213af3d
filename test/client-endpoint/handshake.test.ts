import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../support/http-call.ts";
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
} from "../support/hub-wire.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { SlowLookUp } from "../support/slow-look-up.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const ACCEPTED = "text {}\x1e";
const CANCELED = 'text {"error":"Handshake was canceled."}\x1e';
const UNEXPECTED = "An unexpected error occurred during connection handshake.";
const MAX_HANDSHAKE_BYTES = 32_768;

for (const [protocol, version, reply] of [
  ["json", 0, "text {}\x1e"],
  ["json", 1, "text {}\x1e"],
  ["json", 2, "text {}\x1e"],
  ["JSON", -1, "text {}\x1e"],
  ["messagepack", 1, "binary 7b7d1e"],
  ["messagepack", 2, "binary 7b7d1e"],
] as const)
  test(`H01, H09: protocol ${protocol} in version ${version} is accepted with an empty object`, async () => {
    await using hubwire = await TestHubwire.start();
    using client = await RawWebSocket.open(hubwire);
    client.send(handshake(protocol, version));
    assert.equal(await client.next(), reply);
    const { hub, transport, protocol: opened } = await hubwire.event("client.opened");
    assert.deepEqual([hub, transport, opened], ["chat", "WebSockets", protocol.toLowerCase()]);
  });

for (const [id, request, error] of [
  ["H02", handshake("json", 3), "The server does not support version 3 of the 'json' protocol."],
  [
    "H02",
    handshake("messagepack", 3),
    "The server does not support version 3 of the 'messagepack' protocol.",
  ],
  ["H03", handshake("xml"), "The protocol 'xml' is not supported."],
] as const)
  test(`${id}: the handshake ${request.slice(0, -1)} is refused as text, and the socket closed`, async () => {
    await using hubwire = await TestHubwire.start();
    using client = await RawWebSocket.open(hubwire);
    client.send(`${request}${jsonWire.invocation("Late", [], "1")}`);
    assert.deepEqual(await client.takeAll(), [`text ${JSON.stringify({ error })}\x1e`, "close 1000"]);
    assert.equal((await hubwire.event("client.handshake_failed")).reason, error);
    assert.equal((await hubwire.event("client.closed")).category, "HandshakeError");
    await leftNothing(hubwire);
  });

for (const [request, detail] of [
  ["garbage", "InvalidDataException: Error reading JSON."],
  ["[]", "InvalidDataException: Unexpected JSON Token Type 'Array'. Expected a JSON Object."],
  ['{"version":1}', "InvalidDataException: Missing required property 'protocol'."],
  ['{"protocol":"json"}', "InvalidDataException: Missing required property 'version'."],
  ['{"protocol":"json","version":"1"}', "InvalidDataException: Expected 'version' to be of type Number."],
  ['{"type":6}', "InvalidDataException: Missing required property 'protocol'."],
  ["", "InvalidDataException: Error reading JSON."],
] as const)
  test(`a handshake '${request}' is refused, with the reason where the token allows details`, async () => {
    await using hubwire = await TestHubwire.start();
    for (const [claims, error] of [
      [{}, UNEXPECTED],
      [{ "asrs.s.derror": "True" }, `${UNEXPECTED} ${detail}`],
    ] as const) {
      using client = await RawWebSocket.open(hubwire, { claims });
      client.send(`${request}\x1e`);
      assert.deepEqual(await client.takeAll(), [`text ${JSON.stringify({ error })}\x1e`, "close 1000"]);
    }
    await leftNothing(hubwire);
  });

test("H05: a client without a handshake is told so after 15 seconds, and closed", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire);
  client.send('{"protocol":"json",');
  await settled(hubwire);
  hubwire.clock.advance(14_000);
  await settled(hubwire);
  assert.equal(client.waiting, 0);
  hubwire.clock.advance(1_000);
  assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
  assert.equal((await hubwire.event("client.handshake_failed")).reason, "handshake timeout");
  await leftNothing(hubwire);
});

test("H06: more bytes than the limit without a handshake in them are refused", async () => {
  await using hubwire = await TestHubwire.start();
  for (const pieces of [[MAX_HANDSHAKE_BYTES + 1], [MAX_HANDSHAKE_BYTES, 1], [10_000, 10_000, 12_769]]) {
    using client = await RawWebSocket.open(hubwire);
    for (const length of pieces) {
      client.send(" ".repeat(length));
      await settled(hubwire);
    }
    assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
  }
  await leftNothing(hubwire);
});

test("H06: a handshake of exactly the limit is accepted, one byte more is not", async () => {
  await using hubwire = await TestHubwire.start();
  for (const [length, reply] of [
    [MAX_HANDSHAKE_BYTES, ACCEPTED],
    [MAX_HANDSHAKE_BYTES + 1, CANCELED],
  ] as const)
    for (const isCut of [false, true]) {
      using client = await RawWebSocket.open(hubwire);
      const request = handshake("json")
        .slice(0, -1)
        .padEnd(length - 1);
      client.send(isCut ? request : `${request}\x1e`);
      if (isCut) await settled(hubwire);
      if (isCut) client.send("\x1e");
      assert.equal(await client.next(), reply);
    }
});

test("H07: a handshake in three pieces is accepted", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire);
  for (const piece of ['{"version":1,"more":[{"}":', '"]"}],"protocol":"js', 'on"}\x1e']) {
    client.send(piece);
    await settled(hubwire);
  }
  assert.equal(await client.next(), ACCEPTED);
  await roundTrip(client);
});

test("H10: a token can set its own handshake timeout", async () => {
  await using hubwire = await TestHubwire.start();
  using impatient = await RawWebSocket.open(hubwire, { claims: { "asrs.s.cht": "5" } });
  using patient = await RawWebSocket.open(hubwire, { claims: { "asrs.s.cht": 30 } });
  hubwire.clock.advance(4_000);
  await settled(hubwire);
  assert.equal(impatient.waiting, 0);
  hubwire.clock.advance(1_000);
  assert.deepEqual(await impatient.takeAll(), [CANCELED, "close 1000"]);
  hubwire.clock.advance(24_000);
  patient.send(handshake("json"));
  assert.equal(await patient.next(), ACCEPTED);
});

test("a handshake that is over does not time out", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  hubwire.clock.advance(15_000);
  assert.equal(await client.next(), frameOf(jsonWire.ping));
  await roundTrip(client);
});

test("a client that is closed before its handshake learns it in the handshake's form", async () => {
  const hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire);
  using detailed = await RawWebSocket.open(hubwire, { claims: { "asrs.s.derror": "True" } });
  await settled(hubwire);
  const stopped = hubwire.node.stop();
  assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
  assert.deepEqual(await detailed.takeAll(), [
    'text {"error":"Handshake was canceled. Service reloading, try reconnecting"}\x1e',
    "close 1000",
  ]);
  await stopped;
});

/** With a client whose handshake waits for its user's groups. */
async function whileOpening(
  use: (opening: {
    readonly hubwire: TestHubwire;
    readonly client: RawWebSocket;
    readonly lookUp: SlowLookUp;
  }) => Promise<void>,
): Promise<void> {
  using lookUp = new SlowLookUp();
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire, { userId: "alice" });
  client.send(handshake("json"));
  await lookUp.asked;
  await use({ hubwire, client, lookUp });
}

test("what comes while a user's groups are looked up is read afterwards, in order", () =>
  whileOpening(async ({ hubwire, client, lookUp }) => {
    const invocations = ["1", "2", "3"].map((id) => jsonWire.invocation("Early", [], id));
    const bytes = invocations.join("");
    for (const piece of [bytes.slice(0, 30), bytes.slice(30, 90), bytes.slice(90)]) {
      client.send(piece);
      await settled(hubwire);
    }
    lookUp.answer([]);
    assert.deepEqual(await client.take(4), [
      ACCEPTED,
      ...["1", "2", "3"].map((id) => unhandled(jsonWire, "Early", id)),
    ]);
    await roundTrip(client);
  }));

test("what comes together with the handshake is read when the user's groups are known", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire, { userId: "alice" });
  client.send(`${handshake("json")}${jsonWire.invocation("Early", [], "1")}`);
  assert.deepEqual(await client.take(2), [ACCEPTED, unhandled(jsonWire, "Early", "1")]);
});

test("what is sent to a user whose groups are looked up follows the reply to its handshake", () =>
  whileOpening(async ({ hubwire, client, lookUp }) => {
    await hubwire.send("users/alice/", "news", [1]);
    await hubwire.rest("PUT", "/api/hubs/chat/users/alice/groups/added?api-version=2022-06-01");
    await hubwire.send("groups/added/", "news", [2]);
    lookUp.answer(["stored"]);
    await hubwire.event("client.opened");
    await hubwire.send("groups/stored/", "news", [3]);
    const news = [1, 2, 3].map((index) => frameOf(jsonWire.invocation("news", [index])));
    assert.deepEqual(await client.take(4), [ACCEPTED, ...news]);
  }));

test("a client that leaves while its groups are looked up leaves nothing behind", () =>
  whileOpening(async ({ hubwire, client, lookUp }) => {
    client.drop();
    await hubwire.event("client.closed");
    lookUp.answer(["g"]);
    await leftNothing(hubwire);
    assert.equal(
      hubwire.events.some(({ name }) => name === "client.opened"),
      false,
    );
  }));

test("a client that sends more than a message may have while its groups are looked up is refused", () =>
  whileOpening(async ({ hubwire, client, lookUp }) => {
    for (let sent = 0; sent <= 1_048_576; sent += 65_536) client.send("x".repeat(65_536));
    assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
    assert.equal((await hubwire.event("client.closed")).category, "BadRequest");
    lookUp.answer(["g"]);
    await leftNothing(hubwire);
  }));

test("a client that is closed while its groups are looked up learns it in the handshake's form", () =>
  whileOpening(async ({ hubwire, client, lookUp }) => {
    await hubwire.rest("POST", "/api/hubs/chat/:closeConnections?api-version=2022-06-01");
    assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
    lookUp.answer([]);
    await leftNothing(hubwire);
  }));

test("the time for the handshake includes the look-up of the user's groups", () =>
  whileOpening(async ({ hubwire, client }) => {
    hubwire.clock.advance(14_000);
    await settled(hubwire);
    assert.equal(client.waiting, 0);
    hubwire.clock.advance(1_000);
    assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
    await leftNothing(hubwire);
  }));

test("a client whose groups cannot be read is refused", () =>
  whileOpening(async ({ hubwire, client, lookUp }) => {
    lookUp.fail(new Error("the store is gone"));
    assert.deepEqual(await client.takeAll(), [CANCELED, "close 1000"]);
    await hubwire.event("store.failed");
    await leftNothing(hubwire);
  }));

test("nothing is sent to a client whose handshake is not over", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire);
  using messagePack = await RawWebSocket.open(hubwire);
  client.send('{"protocol":"json",');
  await settled(hubwire);
  await hubwire.send("", "news", ["missed"]);
  client.send('"version":1}\x1e');
  messagePack.send(handshake("messagepack"));
  assert.equal(await client.next(), ACCEPTED);
  assert.equal(await messagePack.next(), accepted(messagePackWire));
  await roundTrip(client);
  await roundTrip(messagePack, messagePackWire);
});
