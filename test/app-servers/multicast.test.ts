import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AppServerMessage } from "../../src/protocol/service-message.ts";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { frameOf, jsonWire, messagePackWire } from "../support/hub-wire.ts";
import { HANDSHAKE } from "../support/negotiate.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { type Person, payloadOf, RelayedRoom } from "../support/relayed-room.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const EVERYONE: Person[] = ["ann", "annToo", "bob", "nobody"];
const payload = payloadOf("say", []);
const NO_EXCEPTIONS = { excluded: [], excludedUserIds: [], callerUserId: null };

/** A room with a group of Ann's first connection and Bob's, and one of both of Ann's. */
async function roomWithGroups(): Promise<RelayedRoom> {
  const room = await RelayedRoom.open();
  for (const [name, group] of [
    ["ann", "g"],
    ["bob", "g"],
    ["ann", "h"],
    ["annToo", "h"],
  ] as const)
    room.asker.send({ type: "joinGroup", connectionId: room.id(name), group });
  await room.asker.settled();
  return room;
}

describe("messages to many, §3.7", () => {
  const cases: readonly [string, (id: RelayedRoom["id"]) => AppServerMessage, Person[]][] = [
    [
      "7: to connections, each once, unknown ones passed over",
      (id) => ({
        type: "multiConnectionData",
        connectionIds: [id("ann"), "?", id("bob"), id("ann")],
        payload,
      }),
      ["ann", "bob"],
    ],
    ["8: to a user", () => ({ type: "userData", userId: "ann", payload }), ["ann", "annToo"]],
    ["8: to a user that is not here", () => ({ type: "userData", userId: "eve", payload }), []],
    [
      "9: to users",
      () => ({ type: "multiUserData", userIds: ["ann", "bob", "eve", "ann"], payload }),
      ["ann", "annToo", "bob"],
    ],
    ["10: to all", () => ({ type: "broadcastData", excluded: [], payload }), EVERYONE],
    [
      "10: to all but some connections",
      (id) => ({ type: "broadcastData", excluded: [id("ann"), "?"], payload }),
      ["annToo", "bob", "nobody"],
    ],
    [
      "13: to a group",
      () => ({ type: "groupBroadcastData", group: "g", ...NO_EXCEPTIONS, payload }),
      ["ann", "bob"],
    ],
    [
      "13: to a group but some connections",
      (id) => ({ type: "groupBroadcastData", group: "g", ...NO_EXCEPTIONS, excluded: [id("bob")], payload }),
      ["ann"],
    ],
    [
      "13: to a group but some users",
      () => ({
        type: "groupBroadcastData",
        group: "g",
        ...NO_EXCEPTIONS,
        excludedUserIds: ["ann", "?"],
        payload,
      }),
      ["bob"],
    ],
    [
      "13: to a group that nobody is in",
      () => ({ type: "groupBroadcastData", group: "x", ...NO_EXCEPTIONS, payload }),
      [],
    ],
    [
      "14: to groups, once for each",
      () => ({ type: "multiGroupBroadcastData", groups: ["g", "x", "h"], payload }),
      ["ann", "ann", "annToo", "bob"],
    ],
  ];
  for (const [rule, message, expected] of cases)
    test(rule, async () => {
      await using room = await roomWithGroups();
      assert.deepEqual(await room.hearers(message((name) => room.id(name))), expected);
    });

  const filter = "userId eq 'ann'";
  for (const [message, expected] of [
    [{ type: "multiUserData", userIds: ["ann", "bob"], payload, filter }, ["ann", "annToo"]],
    [{ type: "userData", userId: "bob", payload, filter }, []],
    [{ type: "broadcastData", excluded: [], payload, filter }, ["ann", "annToo"]],
    [{ type: "groupBroadcastData", group: "g", ...NO_EXCEPTIONS, payload, filter }, ["ann"]],
    [
      {
        type: "groupBroadcastData",
        group: "g",
        ...NO_EXCEPTIONS,
        excludedUserIds: ["ann"],
        payload,
        filter,
      },
      [],
    ],
    [{ type: "multiGroupBroadcastData", groups: ["g", "h"], payload, filter }, ["ann", "ann", "annToo"]],
  ] as const)
    test(`${message.type} is narrowed by a filter, §3.2`, async () => {
      await using room = await roomWithGroups();
      assert.deepEqual(await room.hearers(message), expected);
    });

  test("7 is narrowed by a filter", async () => {
    await using room = await roomWithGroups();
    const connectionIds = EVERYONE.map((name) => room.id(name));
    const filtered = "'g' in groups";
    assert.deepEqual(
      await room.hearers({ type: "multiConnectionData", connectionIds, payload, filter: filtered }),
      ["ann", "bob"],
    );
  });

  test("one with a filter that cannot be read reaches nobody, and is told once", async () => {
    await using room = await roomWithGroups();
    for (let time = 0; time < 3; time++)
      assert.deepEqual(
        await room.hearers({ type: "broadcastData", excluded: [], payload, filter: "userId is 'ann'" }),
        [],
      );
    const told = room.hubwire.events.filter(({ name }) => name === "server.message_dropped");
    assert.equal(told.length, 1);
    assert.deepEqual(await room.hearers({ type: "broadcastData", excluded: [], payload }), EVERYONE);
  });

  test("goes out byte by byte as it came, in the client's protocol only, §3.6", async () => {
    await using room = await RelayedRoom.open();
    const odd = Buffer.from('{ "arguments":[1e400] , "type":1,"target":"x"}\x1e');
    const send = (...entries: readonly (readonly [string, Buffer])[]): void =>
      room.asker.send({ type: "broadcastData", excluded: [], payload: entries });
    send(["json", odd]);
    assert.deepEqual(await room.news(), { ann: [frameOf(String(odd))], nobody: [frameOf(String(odd))] });
    const packed = messagePackWire.invocation("x", [1]);
    send(["unknown", odd], ["MessagePack", packed]);
    assert.deepEqual(await room.news(), { annToo: [frameOf(packed)], bob: [frameOf(packed)] });
    send();
    assert.deepEqual(await room.news(), {});
  });

  test("one whose payload is broken in a protocol reaches those of the other", async () => {
    await using room = await RelayedRoom.open();
    const good = jsonWire.invocation("x", []);
    room.asker.send({
      type: "broadcastData",
      excluded: [],
      payload: [
        ["messagepack", Buffer.from("ffffffffff01", "hex")],
        ["json", Buffer.from(good)],
      ],
    });
    const { ann, nobody } = await room.news();
    assert.deepEqual([ann, nobody], [[frameOf(good)], [frameOf(good)]]);
    for (const framed of [good.slice(0, -1), ""])
      room.asker.send({ type: "broadcastData", excluded: [], payload: [["json", Buffer.from(framed)]] });
    assert.deepEqual(await room.news(), {});
  });

  test("a hub's messages stay in the hub", async () => {
    await using room = await RelayedRoom.open();
    using other = await AppServerPeer.connect(room.hubwire, { hub: "other" });
    other.send(
      { type: "broadcastData", excluded: [], payload },
      { type: "userData", userId: "ann", payload },
      { type: "multiConnectionData", connectionIds: [room.id("ann")], payload },
    );
    await other.settled();
    assert.deepEqual(await room.news(), {});
  });
});

