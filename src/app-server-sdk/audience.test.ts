import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import { TestService } from "../../test/support/test-service.ts";
import type { Clients } from "./audience.ts";

describe("sending", () => {
  const rows: [name: string, send: (clients: Clients) => Promise<void>, message: object][] = [
    ["all", (to) => to.all.send("m", 1), { type: "broadcastData", excluded: [] }],
    ["allExcept", (to) => to.allExcept(["c1"]).send("m", 1), { type: "broadcastData", excluded: ["c1"] }],
    ["client", (to) => to.client("c1").send("m", 1), { type: "multiConnectionData", connectionIds: ["c1"] }],
    [
      "clients",
      (to) => to.clients(["c1", "c2"]).send("m", 1),
      { type: "multiConnectionData", connectionIds: ["c1", "c2"] },
    ],
    [
      "group",
      (to) => to.group("g").send("m", 1),
      { type: "groupBroadcastData", group: "g", excluded: [], excludedUserIds: [], callerUserId: null },
    ],
    [
      "groupExcept",
      (to) => to.groupExcept("g", ["c1"]).send("m", 1),
      { type: "groupBroadcastData", group: "g", excluded: ["c1"], excludedUserIds: [], callerUserId: null },
    ],
    [
      "groups",
      (to) => to.groups(["g", "h"]).send("m", 1),
      { type: "multiGroupBroadcastData", groups: ["g", "h"] },
    ],
    ["user", (to) => to.user("ann").send("m", 1), { type: "userData", userId: "ann" }],
    [
      "users",
      (to) => to.users(["ann", "bob"]).send("m", 1),
      { type: "multiUserData", userIds: ["ann", "bob"] },
    ],
  ];
  for (const [name, send, expected] of rows)
    test(`to ${name} is one message of the service protocol, in both hub protocols`, async () => {
      const { server, end } = await TestAppServer.start();
      await using _ = server;
      await send(server.app.clients);
      const { type } = expected as { type: "broadcastData" };
      const { payload, ...message } = await end.receives(type);
      assert.deepEqual({ ...message }, expected);
      assert.deepEqual(
        payload.map(([protocol, framed]) => [protocol, framed.toString("latin1")]),
        [
          ["json", '{"type":1,"target":"m","arguments":[1]}\x1e'],
          ["messagepack", "\x09\x96\x01\x80\xc0\xa1m\x91\x01\x90"],
        ],
      );
    });

  test("to nobody sends nothing", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    const { clients } = server.app;
    await Promise.all([clients.clients([]), clients.groups([]), clients.users([])].map((to) => to.send("m")));
    await clients.all.send("m");
    await end.receives("broadcastData");
    assert.deepEqual(end.waiting, []);
  });

  test("with a name, an id or values that cannot be written rejects, where it is awaited, and the connection stays", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    const { clients } = server.app;
    for (const bad of [undefined, 5, "", null] as unknown as string[]) {
      await assert.rejects(clients.group(bad).send("m"), TypeError);
      await assert.rejects(clients.users(["ann", bad]).send("m"), TypeError);
      await assert.rejects(clients.all.send(bad), TypeError);
    }
    void clients.all.send("m", 5n);
    const circle: unknown[] = [];
    circle.push(circle);
    await assert.rejects(clients.all.send("m", circle));
    await clients.all.send("m", undefined, { a: undefined, f: null });
    const { payload } = await end.receives("broadcastData");
    assert.match(String(payload[0]?.[1]), /\[null,\{"f":null\}\]/);
    assert.deepEqual(payload[1]?.[1].subarray(-7).toString("hex"), "92c081a166c090");
  });

  test("encodes for the hub protocols in use alone", async () => {
    const { server, end } = await TestAppServer.start({ protocols: ["messagepack"] });
    await using _ = server;
    await end.opened("c1", { protocol: "messagepack" });
    end.open("c2");
    assert.equal(await end.told("c2"), `{"error":"The protocol 'json' is not supported."}␞`);
    await server.app.clients.all.send("m");
    const { payload } = await end.receives("broadcastData");
    assert.deepEqual(
      payload.map(([name]) => name),
      ["messagepack"],
    );
  });

  test("to clients of our own encodes for theirs alone", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1", { protocol: "messagepack" });
    const protocolsTo = async (...ids: string[]): Promise<string[]> => {
      await server.app.clients.clients(ids).send("m");
      return (await end.receives("multiConnectionData")).payload.map(([name]) => name);
    };
    assert.deepEqual(await protocolsTo("c1"), ["messagepack"]);
    assert.deepEqual(await protocolsTo("c1", "far"), ["json", "messagepack"]);
  });

  test("in a client's methods and hooks goes over its server connection, in order with its answers; all else over one other", async () => {
    await using service = await TestService.start();
    await using server = new TestAppServer(service, {
      connections: 2,
      connected: (context) => context.groups.add(context.connectionId, "g"),
      methods: {
        async talk(context) {
          await context.clients.caller.send("first");
          await context.clients.othersInGroup("g").send("second");
          await new Promise(setImmediate);
          await server.app.clients.all.send("third");
          await context.clients.others.send("fourth");
          return "done";
        },
        async *stream() {
          await server.app.clients.all.send("from a stream");
          yield 1;
        },
      },
      disconnected: (context) => context.clients.all.send("gone"),
    });
    const started = server.app.start();
    const first = await service.connected();
    await first.accept();
    await server.event("server_connection.opened");
    const second = await service.connected();
    await second.accept();
    await started;
    await server.app.clients.all.send("outside");
    await first.receives("broadcastData");

    second.open("c1");
    const { ackId = 0 } = await second.receives("joinGroup");
    second.send({ type: "ack", ackId, status: 1, message: "" });
    await second.told("c1");
    second.say("c1", { type: 1, target: "talk", invocationId: "1", arguments: [] });
    await second.receives("connectionData", ({ payload }) => /"result":"done"/.test(String(payload)));
    assert.deepEqual(
      second.waiting.map(({ type }) => type),
      ["multiConnectionData", "groupBroadcastData", "broadcastData", "broadcastData"],
    );
    second.say("c1", { type: 4, target: "stream", invocationId: "2", arguments: [] });
    await second.receives("broadcastData", ({ payload }) => /from a stream/.test(String(payload[0]?.[1])));
    second.say("c1", { type: 7 });
    await second.receives("broadcastData", ({ payload }) => /gone/.test(String(payload[0]?.[1])));
    assert.deepEqual(first.waiting, []);
  });
});
