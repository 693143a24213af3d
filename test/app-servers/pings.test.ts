import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { connect, frameOf, jsonWire, leftNothing } from "../support/hub-wire.ts";
import { relayedClient } from "../support/relayed-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

type Pairs = readonly (readonly [key: string, value: string])[];

/** How the service answers a ping: the pairs of each of its own, which must be all that it says. */
async function answers(server: AppServerPeer, ...pairs: Pairs): Promise<Pairs[]> {
  server.send({ type: "ping", pairs });
  return (await server.heard()).map((message) => {
    assert.equal(message.type, "ping");
    return message.type === "ping" ? message.pairs : [];
  });
}

describe("keep-alive, §3.4", () => {
  test("every server connection is pinged every 5 s, whatever else is said", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using weak = await AppServerPeer.connect(hubwire, { type: 2, hub: "other" });
    for (let second = 1; second <= 21; second++) {
      hubwire.clock.advance(1_000);
      await server.settled();
      await weak.settled();
      assert.equal(server.keepAlives, Math.floor(second / 5));
      assert.equal(weak.keepAlives, Math.floor(second / 5));
    }
  });

  test("one that is silent for 30 s is dropped: its clients may reconnect, and it is told why", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    const other = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, server);
    hubwire.clock.advance(29_000);
    assert.deepEqual(await other.heard(), []);
    const code = new Promise((resolve) => server.socket.once("close", resolve));
    hubwire.clock.advance(1_000);
    assert.deepEqual(await client.takeAll(), [frameOf(jsonWire.close(undefined, true)), "close 1000"]);
    assert.equal((await server.next("serviceError")).message, "The app server was silent for 30 s.");
    assert.equal(await code, 1000);
    assert.deepEqual(await other.heard(), []);
    await other.leave();
    await leftNothing(hubwire);
  });

  test("a ping is enough to live on", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    for (let time = 0; time < 4; time++) {
      hubwire.clock.advance(29_000);
      assert.deepEqual(await answers(server), []);
    }
  });
});

describe("what pings ask, §3.4", () => {
  test("status: whether the hub has clients, and how much the service holds", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using weak = await AppServerPeer.connect(hubwire, { hub: "other", type: 2 });
    const status = (value: string, clients: string): Pairs => [
      ["status", value],
      ["clientcount", clients],
      ["servercount", "2"],
    ];
    assert.deepEqual(await answers(server, ["status", "1"]), [status("0", "0")]);
    using _ = await connect(hubwire, { hub: "third" });
    assert.deepEqual(await answers(weak, ["status", ""]), [status("0", "1")]);
    using client = await relayedClient(hubwire, server);
    assert.deepEqual(await answers(server, ["status", "1"]), [status("1", "2")]);
    client.drop();
    await server.next("closeConnection");
    assert.deepEqual(await answers(server, ["status", "1"]), [status("0", "1")]);
  });

  test("servers: who has a connection of the hub, each once, with a stamp that always grows", async () => {
    await using hubwire = await TestHubwire.start();
    using a = await AppServerPeer.connect(hubwire, { serverId: "a" });
    using a2 = await AppServerPeer.connect(hubwire, { serverId: "a" });
    const b = await AppServerPeer.connect(hubwire, { serverId: "b", type: 2 });
    using abroad = await AppServerPeer.connect(hubwire, { serverId: "c", hub: "other" });
    let last = 600_000_000_000_000_000n; // .NET's ticks of a date in 1902: ours are those of today
    const servers = async (peer: AppServerPeer): Promise<string | undefined> => {
      const [answer] = (await answers(peer, ["servers", ""])).flat();
      assert.equal(answer?.[0], "servers");
      const [stamp = "", ids] = answer?.[1].split(":") ?? [];
      assert.ok(BigInt(stamp) > last, `${stamp} after ${last}`);
      last = BigInt(stamp);
      return ids;
    };
    assert.equal(await servers(a), "a;b");
    assert.equal(await servers(a2), "a;b");
    await b.leave();
    assert.equal(await servers(a), "a");
    hubwire.clock.advance(1_000);
    assert.equal(await servers(abroad), "c");
  });

  test("echo: the same", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    assert.deepEqual(await answers(server, ["echo", "x-1"]), [[["echo", "x-1"]]]);
  });

  test("shutdown: finack, for each fin that is one", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    for (const value of ["fin", "fin:3", "", "finack", "constructor"])
      assert.deepEqual(await answers(server, ["shutdown", value]), [], value);
    assert.equal(
      hubwire.events.some(({ name }) => name === "server.draining"),
      false,
    );
    for (const value of ["fin:0", "fin:1", "fin:2", "fin:0"])
      assert.deepEqual(await answers(server, ["shutdown", value]), [[["shutdown", "finack"]]]);
  });

  test("several at once are all answered", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    const said = await answers(
      server,
      ["#client", "0"],
      ["status", "1"],
      ["unknown", ""],
      ["servers", ""],
      ["echo", "e"],
      ["shutdown", "fin:2"],
    );
    const keys = said.map((pairs) => pairs[0]?.[0]);
    assert.deepEqual(keys, ["status", "servers", "echo", "shutdown"]);
  });

  test("what is unknown, or only the service's to say, is passed over", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    for (const key of ["target", "offline", "d-m", "clientcount", "#clientInHub", "#client", "", "__proto__"])
      assert.deepEqual(await answers(server, [key, "1"]), [], key);
    server.sendBytes(Buffer.from("049203a161", "hex")); // a key without a value
    assert.deepEqual(await server.heard(), []);
  });
});
