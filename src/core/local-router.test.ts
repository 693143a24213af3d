import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOrigin } from "../../test/support/client-origin.ts";
import { localRouter } from "../../test/support/local-router.ts";
import { RecordingTransport } from "../../test/support/recording-transport.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";
import { Client } from "./client.ts";
import type { CallOutcome } from "./client-call.ts";
import { type Audience, NOBODY } from "./delivery.ts";
import { compileFilter } from "./filter/filter.ts";
import type { LocalRouter } from "./local-router.ts";
import { Payload } from "./payload.ts";
import type { ClientAction, CloseReason } from "./ports.ts";

const REASON: CloseReason = { category: "ClosedByAppServer", message: "bye", allowReconnect: true };

interface Guest {
  readonly client: Client;
  readonly transport: RecordingTransport;
  readonly reasons: CloseReason[];
}

function guest(router: LocalRouter, connectionId: string, userId?: string, hub = "chat"): Guest {
  const transport = new RecordingTransport();
  const reasons: CloseReason[] = [];
  const client: Client = new Client(
    clientOrigin(connectionId, { hub, userId }),
    hubProtocols.json,
    { transport, resumption: undefined, maxBufferedBytes: 1_000_000 },
    {
      end: (reason) => {
        reasons.push(reason);
        router.unregister(client);
      },
    },
  );
  router.register(client, []);
  client.release();
  return { client, transport, reasons };
}

async function whoGets(
  router: LocalRouter,
  guests: Record<string, Guest>,
  audience: Audience,
  excluding = NOBODY,
) {
  for (const { transport } of Object.values(guests)) transport.sent.length = 0;
  await router.deliver({
    hub: "chat",
    audience,
    excluding,
    payload: Payload.invocation("m", Buffer.from("[]")),
  });
  return Object.entries(guests).flatMap(([name, { transport }]) => transport.sent.map(() => name));
}

function matching(filter: string): Audience {
  return { to: "matching", filter: compileFilter(filter) };
}

test("each audience reaches its clients once, and never a client of another hub", async () => {
  const router = localRouter();
  const guests = {
    a1: guest(router, "a1", "alice"),
    a2: guest(router, "a2", "alice"),
    b1: guest(router, "b1", "bob"),
    n1: guest(router, "n1"),
    other: guest(router, "o1", "alice", "other"),
  };
  await router.addToGroup("chat", { to: "user", userId: "alice" }, "g");
  await router.addToGroup("chat", { to: "connection", connectionId: "b1" }, "g");
  await router.addToGroup("chat", { to: "connection", connectionId: "b1" }, "h");
  const rows: [Audience, string[]][] = [
    [{ to: "all" }, ["a1", "a2", "b1", "n1"]],
    [{ to: "group", group: "g" }, ["a1", "a2", "b1"]],
    [{ to: "group", group: "G" }, []],
    [{ to: "groups", groups: ["g", "h", "none"] }, ["a1", "a2", "b1"]],
    [{ to: "groups", groups: ["h"] }, ["b1"]],
    [{ to: "user", userId: "alice" }, ["a1", "a2"]],
    [{ to: "user", userId: "Alice" }, []],
    [{ to: "users", userIds: ["alice", "bob", "alice"] }, ["a1", "a2", "b1"]],
    [{ to: "userInGroup", userId: "bob", group: "h" }, ["b1"]],
    [{ to: "userInGroup", userId: "alice", group: "h" }, []],
    [{ to: "connection", connectionId: "n1" }, ["n1"]],
    [{ to: "connection", connectionId: "o1" }, []],
    [{ to: "connections", connectionIds: ["n1", "a1", "n1", "nobody"] }, ["a1", "n1"]],
    [matching("true"), ["a1", "a2", "b1", "n1"]],
    [matching("userId eq null or 'h' in groups"), ["b1", "n1"]],
    [matching("userId eq 'alice' and connectionId ne 'a1'"), ["a2"]],
    [matching("'g' in groups and length(groups) eq 1"), ["a1", "a2"]],
    [matching("connectionId eq 'o1'"), []],
  ];
  for (const [audience, expected] of rows) {
    assert.deepEqual(await whoGets(router, guests, audience), expected, JSON.stringify(audience));
    assert.equal(await router.exists("chat", audience), expected.length > 0, JSON.stringify(audience));
  }
});

test("the excluded do not get a delivery although they are in its audience", async () => {
  const router = localRouter();
  const guests = { a: guest(router, "a", "u"), b: guest(router, "b", "u"), c: guest(router, "c") };
  assert.deepEqual(await whoGets(router, guests, { to: "all" }, new Set(["b", "nobody"])), ["a", "c"]);
  assert.deepEqual(await whoGets(router, guests, { to: "user", userId: "u" }, new Set(["a"])), ["b"]);
});

test("closing an audience closes each of its clients with the reason, but for the excluded", async () => {
  const router = localRouter();
  const [a, b, c] = [guest(router, "a", "u"), guest(router, "b", "u"), guest(router, "c")];
  assert.equal(await router.close("chat", { to: "user", userId: "u" }, new Set(["b"]), REASON), 1);
  assert.deepEqual([a.reasons, b.reasons, c.reasons], [[REASON], [], []]);
  assert.equal(await router.close("chat", { to: "all" }, NOBODY, REASON), 2);
  assert.equal(await router.exists("chat", { to: "all" }), false);
});

