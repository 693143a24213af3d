import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HubConnection } from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import { decode, encode } from "@msgpack/msgpack";
import { statusIn } from "../../src/rest/api-version.ts";
import { operations } from "../../src/rest/operations.ts";
import { settled, until } from "../support/http-call.ts";
import { connect, jsonWire, messagePackWire } from "../support/hub-wire.ts";
import type { RawWebSocket } from "../support/raw-web-socket.ts";
import { Room } from "../support/room.ts";
import { closed, received, signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { UpstreamServer } from "../support/upstream-server.ts";

/*
 * The operations that came after 2022-06-01, and what they do to Microsoft's clients. rest.test.ts has the others, on
 * the path of 2024-12-01 too.
 */

const VERSION = "api-version=2024-12-01";
const JSON_TYPE = { "Content-Type": "application/json; charset=utf-8" };

const TESTED = [
  "GET /auth/accessKey", // issued-keys.test.ts
  "GET /hubs/{hub}/groups/{group}/connections",
  "POST /hubs/{hub}/:execute",
  "POST /hubs/{hub}/:generateToken",
  "POST /hubs/{hub}/connections/{connectionId}/:invoke",
  "POST /hubs/{hub}/connections/{connectionId}/streams/{streamId}/:complete",
  "POST /hubs/{hub}/connections/{connectionId}/streams/{streamId}/:send",
];

test("these are all operations that came with 2022-11-01 to 2024-12-01", () => {
  const isNew = ({ statuses }: (typeof operations)[number]): boolean =>
    statusIn(statuses, "2024-12-01") !== undefined && statusIn(statuses, "2022-06-01") === undefined;
  const names = operations.filter(isNew).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(names.sort(), TESTED);
});

function post(
  hubwire: TestHubwire,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return hubwire.rest("POST", `/api/hubs/chat/${path}`, {
    ...(body !== undefined && { body: JSON.stringify(body) }),
    headers: { ...JSON_TYPE, ...headers },
  });
}

function invoke(
  hubwire: TestHubwire,
  connectionId: string | null,
  target: string,
  args: readonly unknown[] = [],
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const path = `connections/${connectionId}/:invoke?${VERSION}`;
  return post(hubwire, path, { Target: target, Arguments: args }, headers);
}

for (const way of waysToConnect)
  describe(`:invoke of a client that connects by ${way.transport} with ${way.protocol}`, () => {
    const connected = async (hubwire: TestHubwire): Promise<HubConnection> => {
      const client = signalrClient(hubwire, way);
      client.on("add", (a: number, b: number) => a + b);
      client.on("later", async (text: string) => ({ text, list: [1, null, true], né: 1.5 }));
      client.on("nothing", () => null);
      client.on("undefined", () => {});
      client.on("fails", () => {
        throw new TypeError("boom");
      });
      await client.start();
      return client;
    };

    test("answers results, errors, and that nobody handles the method", async () => {
      await using hubwire = await TestHubwire.start();
      const client = await connected(hubwire);
      const { connectionId } = client;
      for (const [target, args, result] of [
        ["add", [1, 2], 3],
        ["later", ["é😀"], { text: "é😀", list: [1, null, true], né: 1.5 }],
        ["nothing", [], null],
      ] as const) {
        const response = await invoke(hubwire, connectionId, target, args);
        assert.equal(response.status, 200, target);
        assert.deepEqual(await response.json(), { result });
      }
      for (const [target, error] of [
        ["fails", "TypeError: boom"],
        ["unhandled", "Client didn't provide a result."],
        ["undefined", "Client didn't provide a result."],
      ] as const)
        for (const headers of [{}, { Accept: "application/octet-stream" }]) {
          const response = await invoke(hubwire, connectionId, target, [], headers);
          assert.equal(response.status, 400, target);
          assert.equal(await response.text(), error);
          assert.equal(response.headers.get("x-ms-error-code"), "Error.Connection.InvocationFailed");
        }
      const response = await invoke(hubwire, connectionId, "add", [2, 3], {
        Accept: "application/octet-stream",
      });
      assert.equal(response.headers.get("x-asrs-protocol"), way.protocol);
      assert.equal(resultIn(way.protocol, Buffer.from(await response.arrayBuffer())), 5);
      await client.stop();
    });

    test("runs side by side with other calls and messages, and ends when the client goes", async () => {
      await using hubwire = await TestHubwire.start();
      const client = await connected(hubwire);
      const { connectionId } = client;
      const sums = await Promise.all(
        Array.from({ length: 20 }, async (_, index) =>
          (await invoke(hubwire, connectionId, "add", [index, 1])).json(),
        ),
      );
      assert.deepEqual(
        sums,
        Array.from({ length: 20 }, (_, index) => ({ result: index + 1 })),
      );
      const arrived = received(client, "never", 1);
      client.on("never", () => new Promise(() => {}));
      const waiting = invoke(hubwire, connectionId, "never");
      await arrived;
      await client.stop();
      const response = await waiting;
      assert.equal(response.status, 400);
      assert.equal(await response.text(), `Connection '${connectionId}' disconnected.`);
      assert.equal(hubwire.node.size.invocations, 0);
      assert.equal((await invoke(hubwire, connectionId, "add")).status, 404);
    });
  });

/** The result in a framed Completion, read by Microsoft's own reader. */
function resultIn(protocol: "json" | "messagepack", bytes: Buffer): unknown {
  if (protocol === "json") return JSON.parse(bytes.toString().slice(0, -1)).result;
  const [message] = new MessagePackHubProtocol().parseMessages(new Uint8Array(bytes).buffer, {
    log: () => {},
  });
  return (message as { result?: unknown } | undefined)?.result;
}

describe(":invoke", () => {
  test("keeps 64-bit integers, floats and binary of MessagePack to the byte", async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire, { wire: messagePackWire });
    const connectionId = await idOf(hubwire);
    // [int64 min, uint64 max, 2^53 + 1, 1.0 as float 64, bin, int 64 that is 1, a date]
    const result =
      "97 d38000000000000000 cfffffffffffffffff cf0020000000000001 cb3ff0000000000000 c403fbff00 d30000000000000001 d6ff6553f100";
    const args = "[9223372036854775807,18446744073709551615,-9223372036854775808]";
    for (const accept of ["application/json", "application/octet-stream"]) {
      const response = hubwire.rest("POST", `/api/hubs/chat/connections/${connectionId}/:invoke?${VERSION}`, {
        body: `{"Target":"big","Arguments":${args}}`,
        headers: { ...JSON_TYPE, Accept: accept },
      });
      const asked = Buffer.from((await client.next())?.slice("binary ".length) ?? "", "hex");
      const invocationId = messagePackIdIn(asked);
      assert.ok(
        asked.includes(Buffer.from("93cf7fffffffffffffffcfffffffffffffffffd38000000000000000", "hex")),
      );
      const completion = framed(`95 03 80 ${textHex(invocationId)} 03 ${result}`);
      client.send(completion);
      const answered = await response;
      assert.equal(answered.status, 200);
      if (accept === "application/octet-stream") {
        assert.equal(answered.headers.get("x-asrs-protocol"), "messagepack");
        assert.deepEqual(Buffer.from(await answered.arrayBuffer()), completion);
      } else
        assert.equal(
          await answered.text(),
          '{"result":[-9223372036854775808,18446744073709551615,9007199254740993,1,"+/8A",1,"2023-11-14T22:13:20Z"]}',
        );
    }
  });

  test("passes a framed invocation on with nothing but its id changed, and keeps a JSON result as it was written", async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire, { wire: jsonWire });
    const connectionId = await idOf(hubwire);
    const framedInvocation = '{"type":1,"target":"T","arguments":[ 1.10,9007199254740993 ]}\x1e';
    const response = hubwire.rest("POST", `/api/hubs/chat/connections/${connectionId}/:invoke?${VERSION}`, {
      body: encode({ json: Buffer.from(framedInvocation) }),
      headers: { "Content-Type": "application/octet-stream" },
    });
    const asked = await client.next();
    const invocationId = jsonIdIn(asked);
    assert.equal(
      asked,
      `text {"type":1,"invocationId":"${invocationId}","target":"T","arguments":[ 1.10,9007199254740993 ]}\x1e`,
    );
    client.send(
      `{"type":3,"invocationId":"${invocationId}","result":{ "n" : 9007199254740993, "d":1.10 }}\x1e`,
    );
    assert.equal(await (await response).text(), '{"result":{ "n" : 9007199254740993, "d":1.10 }}');
  });

  test("takes no answer that is late, comes twice, or is of another connection, and harms nobody by them", async () => {
    await using hubwire = await TestHubwire.start({ timeouts: { clientResultSeconds: 2 } });
    using client = await connect(hubwire, { userId: "asked" });
    using other = await connect(hubwire, { userId: "other" });
    const connectionId = await idOf(hubwire, "asked");
    const completion = (id: string, result: string): string =>
      `{"type":3,"invocationId":"${id}","result":"${result}"}\x1e`;

    const first = invoke(hubwire, connectionId, "T");
    const id = jsonIdIn(await client.next());
    other.send(completion(id, "of another"));
    await hubwire.event("client.completion_ignored");
    client.send(completion(id, "right") + completion(id, "twice"));
    assert.deepEqual(await (await first).json(), { result: "right" });

    const second = invoke(hubwire, connectionId, "T");
    const late = jsonIdIn(await client.next());
    assert.notEqual(late, id);
    hubwire.clock.advance(3_000);
    const response = await second;
    assert.equal(response.status, 400);
    assert.equal(await response.text(), `Connection '${connectionId}' did not answer within 2 seconds.`);
    client.send(completion(late, "late"));

    const third = invoke(hubwire, connectionId, "T");
    client.send(completion(jsonIdIn(await client.next()), "fine"));
    assert.deepEqual(await (await third).json(), { result: "fine" });
    const ignored = hubwire.events.filter(({ name }) => name === "client.completion_ignored");
    assert.equal(ignored.length, 3);
    assert.equal(hubwire.node.size.invocations, 0);
    await stillThere(hubwire, client, other);
  });

  test("is given up when its caller hangs up", async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire);
    const connectionId = await idOf(hubwire);
    const caller = new AbortController();
    const call = hubwire.rest("POST", `/api/hubs/chat/connections/${connectionId}/:invoke?${VERSION}`, {
      body: '{"Target":"T"}',
      headers: JSON_TYPE,
      signal: caller.signal,
    });
    const id = jsonIdIn(await client.next());
    caller.abort();
    await assert.rejects(call, { name: "AbortError" });
    await until(() => hubwire.node.size.invocations === 0);
    client.send(`{"type":3,"invocationId":"${id}"}\x1e`);
    await hubwire.event("client.completion_ignored");
    await stillThere(hubwire, client);
  });

  test("is answered across a reconnect of a stateful client", async () => {
    await using hubwire = await TestHubwire.start();
    const client = signalrClient(hubwire, { statefulReconnect: true });
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    client.on("ask", () => {
      asked.resolve();
      return answer.promise;
    });
    await client.start();
    const { connectionId } = client;
    const response = invoke(hubwire, connectionId, "ask");
    await asked.promise;
    dropSocket(client);
    await hubwire.event("client.reattached");
    answer.resolve("still here");
    assert.deepEqual(await (await response).json(), { result: "still here" });

    client.off("ask");
    client.on("ask", () => "at once");
    dropSocket(client);
    assert.deepEqual(await (await invoke(hubwire, connectionId, "ask")).json(), { result: "at once" });
    await client.stop();
  });
});

