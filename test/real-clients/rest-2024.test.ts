import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { statusIn } from "../../src/rest/api-version.ts";
import { operations } from "../../src/rest/operations.ts";
import { until } from "../support/http-call.ts";
import { connect, messagePackWire, openedId, packedHex, textHex } from "../support/hub-wire.ts";
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
  "POST /hubs/{hub}/connections/{connectionId}/:invoke", // client-results.test.ts
  "POST /hubs/{hub}/connections/{connectionId}/streams/{streamId}/:complete",
  "POST /hubs/{hub}/connections/{connectionId}/streams/{streamId}/:send",
];

test("these are all operations that came with 2022-11-01 to 2024-12-01", () => {
  const isNew = ({ statuses }: (typeof operations)[number]): boolean =>
    statusIn(statuses, "2024-12-01") !== undefined && statusIn(statuses, "2022-06-01") === undefined;
  const names = operations.filter(isNew).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(names.sort(), TESTED);
});

function post(hubwire: TestHubwire, path: string, body?: unknown): Promise<Response> {
  return hubwire.rest("POST", `/api/hubs/chat/${path}`, {
    ...(body !== undefined && { body: JSON.stringify(body) }),
    headers: JSON_TYPE,
  });
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
    const connectionId = await openedId(hubwire);
    const item = packedHex(`94 02 80 ${textHex("7")} d38000000000000000`);
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
      const text = await response.text();
      assert.equal(response.status, 202, text);
      assert.equal(text, "");
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
      assert.equal(((await response.json()) as { target?: string }).target, target);
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

/** The id of the stream invocation that a webhook was told of. */
function streamIdIn(protocol: "json" | "messagepack", body: Buffer): string {
  return protocol === "json"
    ? (JSON.parse(body.toString()) as { invocationId: string }).invocationId
    : String((decode(body) as unknown[])[2]);
}