test("leaving a group, all groups, and being asked to for an unknown connection", async () => {
  const router = localRouter();
  guest(router, "a");
  for (const group of ["g", "h", "i"])
    await router.addToGroup("chat", { to: "connection", connectionId: "a" }, group);
  await router.removeFromGroup("chat", { to: "connection", connectionId: "a" }, "g");
  await router.removeFromGroup("chat", { to: "connection", connectionId: "nobody" }, "h");
  assert.deepEqual(
    await Promise.all(["g", "h", "i"].map((group) => router.exists("chat", { to: "group", group }))),
    [false, true, true],
  );
  await router.removeFromAllGroups("chat", { to: "connection", connectionId: "a" });
  assert.equal(router.size.groups, 0);
  assert.equal(await router.addToGroup("chat", { to: "connection", connectionId: "nobody" }, "g"), 0);
  assert.equal(router.size.groups, 0);
});

test("actions are done in their order to the clients that are in the audience when they begin", async () => {
  const router = localRouter();
  const guests = [guest(router, "a"), guest(router, "b"), guest(router, "c")];
  for (const connectionId of ["a", "b"])
    await router.addToGroup("chat", { to: "connection", connectionId }, "g");
  const say = (target: string): ClientAction => ({
    action: "send",
    payload: Payload.invocation(target, Buffer.from("[]")),
  });
  await router.execute("chat", matching("'g' in groups"), [
    say("first"),
    { action: "leave", group: "g" },
    { action: "join", group: "h" },
    say("second"),
    { action: "close", reason: REASON },
    { action: "join", group: "too late" },
    say("too late"),
  ]);
  assert.deepEqual(
    guests.map(({ transport, reasons }) => [
      transport.sent.map((each) => JSON.parse(each.slice(0, -1)).target),
      reasons,
    ]),
    [
      [["first", "second", "too late"], [REASON]],
      [["first", "second", "too late"], [REASON]],
      [[], []],
    ],
  );
  assert.deepEqual(router.size, { hubs: 1, clients: 1, groups: 0, users: 0 });
  await router.execute("none", { to: "all" }, [say("nobody")]);
});

test("a call reaches the one connection, is answered through it, and ends when that leaves", async () => {
  const router = localRouter();
  const { client, transport } = guest(router, "a");
  const call = (connectionId: string, hub = "chat"): Promise<CallOutcome> =>
    router.invoke({
      hub,
      connectionId,
      method: { target: "sum", args: Buffer.from("[]") },
      signal: new AbortController().signal,
    });
  assert.deepEqual(await call("b"), { outcome: "notConnected" });
  assert.deepEqual(await call("a", "other"), { outcome: "notConnected" });
  const answered = call("a");
  assert.equal(transport.sent.length, 1);
  const answer = hubProtocols.json.completionVoid("s1");
  assert.ok(router.takeAnswer(client, hubProtocols.json.read(answer, 0, answer.length)));
  assert.equal((await answered).outcome, "completed");
  const left = call("a");
  router.unregister(client);
  assert.deepEqual(await left, { outcome: "disconnected", error: "Connection 'a' disconnected." });
});

test("lists are pages ordered by id or name, with the count of all", async () => {
  const router = localRouter();
  guest(router, "c", "bob");
  guest(router, "a", "alice");
  guest(router, "d", "alice");
  guest(router, "b");
  guest(router, "x", "carol", "other");
  await router.addToGroup("chat", { to: "user", userId: "alice" }, "h");
  await router.addToGroup("chat", { to: "all" }, "g");
  const first = { after: undefined, limit: 2 };
  assert.deepEqual(await router.listConnections("chat", { to: "all" }, first), {
    items: [
      { connectionId: "a", userId: "alice" },
      { connectionId: "b", userId: undefined },
    ],
    hasMore: true,
    count: 4,
  });
  assert.deepEqual(
    await router.listConnections("chat", { to: "group", group: "h" }, { after: "a", limit: 2 }),
    {
      items: [{ connectionId: "d", userId: "alice" }],
      hasMore: false,
      count: 2,
    },
  );
  assert.deepEqual(await router.listUsers("chat", first), {
    items: [
      { userId: "alice", connections: 2 },
      { userId: "bob", connections: 1 },
    ],
    hasMore: false,
    count: 2,
  });
  assert.deepEqual(await router.listGroups("chat", { after: undefined, limit: 1 }), {
    items: [{ group: "g", connections: 4 }],
    hasMore: true,
    count: 2,
  });
  const nothing = { items: [], hasMore: false, count: 0 };
  assert.deepEqual(await router.listConnections("none", { to: "all" }, first), nothing);
  assert.deepEqual(await router.listUsers("none", first), nothing);
  assert.deepEqual(await router.listGroups("none", first), nothing);
});

test("no hub, group or user outlives its last client", async () => {
  const router = localRouter();
  const guests = [guest(router, "a", "u"), guest(router, "b", "u"), guest(router, "c", "v", "other")];
  await router.addToGroup("chat", { to: "all" }, "g");
  assert.deepEqual(router.size, { hubs: 2, clients: 3, groups: 1, users: 2 });
  for (const { client } of guests) router.unregister(client);
  assert.deepEqual(router.size, { hubs: 0, clients: 0, groups: 0, users: 0 });
});