/** Loses the socket of a JavaScript client, as when a network fails. */
function dropSocket(client: HubConnection): void {
  const { connection } = client as unknown as { connection: { transport: { _webSocket: WebSocket } } };
  connection.transport._webSocket.close();
}

describe("streams", () => {
  for (const way of waysToConnect)
    test(`a client gets the items of the stream that it has asked for: ${way.transport}, ${way.protocol}`, async () => {
      await using upstream = await UpstreamServer.start();
      await using hubwire = await TestHubwire.start({
        upstream: { templates: [{ UrlTemplate: upstream.url, CategoryPattern: "messages" }] },
      });
      const client = signalrClient(hubwire, way);
      await client.start();
      const { connectionId } = client;
      const open = async (target: string) => {
        const count = upstream.requests.length;
        const { promise: end, resolve } = Promise.withResolvers<unknown[]>();
        const items: unknown[] = [];
        client.stream(target, 7).subscribe({
          next: (item) => void items.push(item),
          complete: () => resolve([...items, "complete"]),
          error: (error: Error) => resolve([...items, `error: ${error.message}`]),
        });
        await upstream.called(count + 1);
        const { body } = upstream.requests[count] ?? {};
        return { end, streamId: streamIdIn(way.protocol, body ?? Buffer.alloc(0)) };
      };
      const tell = async (
        streamId: string,
        operation: string,
        query: string,
        item?: unknown,
      ): Promise<void> => {
        const path = `connections/${connectionId}/streams/${streamId}/:${operation}?${VERSION}${query}`;
        const response = await post(hubwire, path, item);
        assert.equal(response.status, 202, await response.text());
      };

      const [first, second, third] = [await open("one"), await open("two"), await open("three")];
      await tell(first.streamId, "send", "", { x: 1 });
      await tell(second.streamId, "send", "", "é😀");
      await tell(first.streamId, "send", "", null);
      await tell(second.streamId, "complete", "&error=it%20failed");
      await tell(first.streamId, "send", "&completed=true", [1.5]);
      await tell(third.streamId, "complete", "");
      await tell(third.streamId, "send", "", "too late");
      assert.deepEqual(await first.end, [{ x: 1 }, null, [1.5], "complete"]);
      assert.deepEqual(await second.end, ["é😀", "error: it failed"]);
      assert.deepEqual(await third.end, ["complete"]);
      const alive = received(client, "news", 1);
      await hubwire.send("", "news", ["an item for no stream does no harm"]);
      await alive;
      await client.stop();
    });

  test("an item that the caller has framed reaches the stream as it is", async () => {
    await using upstream = await UpstreamServer.start();
    await using hubwire = await TestHubwire.start({
      upstream: { templates: [{ UrlTemplate: upstream.url }] },
    });
    using client = await connect(hubwire, { wire: messagePackWire });
    const connectionId = await idOf(hubwire);
    const item = framed(`94 02 80 ${textHex("7")} d38000000000000000`);
    const path = `/api/hubs/chat/connections/${connectionId}/streams/7/:send?${VERSION}`;
    const headers = { "Content-Type": "application/octet-stream" };
    const response = await hubwire.rest("POST", path, { body: encode({ messagepack: item }), headers });
    assert.equal(response.status, 202);
    assert.equal(await client.next(), `binary ${item.toString("hex")}`);
  });
});

