import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { type RestClient, RestNode } from "../../test/support/rest-node.ts";

interface Room {
  readonly node: RestNode;
  readonly ann: RestClient;
  readonly bob: RestClient;
  readonly nobody: RestClient;
}

async function room(): Promise<Room & AsyncDisposable> {
  const node = await RestNode.start();
  return {
    node,
    ann: node.connect("a", { userId: "ann", groups: ["news"] }),
    bob: node.connect("b", { userId: "bob", protocol: "messagepack", groups: ["news", "sports"] }),
    nobody: node.connect("n"),
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  };
}

function execute(
  node: RestNode,
  filter: string | undefined,
  commands: unknown,
  headers = {},
): Promise<LightMyRequestResponse> {
  const query = filter === undefined ? "" : `&filter=${encodeURIComponent(filter)}`;
  const body = typeof commands === "string" ? commands : JSON.stringify(commands);
  return node.call("POST", `/api/hubs/chat/:execute?api-version=2023-07-01${query}`, { body, headers });
}

const say = (target: string): object => ({ type: "SendMessage", message: { target, arguments: [1] } });
const said = (target: string): string => `{"type":1,"target":"${target}","arguments":[1]}\x1e`;

describe(":execute", () => {
  test("does its commands in their order for every connection that matches when it begins", async () => {
    await using r = await room();
    const response = await execute(r.node, "userId eq 'ann' or 'sports' in groups", [
      say("first"),
      { type: "LeaveGroup", group: "sports" },
      { type: "LeaveGroup", group: "news" },
      { type: "JoinGroup", group: "late" },
      say("second"),
    ]);
    assert.equal(response.statusCode, 202);
    assert.equal(response.body, "");
    assert.deepEqual(r.ann.sent, [said("first"), said("second")]);
    assert.equal(r.bob.sent.length, 2);
    assert.deepEqual(r.nobody.sent, []);
    assert.equal(await r.node.router.exists("chat", { to: "group", group: "news" }), false);
    const { count } = await r.node.router.listConnections(
      "chat",
      { to: "group", group: "late" },
      { after: undefined, limit: 1 },
    );
    assert.equal(count, 2);
  });

  test("is for everyone in the hub without a filter, and for nobody where none matches or there is no hub", async () => {
    await using r = await room();
    assert.equal((await execute(r.node, undefined, [say("all")])).statusCode, 202);
    assert.equal((await execute(r.node, "userId eq 'nobody'", [say("none")])).statusCode, 202);
    assert.equal((await execute(r.node, "true", [])).statusCode, 202);
    const { statusCode } = await r.node.call("POST", "/api/hubs/none/:execute?api-version=2023-07-01", {
      body: JSON.stringify([say("none")]),
    });
    assert.equal(statusCode, 202);
    assert.deepEqual(
      [r.ann, r.bob, r.nobody].map(({ sent }) => sent.length),
      [1, 1, 1],
    );
  });

  test("closes with the reason, or with none", async () => {
    await using r = await room();
    await execute(r.node, "userId eq 'ann'", [{ type: "CloseConnection", reason: "bye" }, say("late")]);
    await execute(r.node, "userId eq 'bob'", [{ type: "CloseConnection" }]);
    const closed = (message: string) => [{ category: "ClosedByAppServer", message, allowReconnect: true }];
    assert.deepEqual(
      [r.ann.closedBecause, r.bob.closedBecause, r.nobody.closedBecause],
      [closed("bye"), closed(""), []],
    );
  });

  test("takes 100 commands and no more", async () => {
    await using r = await room();
    const commands = Array.from({ length: 100 }, () => say("x"));
    assert.equal((await execute(r.node, "userId eq 'ann'", commands)).statusCode, 202);
    assert.equal(r.ann.sent.length, 100);
    const response = await execute(r.node, "userId eq 'ann'", [...commands, say("x")]);
    assert.equal(response.statusCode, 400);
    assert.match(response.json().message, /at most 100 commands/);
    assert.equal(r.ann.sent.length, 100);
  });

  for (const [commands, target] of [
    ["", "body"],
    ["{}", "body"],
    ["[", "body"],
    [[say("fine"), { type: "SendMessage", message: {} }], "[1].message.target"],
    [[say("fine"), { type: "SendMessage", message: { target: "" } }], "[1].message.target"],
    [[say("fine"), { type: "JoinGroup", group: "" }], "[1].group"],
    [[say("fine"), { type: "JoinGroup", group: " \t" }], "[1].group"],
    [[say("fine"), { type: "LeaveGroup", group: "g".repeat(1025) }], "[1].group"],
    [[say("fine"), say("fine"), { type: "Explode" }], "[2].type"],
  ] as const)
    test(`does nothing at all when it is told ${JSON.stringify(commands).slice(0, 90)}`, async () => {
      await using r = await room();
      const response = await execute(r.node, undefined, commands);
      assert.equal(response.statusCode, 400);
      assert.equal(response.headers["x-ms-error-code"], "Error.Request.Invalid");
      assert.equal(response.json().target, target);
      assert.deepEqual([r.ann.sent, r.bob.sent, r.nobody.sent], [[], [], []]);
    });

  for (const [name, filter] of [
    ["is none", "userId = 'ann'"],
    ["ends too early", "userId eq"],
    ["is huge", `userId in (${Array.from({ length: 900 }, (_, index) => `'user ${index}'`).join()})`],
    ["is nested too deep", `${"(".repeat(100)}true${")".repeat(100)}`],
  ] as const)
    test(`does nothing when its filter ${name}, and says where it is wrong`, async () => {
      await using r = await room();
      const response = await execute(r.node, filter, [say("x")]);
      assert.equal(response.statusCode, 400, response.body);
      const { target, message } = response.json();
      assert.equal(target, "filter");
      assert.match(message, /^Invalid syntax for 'filter' at position \d+: /);
      assert.ok(message.length < 300, message);
      assert.deepEqual(r.ann.sent, []);
    });

  test("takes JSON only", async () => {
    await using r = await room();
    const type = { "content-type": "application/octet-stream" };
    const response = await execute(r.node, undefined, [say("x")], type);
    assert.equal(response.statusCode, 415);
    assert.equal(response.json().message, "The body's content type must be application/json.");
  });
});
