import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AppServerOptions } from "../../src/app-server-sdk/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { received, signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { startChat } from "../support/start-chat.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

/** Methods that say which app server answers. */
function named(serverName: string): Pick<AppServerOptions, "serverName" | "methods"> {
  return {
    serverName,
    methods: { where: () => serverName, echo: (_context, text: string) => text },
  };
}

for (const way of waysToConnect)
  describe(`an app server that stops, for clients over ${way.transport} with ${way.protocol}`, () => {
    test('as "close" lets them come back to another one', async () => {
      await using hubwire = await TestHubwire.start({ clock: systemClock });
      await using first = await startChat(hubwire, { ...named("first"), shutdown: "close" });
      const client = signalrClient(hubwire, { ...way, automaticReconnect: true });
      await client.start();
      const before = client.connectionId;
      assert.equal(await client.invoke("where"), "first");
      await using _ = await startChat(hubwire, named("second"));
      const reconnected = new Promise<string | undefined>((resolve) => client.onreconnected(resolve));
      await first.stop();
      assert.notEqual(await reconnected, before);
      assert.equal(await client.invoke("where"), "second");
      await client.stop();
    });

    test('as "migrate" has them go on with another one, under the same connection id', async () => {
      await using hubwire = await TestHubwire.start({ clock: systemClock });
      const moved: string[] = [];
      await using first = await startChat(hubwire, {
        ...named("first"),
        shutdown: "migrate",
        disconnected: (context) => moved.push(`${context.connectionId} left`),
      });
      const client = signalrClient(hubwire, way);
      await client.start();
      const { connectionId } = client;
      client.onclose(() => moved.push("closed"));
      assert.equal(await client.invoke("where"), "first");
      await using second = await startChat(hubwire, {
        ...named("second"),
        shutdown: "migrate",
        connected: (context) => moved.push(`${context.connectionId} came`),
      });
      await first.stop();
      assert.equal(await client.invoke("where"), "second");
      assert.equal(client.connectionId, connectionId);
      assert.deepEqual(moved.sort(), [`${connectionId} came`, `${connectionId} left`]);
      const heard = received(client, "news", 1);
      await second.clients.all.send("news", 1);
      assert.deepEqual(await heard, [[1]]);
      await client.stop();
    });

    test('as "wait" serves them until they go, and nobody new', async () => {
      await using hubwire = await TestHubwire.start({ clock: systemClock });
      await using first = await startChat(hubwire, { ...named("first"), shutdown: "wait", connections: 1 });
      const old = signalrClient(hubwire, way);
      await old.start();
      assert.equal(await old.invoke("where"), "first");
      await using _ = await startChat(hubwire, named("second"));
      let isStopped = false;
      const stopped = first.stop().then(() => {
        isStopped = true;
      });
      const fresh = signalrClient(hubwire, way);
      await hubwire.event("server.draining");
      await fresh.start();
      assert.equal(await fresh.invoke("where"), "second");
      assert.equal(await old.invoke("where"), "first");
      assert.equal(isStopped, false);
      await old.stop();
      await stopped;
      await fresh.stop();
    });
  });

test("an app server whose connections are cut comes back, and so do its clients", async () => {
  await using hubwire = await TestHubwire.start({ clock: systemClock });
  await using proxy = await TcpProxy.start(hubwire.url);
  const gone: unknown[] = [];
  await using chat = await startChat(hubwire, {
    ...named("first"),
    connectionString: `${hubwire.node.connectionString}ServerEndpoint=${proxy.url};`,
    disconnected: (_context, error) => gone.push(error?.message),
  });
  const client = signalrClient(hubwire);
  await client.start();
  assert.equal(await client.invoke("where"), "first");
  const closed = new Promise<void>((resolve) => client.onclose(() => resolve()));
  const back = hubwire.event("server.connected", () => chat.size.connections === 0);
  proxy.cut();
  await closed;
  await back;
  assert.deepEqual(gone, ["The server connection was lost."]);
  await client.start();
  assert.equal(await client.invoke("where"), "first");
  await client.stop();
});

test("a client with stateful reconnect keeps its connection to the app server over a lost socket, and loses nothing", async () => {
  await using hubwire = await TestHubwire.start({ clock: systemClock });
  await using proxy = await TcpProxy.start(hubwire.url);
  await using chat = await startChat(hubwire, {
    ...named("first"),
    statefulReconnect: true,
    maxMessageBytes: 2_000_000,
  });
  const client = signalrClient(hubwire, { url: proxy.url, statefulReconnect: true });
  await client.start();
  const { connectionId } = client;
  const heard = received(client, "news", 40);
  const answers = [];
  for (let index = 0; index < 40; index++) {
    await chat.clients.all.send("news", index);
    answers.push(client.invoke("echo", `${index} ${"x".repeat(index * 1_000)}`));
    if (index % 10 === 9) {
      const reattached = hubwire.event("client.reattached");
      proxy.cut();
      await reattached;
      assert.equal(await client.invoke("echo", "again"), "again");
      hubwire.events.length = 0;
    }
  }
  assert.deepEqual((await heard).flat(), [...Array(40).keys()]);
  const lengths = (await Promise.all(answers)).map((text: string) => text.length);
  assert.deepEqual(
    lengths,
    [...Array(40).keys()].map((index) => `${index} `.length + index * 1_000),
  );
  assert.equal(client.connectionId, connectionId);
  await client.stop();
});