describe(":execute", () => {
  const roles = {
    ann: { userId: "ann" },
    annToo: { userId: "ann", protocol: "messagepack" },
    bob: { userId: "bob", transport: "ServerSentEvents" },
    nobody: { transport: "LongPolling", protocol: "messagepack" },
    stranger: { userId: "ann", hub: "other" },
  } as const;

  test("does its commands for the clients that match, in order, and for no others", async () => {
    await using hubwire = await TestHubwire.start();
    await using room = await Room.open(hubwire, roles);
    const execute = async (filter: string | undefined, commands: unknown): Promise<void> => {
      const query = filter === undefined ? "" : `&filter=${encodeURIComponent(filter)}`;
      const response = await post(hubwire, `:execute?${VERSION}${query}`, commands);
      assert.equal(response.status, 202, await response.text());
      assert.equal(await response.text().catch(() => ""), "");
    };
    const say = (what: unknown): unknown => ({
      type: "SendMessage",
      message: { target: "say", arguments: [what] },
    });

    await execute("startswith(userId, 'an') and connectionId ne 'x'", [
      say(1),
      { type: "JoinGroup", group: "a/b é" },
      say(2),
    ]);
    const both = ["say [1]", "say [2]"];
    assert.deepEqual(await room.news(), { ann: both, annToo: both });

    await execute("'a/b é' in groups", [{ type: "LeaveGroup", group: "a/b é" }, say("left")]);
    assert.deepEqual(await room.news(), { ann: ['say ["left"]'], annToo: ['say ["left"]'] });
    assert.deepEqual(await room.membersOf("a/b é"), []);

    await execute("userId eq null or userId eq 'bob'", [
      say(9007199254740991),
      { type: "CloseConnection", reason: "bye" },
    ]);
    const bye = ["say [9007199254740991]", "closed: Server returned an error on close: bye"];
    assert.deepEqual(await room.news(), { bob: bye, nobody: bye });

    await execute(undefined, [say("all")]);
    assert.deepEqual(await room.news(), { ann: ['say ["all"]'], annToo: ['say ["all"]'] });
  });

  test("does nothing when one command or the filter is wrong, or the filter longer than a URL may be", async () => {
    await using hubwire = await TestHubwire.start();
    await using room = await Room.open(hubwire, roles);
    const say = { type: "SendMessage", message: { target: "say", arguments: [] } };
    for (const [filter, commands, status, target] of [
      ["true", [say, { type: "SendMessage", message: {} }], 400, "[1].message.target"],
      ["userId eq", [say], 400, "filter"],
      ["(".repeat(70) + "true" + ")".repeat(70), [say], 400, "filter"],
      [`userId eq '${"x".repeat(9_000)}'`, [say], 400, "filter"],
      [`userId eq '${"x".repeat(13_000)}'`, [say], 414, undefined],
    ] as const) {
      const response = await post(
        hubwire,
        `:execute?${VERSION}&filter=${encodeURIComponent(filter)}`,
        commands,
      );
      assert.equal(response.status, status);
      assert.equal((await response.json()).target, target);
    }
    assert.deepEqual(await room.news(), {});
  });
});

