import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DataType } from "../../src/protocol/service-message.ts";
import { AppServerPeer, type PeerOptions } from "../support/app-server-peer.ts";
import { call, settled } from "../support/http-call.ts";
import {
  frameOf,
  type HubWire,
  jsonWire,
  leftNothing,
  messagePackWire,
  packed,
  wires,
} from "../support/hub-wire.ts";
import { bearer } from "../support/negotiate.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { type RelayedClient, relayedClient } from "../support/relayed-client.ts";
import { payloadOf } from "../support/relayed-room.ts";
import { received, signalrClient } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const ALLOWS: PeerOptions = { allowStatefulReconnects: true };

/** What negotiate says of stateful reconnect, and where its client connects. */
async function negotiateStateful(hubwire: TestHubwire): Promise<{ granted: boolean; path: string }> {
  const url = "/client/negotiate?hub=chat&negotiateVersion=1&useStatefulReconnect=true";
  const { body } = await call(hubwire, "POST", url, { headers: bearer(hubwire.clientToken()) });
  const { connectionToken, useStatefulReconnect } = JSON.parse(body) as Record<string, unknown>;
  return { granted: useStatefulReconnect === true, path: `/client/?hub=chat&id=${String(connectionToken)}` };
}

/** An app server that allows it, and a client of it that has said its first word. */
async function stage(hubwire: TestHubwire, wire: HubWire = jsonWire) {
  const server = await AppServerPeer.connect(hubwire, ALLOWS);
  const { path } = await negotiateStateful(hubwire);
  const client: RelayedClient = await relayedClient(hubwire, server, { path, wire, version: 2 });
  client.send(wire.ping);
  assert.equal((await server.next("connectionData")).dataType, DataType.other);
  return { server, client, path };
}

/** Loses a socket; resolves when the service knows. */
async function drop(hubwire: TestHubwire, client: RawWebSocket): Promise<void> {
  client.drop();
  await settled(hubwire);
}

async function statusOf(hubwire: TestHubwire, path: string): Promise<number> {
  using socket = await RawWebSocket.open(hubwire, { path });
  return socket.status;
}

describe("stateful reconnect is granted, §5.6", () => {
  for (const [who, servers, expected] of [
    ["where the only app server allows it", [ALLOWS], true],
    [
      "where all do; weak connections do not count",
      [ALLOWS, { ...ALLOWS, serverId: "b" }, { type: 2 }],
      true,
    ],
    ["not where one does not", [ALLOWS, { serverId: "b" }], false],
    ["not where none does", [{}], false],
  ] as const)
    test(who, async () => {
      await using hubwire = await TestHubwire.start();
      const peers: AppServerPeer[] = [];
      for (const options of servers) peers.push(await AppServerPeer.connect(hubwire, options));
      assert.equal((await negotiateStateful(hubwire)).granted, expected);
      for (const peer of peers) peer.kill();
    });

  test("where the one that does not allow it goes away", async () => {
    await using hubwire = await TestHubwire.start();
    using _ = await AppServerPeer.connect(hubwire, ALLOWS);
    using old = await AppServerPeer.connect(hubwire, { serverId: "old" });
    assert.equal((await negotiateStateful(hubwire)).granted, false);
    old.send({ type: "ping", pairs: [["shutdown", "fin:2"]] });
    await old.settled();
    assert.equal((await negotiateStateful(hubwire)).granted, true);
  });
});

