import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type InvocationMessage, JsonHubProtocol, MessageType } from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import { encode } from "@msgpack/msgpack";
import { Room } from "../support/room.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const VERSION = "api-version=2022-06-01";

/** One client per hub protocol and transport, all of one user and in group `g`. */
const roles = {
  json: { userId: "ann" },
  messagePack: { userId: "ann", protocol: "messagepack" },
  events: { userId: "ann", transport: "ServerSentEvents" },
  polls: { userId: "ann", transport: "LongPolling" },
  binaryPolls: { userId: "ann", transport: "LongPolling", protocol: "messagepack" },
} as const;

async function mixedRoom(hubwire: TestHubwire): Promise<Room<keyof typeof roles>> {
  const room = await Room.open(hubwire, roles);
  await room.rest("PUT", "users/ann/groups/g");
  return room;
}

function invocation(...args: unknown[]): InvocationMessage {
  return { type: MessageType.Invocation, target: "say", arguments: args };
}

/** A message as the .NET SDK writes it for the JSON protocol: framed. */
function inJson(...args: unknown[]): Uint8Array {
  return new TextEncoder().encode(String(new JsonHubProtocol().writeMessage(invocation(...args))));
}

/** The same for the MessagePack protocol. */
function inMessagePack(...args: unknown[]): Uint8Array {
  return new Uint8Array(new MessagePackHubProtocol().writeMessage(invocation(...args)));
}

describe("an octet-stream body", () => {
  const body = encode({ json: inJson("from json"), messagepack: inMessagePack("from messagepack") });
  const json = ['say ["from json"]'];
  const messagePack = ['say ["from messagepack"]'];

  for (const type of ["application/octet-stream", "application/x-msgpack"])
    test(`gives every client the bytes of its own protocol, whoever they are for: ${type}`, async () => {
      await using hubwire = await TestHubwire.start();
      await using room = await mixedRoom(hubwire);
      for (const to of ["", "groups/g/", "users/ann/"]) {
        const path = `/api/hubs/chat/${to}:send?${VERSION}`;
        const response = await hubwire.rest("POST", path, { body, headers: { "Content-Type": type } });
        assert.equal(response.status, 202);
        assert.deepEqual(
          await room.news(),
          { json, messagePack, events: json, polls: json, binaryPolls: messagePack },
          to,
        );
      }
      const path = `/api/hubs/chat/connections/${room.id("messagePack")}/:send?${VERSION}`;
      await hubwire.rest("POST", path, { body, headers: { "Content-Type": type } });
      assert.deepEqual(await room.news(), { messagePack });
    });

  test("reaches only the clients of the protocols that it has", async () => {
    await using hubwire = await TestHubwire.start();
    await using room = await mixedRoom(hubwire);
    const send = async (of: Record<string, Uint8Array>): Promise<void> => {
      const response = await hubwire.rest("POST", `/api/hubs/chat/:send?${VERSION}`, {
        body: encode(of),
        headers: { "Content-Type": "application/octet-stream" },
      });
      assert.equal(response.status, 202);
    };
    await send({ json: inJson(1) });
    assert.deepEqual(await room.news(), { json: ["say [1]"], events: ["say [1]"], polls: ["say [1]"] });
    await send({ messagepack: inMessagePack(2), blazorpack: inMessagePack(3) });
    assert.deepEqual(await room.news(), { messagePack: ["say [2]"], binaryPolls: ["say [2]"] });
  });

  test("keeps what only MessagePack can say", async () => {
    await using hubwire = await TestHubwire.start();
    await using room = await mixedRoom(hubwire);
    const date = new Date("2026-11-24T12:00:00Z");
    await hubwire.rest("POST", `/api/hubs/chat/:send?${VERSION}`, {
      body: encode({ messagepack: inMessagePack(date) }),
      headers: { "Content-Type": "application/octet-stream" },
    });
    const said = [`say [${JSON.stringify(date)}]`];
    assert.deepEqual(await room.news(), { messagePack: said, binaryPolls: said });
  });
});

test("a JSON body has equal arguments for clients of both protocols, in its own order and chunks", async () => {
  await using hubwire = await TestHubwire.start();
  await using room = await mixedRoom(hubwire);
  const text = '{ "x": 0, "ARGUMENTS" : [ "ü\\u20ac😀", 1e3, -0.5, [{}], null ], "target" : "say" }';
  const bytes = Buffer.from(text);
  const body = new ReadableStream({
    start(controller) {
      // Cuts the characters of more than one byte.
      for (let at = 0; at < bytes.length; at += 11) controller.enqueue(bytes.subarray(at, at + 11));
      controller.close();
    },
  });
  const response = await hubwire.rest("POST", `/api/hubs/chat/:send?${VERSION}`, {
    body,
    duplex: "half",
    headers: { "Content-Type": "application/json" },
  });
  assert.equal(response.status, 202);
  const said = ['say ["ü€😀",1000,-0.5,[{}],null]'];
  assert.deepEqual(await room.news(), {
    json: said,
    messagePack: said,
    events: said,
    polls: said,
    binaryPolls: said,
  });
});