test(":generateToken lets a client into the hub, as the user and for as long as it says", async () => {
  await using hubwire = await TestHubwire.start();
  const path = `:generateToken?${VERSION}&userId=${encodeURIComponent("ann é")}&minutesToExpire=1`;
  const response = await post(hubwire, path);
  assert.equal(response.status, 200);
  const { token } = (await response.json()) as { token: string };
  const client = signalrClient(hubwire, { token });
  await client.start();
  assert.equal((await hubwire.event("client.opened")).userId, "ann é");
  const heard = received(client, "news", 1);
  await hubwire.send(`users/${encodeURIComponent("ann é")}/`, "news", []);
  await heard;
  await client.stop();
  await assert.rejects(signalrClient(hubwire, { token, hub: "other" }).start(), /401/);
  hubwire.clock.skip(7 * 60_000);
  await assert.rejects(signalrClient(hubwire, { token }).start(), /401/);
});

test("the connections in a group are listed by the links alone, each once", async () => {
  await using hubwire = await TestHubwire.start();
  const clients = await Promise.all(
    Array.from({ length: 7 }, async (_, index) => {
      const client = signalrClient(hubwire, {
        ...waysToConnect[index % 5],
        ...(index < 5 && { userId: `user ${index}` }),
      });
      await client.start();
      await hubwire.rest("PUT", `/api/hubs/chat/groups/g/connections/${client.connectionId}?${VERSION}`);
      return client;
    }),
  );
  const listed: { connectionId: string; userId?: string }[] = [];
  const sizes: number[] = [];
  let link: string | undefined =
    `${hubwire.url}/api/hubs/chat/groups/g/connections?${VERSION}&maxPageSize=3&top=100`;
  while (link !== undefined) {
    assert.ok(link.startsWith(`${hubwire.url}/api/hubs/chat/groups/g/connections?`));
    const response = await hubwire.rest("GET", link.slice(hubwire.url.length));
    assert.equal(response.status, 200);
    const page = (await response.json()) as { value: typeof listed; nextLink?: string };
    listed.push(...page.value);
    sizes.push(page.value.length);
    link = page.nextLink;
  }
  assert.deepEqual(sizes, [3, 3, 1]);
  assert.deepEqual(
    listed.map(({ connectionId }) => connectionId),
    clients.map(({ connectionId }) => connectionId ?? "").sort(),
  );
  assert.deepEqual(
    listed.flatMap(({ userId }) => userId ?? []).sort(),
    Array.from({ length: 5 }, (_, index) => `user ${index}`),
  );

  const ours = await hubwire.rest("GET", "/api/hubwire/hubs/chat/groups/g/connections?top=2");
  assert.equal(((await ours.json()) as { count: number }).count, 7);
  const ends = clients.map(closed);
  await Promise.all(clients.map((client) => client.stop()));
  await Promise.all(ends);
  await until(() => hubwire.node.size.clients === 0);
  const none = await hubwire.rest("GET", `/api/hubs/chat/groups/g/connections?${VERSION}`);
  assert.deepEqual(await none.json(), { value: [] });
});

