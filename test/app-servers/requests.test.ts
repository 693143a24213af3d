import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { decode } from "@msgpack/msgpack";
import { AckStatus } from "../../src/protocol/service-message.ts";
import { MemoryMembershipStore } from "../../src/store/memory-membership-store.ts";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { until } from "../support/http-call.ts";
import { frameOf, jsonWire, messagePackWire } from "../support/hub-wire.ts";
import { relayedClient } from "../support/relayed-client.ts";
import { RelayedRoom } from "../support/relayed-room.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const { ok, notFound, internalError } = AckStatus;

describe("groups of connections, §3.7", () => {
  test("11, 12: a connection joins and leaves; unknown ones are no error", async () => {
    await using room = await RelayedRoom.open();
    room.asker.send(
      { type: "joinGroup", connectionId: room.id("ann"), group: "g" },
      { type: "joinGroup", connectionId: room.id("bob"), group: "g" },
      { type: "joinGroup", connectionId: "?", group: "g" },
      { type: "leaveGroup", connectionId: "?", group: "g" },
      { type: "leaveGroup", connectionId: "?", group: null },
    );
    assert.deepEqual(await room.asker.heard(), []);
    assert.deepEqual(await room.membersOf("g"), ["ann", "bob"]);
    room.asker.send({ type: "leaveGroup", connectionId: room.id("ann"), group: "g" });
    assert.deepEqual(await room.membersOf("g"), ["bob"]);
  });

  test("12: without a group a connection leaves all", async () => {
    await using room = await RelayedRoom.open();
    for (const group of ["g", "h"])
      for (const name of ["ann", "annToo"] as const)
        room.asker.send({ type: "joinGroup", connectionId: room.id(name), group });
    room.asker.send({ type: "leaveGroup", connectionId: room.id("ann"), group: null });
    assert.deepEqual([await room.membersOf("g"), await room.membersOf("h")], [["annToo"], ["annToo"]]);
  });

  test("18: acknowledged as Ok, or NotFound for an unknown connection", async () => {
    await using room = await RelayedRoom.open();
    const join = (connectionId: string) => (ackId: number) =>
      ({ type: "joinGroup", connectionId, group: "g", ackId }) as const;
    assert.equal(await room.status(join(room.id("ann"))), ok);
    assert.equal(await room.status(join(room.id("ann"))), ok);
    assert.equal(await room.status(join("?")), notFound);
    assert.deepEqual(await room.membersOf("g"), ["ann"]);
  });

  test("19: acknowledged as Ok, member or not, and without a group for all of them", async () => {
    await using room = await RelayedRoom.open();
    for (const group of ["g", "h"])
      room.asker.send({ type: "joinGroup", connectionId: room.id("ann"), group });
    const leave = (connectionId: string, group: string | null) => (ackId: number) =>
      ({ type: "leaveGroup", connectionId, group, ackId }) as const;
    assert.equal(await room.status(leave(room.id("ann"), "x")), ok);
    assert.equal(await room.status(leave("?", "g")), ok);
    assert.equal(await room.status(leave(room.id("ann"), "g")), ok);
    assert.deepEqual([await room.membersOf("g"), await room.membersOf("h")], [[], ["ann"]]);
    assert.equal(await room.status(leave(room.id("ann"), null)), ok);
    assert.deepEqual(await room.membersOf("h"), []);
  });
});