for (const wire of wires) {
  const { protocol } = wire;
  const send = (client: RawWebSocket, ...messages: readonly (string | Buffer)[]): void => {
    for (const message of messages) client.send(message);
  };
  const invocation = (id: string): string | Buffer => wire.invocation("Echo", [], id);
  const news = (n: number): string | Buffer => wire.invocation("news", [n]);

  describe(`a client with stateful reconnect, ${protocol}, §5.6`, () => {
    test("its messages go on one by one, with what they are; what is for the service does not", async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.connect(hubwire, ALLOWS);
      const { path } = await negotiateStateful(hubwire);
      using client = await RawWebSocket.open(hubwire, { path });
      client.send(`{"protocol":"${protocol}","version":2}\x1e`);
      const { connectionId } = await server.next("openConnection");
      assert.equal((await server.next("connectionData")).dataType, DataType.handshake);
      server.sendData(connectionId, "{}\x1e");
      await client.next();
      const together = Buffer.concat(
        [wire.ping, invocation("1"), wire.ack(0), invocation("2"), wire.close(undefined, false)].map((each) =>
          Buffer.from(each),
        ),
      );
      client.send(protocol === "json" ? together.toString() : together);
      for (const [message, type] of [
        [wire.ping, DataType.other],
        [invocation("1"), DataType.invocation],
        [invocation("2"), DataType.invocation],
        [wire.close(undefined, false), DataType.close],
      ] as const) {
        const { payload, dataType } = await server.next("connectionData");
        assert.deepEqual([payload, dataType], [Buffer.from(message), type]);
      }
      assert.equal((await server.next("closeConnection")).connectionId, connectionId);
      assert.deepEqual(await client.takeAll(), ["close 1000"]);
      await server.leave();
      await leftNothing(hubwire);
    });

    test("loses its socket: nothing is lost or comes twice either way, and the app server is told", async () => {
      await using hubwire = await TestHubwire.start();
      const { server, client, path } = await stage(hubwire, wire);
      send(client, invocation("1"), invocation("2"));
      for (const id of ["1", "2"]) assert.deepEqual(await server.nextData(), Buffer.from(invocation(id)));
      server.sendData(client.id, news(1));
      assert.equal(await client.next(), frameOf(news(1)));
      await drop(hubwire, client);
      server.sendData(client.id, news(2));
      const all = { type: "broadcastData", excluded: [], payload: payloadOf("news", [3]) } as const;
      server.send(all);
      assert.deepEqual(await server.heard(), [], "nobody is gone");
      using again = await RawWebSocket.open(hubwire, { path });
      assert.deepEqual(
        await again.take(4),
        [wire.sequence(1), news(1), news(2), news(3)].map((each) => frameOf(each)),
      );
      assert.equal((await server.next("connectionReconnect")).connectionId, client.id);
      send(again, wire.sequence(2), invocation("2"), invocation("3"));
      assert.deepEqual(await server.nextData(), Buffer.from(invocation("3")));
      server.sendData(client.id, news(4));
      assert.equal(await again.next(), frameOf(news(4)));
      again.close(1000);
      assert.equal((await server.next("closeConnection")).connectionId, client.id);
      await server.leave();
      await leftNothing(hubwire);
    });

    test("is sent several messages in one ConnectionData: each counts that counts", async () => {
      await using hubwire = await TestHubwire.start();
      const { server, client, path } = await stage(hubwire, wire);
      const completion = wire === jsonWire ? '{"type":3,"invocationId":"1"}\x1e' : packed(3, {}, "1", 2);
      const messages = [news(1), wire.ping, completion, news(2)].map((each) => Buffer.from(each));
      server.sendData(client.id, Buffer.concat(messages));
      server.sendData(client.id, wire.ping);
      server.sendData(client.id, news(3));
      await client.take(6);
      client.send(wire.ack(2));
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.deepEqual(
        await again.take(3),
        [wire.sequence(3), news(2), news(3)].map((each) => frameOf(each)),
      );
      server.kill();
    });

    test("is sent messages that say what they are: only invocations and their like count", async () => {
      await using hubwire = await TestHubwire.start();
      const { server, client, path } = await stage(hubwire, wire);
      for (const [message, dataType] of [
        [news(1), DataType.invocation],
        [wire.ping, DataType.other],
        [news(2), DataType.invocation],
      ] as const)
        server.send({
          type: "connectionData",
          connectionId: client.id,
          payload: Buffer.from(message),
          dataType,
        });
      await client.take(3);
      client.send(wire.ack(1));
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.deepEqual(
        await again.take(2),
        [wire.sequence(2), news(2)].map((each) => frameOf(each)),
      );
      server.kill();
    });

    test("does not come back: its app server is told after 15 s", async () => {
      await using hubwire = await TestHubwire.start();
      const { server, client, path } = await stage(hubwire, wire);
      await drop(hubwire, client);
      hubwire.clock.advance(14_000);
      assert.deepEqual(await server.heard(), []);
      hubwire.clock.advance(1_000);
      assert.equal((await server.next("closeConnection")).connectionId, client.id);
      assert.equal(await statusOf(hubwire, path), 404);
      await server.leave();
      await leftNothing(hubwire);
    });

    for (const [how, end] of [
      [
        "its app server ends it",
        (server: AppServerPeer, connectionId: string) =>
          server.send({ type: "closeConnection", connectionId, error: "", headers: [] }),
      ],
      ["its app server is lost", (server: AppServerPeer) => server.kill()],
    ] as const)
      test(`cannot come back when ${how} while it is away`, async () => {
        await using hubwire = await TestHubwire.start();
        const { server, client, path } = await stage(hubwire, wire);
        await drop(hubwire, client);
        end(server, client.id);
        await hubwire.event("client.closed");
        assert.equal(await statusOf(hubwire, path), 404);
        server.kill();
        await server.ended();
        await leftNothing(hubwire);
      });
  });
}

test("Microsoft's client keeps its connection over lost sockets, and every message comes once, in order", async () => {
  await using hubwire = await TestHubwire.start();
  using server = await AppServerPeer.connect(hubwire, ALLOWS);
  for (const protocol of ["json", "messagepack"] as const) {
    await using proxy = await TcpProxy.start(hubwire.url);
    const client = signalrClient(hubwire, { url: proxy.url, protocol, statefulReconnect: true });
    const [, id] = await Promise.all([client.start(), server.welcome()]);
    const wire = protocol === "json" ? jsonWire : messagePackWire;
    const COUNT = 60;
    const heard = received(client, "news", COUNT);
    for (let n = 0; n < COUNT; n++) {
      if (n % 20 === 10) proxy.cut();
      server.sendData(id, wire.invocation("news", [n]));
      await client.send("said", n);
    }
    assert.deepEqual(
      (await heard).flat(),
      Array.from({ length: COUNT }, (_, n) => n),
    );
    const said: string[] = [];
    while (said.length < COUNT) {
      const message = await server.take();
      if (message.type === "connectionReconnect") continue;
      assert.equal(message.type, "connectionData");
      if (message.type !== "connectionData" || message.dataType !== DataType.invocation) continue;
      said.push(message.payload.toString("latin1"));
    }
    const numbers = said.map((text) =>
      protocol === "json"
        ? Number(/\[(\d+)\]/.exec(text)?.[1])
        : text.charCodeAt(text.lastIndexOf("said") + 5),
    );
    assert.deepEqual(
      numbers,
      Array.from({ length: COUNT }, (_, n) => n),
    );
    await client.stop();
    for (;;) if ((await server.take()).type === "closeConnection") break;
  }
});
