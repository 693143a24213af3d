import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HubConnection } from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import { decode, encode } from "@msgpack/msgpack";
import { settled, until } from "../support/http-call.ts";
import { connect, jsonWire, messagePackWire, openedId, packedHex, textHex } from "../support/hub-wire.ts";
import type { RawWebSocket } from "../support/raw-web-socket.ts";
import { received, signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

/* `:invoke`, an operation of 2024-12-01, on Microsoft's clients, and on raw ones where bytes count or are wrong. */

const VERSION = "api-version=2024-12-01";
const JSON_TYPE = { "Content-Type": "application/json; charset=utf-8" };

function invoke(
  hubwire: TestHubwire,
  connectionId: string | null,
  target: string,
  { args = [], accept = "*/*" }: { args?: readonly unknown[]; accept?: string } = {},
): Promise<Response> {
  const path = `connections/${connectionId}/:invoke?${VERSION}`;
  return hubwire.rest("POST", `/api/hubs/chat/${path}`, {
    body: JSON.stringify({ Target: target, Arguments: args }),
    headers: { ...JSON_TYPE, Accept: accept },
  });
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
        const response = await invoke(hubwire, connectionId, target, { args });
        assert.equal(response.status, 200, target);
        assert.deepEqual(await response.json(), { result });
      }
      for (const [target, error] of [
        ["fails", "TypeError: boom"],
        ["unhandled", "Client didn't provide a result."],
        ["undefined", "Client didn't provide a result."],
      ] as const)
        for (const accept of ["*/*", "application/octet-stream"]) {
          const response = await invoke(hubwire, connectionId, target, { accept });
          assert.equal(response.status, 400, target);
          assert.equal(await response.text(), error);
          assert.equal(response.headers.get("x-ms-error-code"), "Error.Connection.InvocationFailed");
        }
      const response = await invoke(hubwire, connectionId, "add", {
        args: [2, 3],
        accept: "application/octet-stream",
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
          (await invoke(hubwire, connectionId, "add", { args: [index, 1] })).json(),
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
    const connectionId = await openedId(hubwire);
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
      const completion = packedHex(`95 03 80 ${textHex(invocationId)} 03 ${result}`);
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
    const connectionId = await openedId(hubwire);
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
    const connectionId = await openedId(hubwire, "asked");
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
    const connectionId = await openedId(hubwire);
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

  test("is given up when the service stops, which does not wait for it", async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire);
    const response = invoke(hubwire, await openedId(hubwire), "T");
    jsonIdIn(await client.next());
    const stopped = hubwire.node.stop();
    assert.equal((await response).status, 400);
    assert.match(await (await response).text(), /disconnected\.$/);
    await client.takeAll();
    await stopped;
  });

  for (const protocol of ["json", "messagepack"] as const)
    test(`is answered across reconnects of a stateful ${protocol} client`, async () => {
      await using hubwire = await TestHubwire.start();
      await using proxy = await TcpProxy.start(hubwire.url);
      const client = signalrClient(hubwire, { protocol, statefulReconnect: true, url: proxy.url });
      let asked = Promise.withResolvers<void>();
      let answer = Promise.withResolvers<string>();
      client.on("ask", () => {
        asked.resolve();
        return answer.promise;
      });
      await client.start();
      const connectionId = await openedId(hubwire);
      const reattached = (): number =>
        hubwire.events.filter(({ name }) => name === "client.reattached").length;
      for (const round of ["answers after the cut", "answers without a socket", "is asked without one"]) {
        asked = Promise.withResolvers();
        answer = Promise.withResolvers();
        const cuts = reattached();
        const isCutFirst = round === "is asked without one";
        if (isCutFirst) proxy.cut();
        const response = invoke(hubwire, connectionId, "ask");
        await asked.promise;
        if (!isCutFirst) proxy.cut();
        if (round === "answers without a socket") answer.resolve(round);
        await until(() => reattached() > cuts);
        answer.resolve(round);
        assert.deepEqual(await (await response).json(), { result: round });
      }
      assert.deepEqual(
        hubwire.events.filter(({ name }) => name === "client.completion_ignored"),
        [],
      );
      await client.stop();
    });
});

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