describe("groups of users, §3.7", () => {
  /** Whether a new connection of a user is in a group. */
  async function isForNewcomers(room: RelayedRoom, userId: string, group: string): Promise<boolean> {
    using client = await relayedClient(room.hubwire, room.server, { userId });
    const excluded = (["ann", "annToo", "bob"] as const).map((name) => room.id(name));
    await room.status((ackId) => ({ type: "closeGroupConnections", group, reason: null, ackId, excluded }));
    const isMember = (await room.server.heard()).length === 1;
    client.drop();
    if (!isMember) await room.server.next("closeConnection");
    return isMember;
  }

  test("16, 26: present connections and those to come; 17, 27: no longer", async () => {
    await using room = await RelayedRoom.open();
    room.asker.send({ type: "userJoinGroup", userId: "ann", group: "g" });
    assert.equal(
      await room.status((ackId) => ({ type: "userJoinGroup", userId: "eve", group: "g", ackId })),
      ok,
    );
    assert.deepEqual(await room.membersOf("g"), ["ann", "annToo"]);
    assert.equal(await isForNewcomers(room, "eve", "g"), true);
    room.asker.send({ type: "userLeaveGroup", userId: "ann", group: "g" });
    assert.deepEqual(await room.membersOf("g"), []);
    assert.equal(
      await room.status((ackId) => ({ type: "userLeaveGroup", userId: "eve", group: "g", ackId })),
      ok,
    );
    assert.equal(await isForNewcomers(room, "eve", "g"), false);
  });

  test("16, 26: a time to live ends what is remembered; 0 remembers nothing", async () => {
    await using room = await RelayedRoom.open();
    room.asker.send(
      { type: "userJoinGroup", userId: "ann", group: "g", ttlSeconds: 0 },
      { type: "userJoinGroup", userId: "eve", group: "g", ttlSeconds: 20 },
    );
    assert.deepEqual(await room.membersOf("g"), ["ann", "annToo"]);
    room.hubwire.clock.advance(19_000);
    await room.server.settled();
    const isMember = (userId: string) => (ackId: number) =>
      ({ type: "checkUserInGroup", userId, group: "g", ackId }) as const;
    assert.equal(await room.status(isMember("eve")), ok);
    room.hubwire.clock.advance(1_000);
    assert.equal(await room.status(isMember("eve")), notFound);
    assert.equal(await isForNewcomers(room, "ann", "g"), false);
  });

  test("17, 27: without a group a user leaves all", async () => {
    await using room = await RelayedRoom.open();
    for (const group of ["g", "h"])
      for (const userId of ["ann", "bob"]) room.asker.send({ type: "userJoinGroup", userId, group });
    room.asker.send({ type: "userLeaveGroup", userId: "ann", group: null });
    assert.deepEqual([await room.membersOf("g"), await room.membersOf("h")], [["bob"], ["bob"]]);
    const leave = (ackId: number) => ({ type: "userLeaveGroup", userId: "bob", group: null, ackId }) as const;
    assert.equal(await room.status(leave), ok);
    assert.deepEqual([await room.membersOf("g"), await room.membersOf("h")], [[], []]);
  });
});

describe("questions, §3.7", () => {
  test("21, 23, 24, 25: Ok is yes, NotFound is no", async () => {
    await using room = await RelayedRoom.open();
    room.asker.send({ type: "joinGroup", connectionId: room.id("bob"), group: "g" });
    room.asker.send({ type: "userJoinGroup", userId: "away", group: "h" });
    for (const [question, expected] of [
      [{ type: "checkUserInGroup", userId: "bob", group: "g" }, ok],
      [{ type: "checkUserInGroup", userId: "away", group: "h" }, ok],
      [{ type: "checkUserInGroup", userId: "ann", group: "g" }, notFound],
      [{ type: "checkGroupExistence", group: "g" }, ok],
      [{ type: "checkGroupExistence", group: "h" }, notFound],
      [{ type: "checkConnectionExistence", connectionId: room.id("bob") }, ok],
      [{ type: "checkConnectionExistence", connectionId: "?" }, notFound],
      [{ type: "checkUserExistence", userId: "ann" }, ok],
      [{ type: "checkUserExistence", userId: "away" }, notFound],
    ] as const)
      assert.equal(
        await room.status((ackId) => ({ ...question, ackId })),
        expected,
        JSON.stringify(question),
      );
  });

  test("40: the members of a group, as many as are asked for", async () => {
    await using room = await RelayedRoom.open();
    for (const name of ["ann", "bob", "nobody"] as const)
      room.asker.send({ type: "joinGroup", connectionId: room.id(name), group: "g" });
    const page = async (max: number, continuationToken: string | null) => {
      room.asker.send({
        type: "groupMemberQuery",
        group: "g",
        ackId: 1,
        max,
        continuationToken,
        maxPageSize: null,
      });
      const { status, payload = Buffer.alloc(0) } = await room.asker.next("ack");
      assert.equal(status, ok);
      return decode(payload) as [[string, string | null][], string | null];
    };
    const [first, token] = await page(2, null);
    const [rest, end] = await page(2, token);
    assert.deepEqual([first.length, rest.length, end], [2, 1, null]);
    const sorted = (members: [string, string | null][]): unknown[] =>
      members.toSorted(([a], [b]) => (a < b ? -1 : 1));
    const all = sorted([
      [room.id("ann"), "ann"],
      [room.id("bob"), "bob"],
      [room.id("nobody"), null],
    ]);
    assert.deepEqual(sorted([...first, ...rest]), all);
    assert.deepEqual(await page(0, "").then(([members, next]) => [sorted(members), next]), [all, null]);
  });
});