test("what is sent to a client before its handshake is answered waits for the answer, and comes right behind it", async () => {
  await using hubwire = await TestHubwire.start();
  using server = await AppServerPeer.connect(hubwire);
  using weak = await AppServerPeer.connect(hubwire, { type: 2 });
  using client = await RawWebSocket.open(hubwire, { userId: "ann" });
  client.send(HANDSHAKE);
  const { connectionId } = await server.next("openConnection");
  await server.next("connectionData");
  const told = (target: string): string => frameOf(jsonWire.invocation(target, []));
  weak.send(
    { type: "multiConnectionData", connectionIds: [connectionId], payload: payloadOf("a", []) },
    { type: "userData", userId: "ann", payload: payloadOf("b", []) },
    { type: "joinGroup", connectionId, group: "g" },
    { type: "groupBroadcastData", group: "g", ...NO_EXCEPTIONS, payload: payloadOf("c", []) },
    { type: "broadcastData", excluded: [], payload: payloadOf("d", []) },
  );
  await weak.settled();
  assert.equal(client.waiting, 0);
  server.sendData(connectionId, `{}\x1e${jsonWire.invocation("e", [])}`);
  assert.deepEqual(await client.take(6), ["text {}\x1e", ...["a", "b", "c", "d", "e"].map(told)]);
});

test("joins, sends and leaves of one connection are done in their order, §3.7", async () => {
  await using room = await RelayedRoom.open();
  const connectionId = room.id("ann");
  const ROUNDS = 200;
  const group = "g";
  for (let round = 0; round < ROUNDS; round++)
    room.asker.send(
      { type: "groupBroadcastData", group, ...NO_EXCEPTIONS, payload: payloadOf("early", []) },
      round % 2 === 0
        ? { type: "joinGroup", connectionId, group, ackId: round }
        : { type: "joinGroup", connectionId, group },
      { type: "groupBroadcastData", group, ...NO_EXCEPTIONS, payload: payloadOf("member", [round]) },
      round % 3 === 0
        ? { type: "leaveGroup", connectionId, group: null, ackId: round }
        : { type: "leaveGroup", connectionId, group },
    );
  await room.asker.settled();
  const expected = Array.from({ length: ROUNDS }, (_, round) =>
    frameOf(jsonWire.invocation("member", [round])),
  );
  assert.deepEqual(await room.news(), { ann: expected });
});