test("a made-up continuation token is 400", async () => {
  await using hubwire = await TestHubwire.start();
  const path = `/api/hubs/chat/groups/g/connections?${VERSION}&continuationToken=${"A".repeat(40)}`;
  const response = await hubwire.rest("GET", path);
  assert.equal(response.status, 400);
  assert.partialDeepStrictEqual(await response.json(), { target: "continuationToken" });
});

/** The id of the connection that was opened, by this user where one is named. */
async function idOf(hubwire: TestHubwire, userId?: string): Promise<string> {
  const { connectionId } = await hubwire.event(
    "client.opened",
    (event) => userId === undefined || event.userId === userId,
  );
  return connectionId;
}

/** Holds when clients still get what is sent, and nothing else has come. */
async function stillThere(hubwire: TestHubwire, ...clients: readonly RawWebSocket[]): Promise<void> {
  await settled(hubwire);
  await hubwire.send("", "news", []);
  for (const client of clients)
    assert.equal(await client.next(), 'text {"type":1,"target":"news","arguments":[]}\x1e');
}

function jsonIdIn(frame: string | undefined): string {
  const { invocationId } = JSON.parse(frame?.slice("text ".length, -1) ?? "") as { invocationId?: string };
  assert.ok(invocationId);
  return invocationId;
}

/** The id in an invocation with its length of one byte. */
function messagePackIdIn(message: Buffer): string {
  const [, , id] = decode(message.subarray(1)) as unknown[];
  assert.ok(typeof id === "string");
  return id;
}

/** The id of the stream invocation that a webhook was told of. */
function streamIdIn(protocol: "json" | "messagepack", body: Buffer): string {
  return protocol === "json"
    ? (JSON.parse(body.toString().replace(/\x1e$/, "")) as { invocationId: string }).invocationId
    : String((decode(body) as unknown[])[2]);
}

function textHex(text: string): string {
  return (0xa0 + Buffer.byteLength(text)).toString(16) + Buffer.from(text).toString("hex");
}

/** A MessagePack hub message of up to 127 bytes with its length. */
function framed(hex: string): Buffer {
  const content = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return Buffer.concat([Buffer.of(content.length), content]);
}