describe("closes, §3.7", () => {
  test("30: one connection, or NotFound", async () => {
    await using room = await RelayedRoom.open();
    const close = (connectionId: string) => (ackId: number) =>
      ({ type: "closeOneConnection", connectionId, reason: null, ackId }) as const;
    assert.equal(await room.status(close(room.id("ann"))), ok);
    assert.equal((await room.server.next("closeConnection")).connectionId, room.id("ann"));
    assert.deepEqual(await room.client("ann").takeAll(), [
      frameOf(jsonWire.close(undefined, true)),
      "close 1000",
    ]);
    assert.equal(await room.status(close(room.id("ann"))), notFound);
  });

  for (const [rule, request, expected] of [
    ["31: the hub's", { type: "closeHubConnections" }, ["ann", "bob", "nobody"]],
    ["32: a user's", { type: "closeUserConnections", userId: "ann" }, ["ann"]],
    ["32: an unknown user's", { type: "closeUserConnections", userId: "?" }, []],
    ["33: a group's", { type: "closeGroupConnections", group: "g" }, ["ann", "bob"]],
  ] as const)
    test(`${rule} but the excluded ones; acknowledged as Ok`, async () => {
      await using room = await RelayedRoom.open();
      for (const name of ["ann", "annToo", "bob"] as const)
        room.asker.send({ type: "joinGroup", connectionId: room.id(name), group: "g" });
      const excluded = [room.id("annToo")];
      const status = await room.status((ackId) => ({ ...request, reason: "enough", excluded, ackId }));
      assert.equal(status, ok);
      const told = (await room.server.heard()).map(
        (message) => "connectionId" in message && message.connectionId,
      );
      assert.deepEqual(
        told,
        expected.map((name) => room.id(name)),
      );
      for (const name of expected) {
        const wire = name === "bob" ? messagePackWire : jsonWire;
        assert.equal(await room.client(name).next(), frameOf(wire.close(undefined, true)));
      }
      const reasons = room.hubwire.events.flatMap((event) =>
        event.name === "client.closed" ? [`${event.category}: ${event.reason}`] : [],
      );
      assert.deepEqual(
        reasons,
        expected.map(() => "ClosedByAppServer: enough"),
      );
    });
});

describe("acknowledgements", () => {
  test("come on the connection that asked, in order, once each", async () => {
    await using hubwire = await TestHubwire.start();
    using one = await AppServerPeer.connect(hubwire);
    using two = await AppServerPeer.connect(hubwire);
    for (let ackId = 1; ackId <= 50; ackId++)
      (ackId % 2 === 0 ? one : two).send({ type: "checkGroupExistence", group: "g", ackId });
    const acks = async (peer: AppServerPeer) =>
      (await peer.heard()).map((message) => message.type === "ack" && message.ackId);
    const all = Array.from({ length: 50 }, (_, index) => index + 1);
    assert.deepEqual(
      await acks(one),
      all.filter((ackId) => ackId % 2 === 0),
    );
    assert.deepEqual(
      await acks(two),
      all.filter((ackId) => ackId % 2 === 1),
    );
  });

  test("say InternalServerError when the store fails, and the connection stays", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    const broken = mock.method(MemoryMembershipStore.prototype, "add", () =>
      Promise.reject(new Error("the disk is full")),
    );
    try {
      server.send({ type: "userJoinGroup", userId: "ann", group: "g", ackId: 7 });
      const { ackId, status, message } = await server.next("ack");
      assert.deepEqual([ackId, status, message], [7, internalError, "Internal server error."]);
      server.send({ type: "userJoinGroup", userId: "ann", group: "g" });
      assert.deepEqual(await server.heard(), []);
    } finally {
      broken.mock.restore();
    }
    assert.equal(hubwire.events.filter(({ name }) => name === "server.failed").length, 2);
  });

  test("of a connection that has gone meanwhile go nowhere", async () => {
    await using hubwire = await TestHubwire.start();
    const add = Promise.withResolvers<void>();
    const slow = mock.method(MemoryMembershipStore.prototype, "add", () => add.promise);
    try {
      const server = await AppServerPeer.connect(hubwire);
      server.send({ type: "userJoinGroup", userId: "ann", group: "g", ackId: 7 });
      server.send({ type: "checkGroupExistence", group: "g", ackId: 8 });
      await until(() => slow.mock.callCount() === 1);
      server.kill();
      await hubwire.event("server.disconnected");
      add.resolve();
      using other = await AppServerPeer.connect(hubwire);
      assert.deepEqual(await other.heard(), []);
    } finally {
      slow.mock.restore();
    }
  });
});