test("a broken body is told to its sender and reaches nobody", async () => {
  await using hubwire = await TestHubwire.start();
  await using room = await mixedRoom(hubwire);
  const bad: readonly (readonly [string, Uint8Array | string, number, string])[] = [
    ["application/json", '{"target":"say","arguments":[1}', 400, "Error.Request.Invalid"],
    ["application/json", '{"target":"","arguments":[]}', 400, "Error.Request.Invalid"],
    ["application/json", '{"arguments":[]}', 400, "Error.Request.Invalid"],
    ["application/json", "", 400, "Error.Request.Invalid"],
    ["application/octet-stream", encode([inJson(1)]), 400, "Error.Request.Invalid"],
    ["application/octet-stream", encode({ json: inJson(1) }).subarray(0, -1), 400, "Error.Request.Invalid"],
    ["text/plain", '{"target":"say"}', 415, "Error.Request.UnsupportedMediaType"],
  ];
  for (const [type, body, status, code] of bad) {
    const path = `/api/hubs/chat/:send?${VERSION}`;
    const response = await hubwire.rest("POST", path, { body, headers: { "Content-Type": type } });
    assert.equal(response.status, status, `${type}: ${body.toString()}`);
    assert.equal(response.headers.get("x-ms-error-code"), code);
    assert.partialDeepStrictEqual(await response.json(), { code });
  }
  assert.deepEqual(await room.news(), {});
});

test("each repetition of excluded leaves one connection out, and a comma is part of an id", async () => {
  await using hubwire = await TestHubwire.start();
  await using room = await Room.open(hubwire, { a: {}, b: { protocol: "messagepack" }, c: {} });
  for (const role of ["a", "b", "c"] as const)
    await room.rest("PUT", `groups/g/connections/${room.id(role)}`);
  const send = async (to: string, excluded: string): Promise<void> => {
    const response = await hubwire.rest("POST", `/api/hubs/chat/${to}:send?${VERSION}${excluded}`, {
      body: '{"target":"say"}',
      headers: { "Content-Type": "application/json" },
    });
    assert.equal(response.status, 202);
  };
  const said = ["say []"];
  for (const to of ["", "groups/g/"]) {
    await send(to, `&excluded=${room.id("a")}&Excluded=${room.id("b")}&excluded=nobody`);
    assert.deepEqual(await room.news(), { c: said });
    await send(to, `&excluded=${room.id("a")},${room.id("b")}`);
    assert.deepEqual(await room.news(), { a: said, b: said, c: said });
    await send(to, "&excluded=");
    assert.deepEqual(await room.news(), { a: said, b: said, c: said });
  }
});

test("an application's hub is a hub of its own, in any letter case and version", async () => {
  await using hubwire = await TestHubwire.start();
  await using room = await Room.open(hubwire, {
    plain: { userId: "u" },
    inApp: { hub: "app_chat", userId: "u" },
    inOther: { hub: "other_chat", userId: "u" },
  });
  const request = { body: '{"target":"say"}', headers: { "Content-Type": "application/json" } };
  const reachedBy = async (path: string): Promise<string[]> => {
    assert.equal((await hubwire.rest("POST", path, request)).status, 202, path);
    return Object.keys(await room.news());
  };
  assert.deepEqual(await reachedBy(`/api/hubs/chat/:send?${VERSION}&application=app`), ["inApp"]);
  assert.deepEqual(await reachedBy(`/api/hubs/CHAT/:send?Application=APP&${VERSION}`), ["inApp"]);
  assert.deepEqual(await reachedBy("/api/v1/hubs/App_Chat"), ["inApp"]);
  assert.deepEqual(await reachedBy(`/api/hubs/chat/:send?${VERSION}`), ["plain"]);
  const users = `/api/hubs/chat/users/u/:send?${VERSION}&application=app`;
  assert.deepEqual(await reachedBy(users), ["inApp"]);
  const join = `/api/hubs/chat/users/u/groups/g?${VERSION}&application=app`;
  assert.equal((await hubwire.rest("PUT", join)).status, 200);
  assert.deepEqual(await reachedBy(`/api/hubs/chat/groups/g/:send?${VERSION}`), []);
  assert.deepEqual(await reachedBy(`/api/hubs/chat/groups/g/:send?${VERSION}&application=app`), ["inApp"]);
  const closing = `/api/hubs/chat/:closeConnections?${VERSION}&application=app`;
  assert.equal((await hubwire.rest("POST", closing)).status, 204);
  assert.deepEqual(await room.news(), { inApp: ["closed"] });
});

test("names of groups and users are any text, escaped in the path", async () => {
  await using hubwire = await TestHubwire.start();
  for (const name of ["a/b", "a%2Fb", "a b+c", "ü😀", "a?b#c", "..:send", ":send", "a\\b"]) {
    await using room = await Room.open(hubwire, { named: { userId: name }, plain: { userId: "a" } });
    const escaped = encodeURIComponent(name);
    await room.rest("PUT", `groups/${escaped}/connections/${room.id("plain")}`);
    assert.deepEqual(await room.membersOf(name), ["plain"], name);
    await room.rest("PUT", `users/${escaped}/groups/${escaped}`);
    assert.deepEqual(await room.membersOf(name), ["named", "plain"], name);
    await room.leave("named");
    await room.fill();
    assert.deepEqual(await room.membersOf(name), ["named", "plain"], name);
    await hubwire.send(`users/${escaped}/`, "say", []);
    assert.deepEqual(await room.news(), { named: ["say []"] }, name);
    await room.rest("DELETE", `users/${escaped}/groups/${escaped}`);
    assert.deepEqual(await room.membersOf(name), ["plain"], name);
  }
});
