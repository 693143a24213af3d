import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppServerPeer, type PeerOptions } from "../support/app-server-peer.ts";
import { call, settled } from "../support/http-call.ts";
import { connect, frameOf, jsonWire, leftNothing } from "../support/hub-wire.ts";
import { bearer, HANDSHAKE } from "../support/negotiate.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { relayedClient } from "../support/relayed-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const BACK_SOON = [frameOf(jsonWire.close(undefined, true)), "close 1000"];
const FINACK = [["shutdown", "finack"]];

/** An app server says how it goes, and has it acknowledged. */
async function fin(server: AppServerPeer, mode: 0 | 1 | 2): Promise<void> {
  server.send({ type: "ping", pairs: [["shutdown", `fin:${mode}`]] });
  assert.deepEqual((await server.next("ping")).pairs, FINACK);
}

/** Two app servers, and a client of the first. */
async function stage(options: PeerOptions & { claims?: Readonly<Record<string, unknown>> } = {}) {
  const hubwire = await TestHubwire.start();
  const a = await AppServerPeer.connect(hubwire, { serverId: "a", migrationLevel: 1, ...options });
  const client = await relayedClient(hubwire, a, { claims: options.claims ?? {} });
  const b = await AppServerPeer.connect(hubwire, { serverId: "b" });
  return {
    hubwire,
    a,
    b,
    client,
    /** All leave, and nothing is left. */
    async [Symbol.asyncDispose](): Promise<void> {
      client.drop();
      for (const server of [a, b]) if (server.socket.readyState === server.socket.OPEN) await server.leave();
      try {
        await leftNothing(hubwire);
      } finally {
        await hubwire.node.stop();
      }
    },
  };
}

describe("an app server that shuts down, §4.5", () => {
  test("fin:0: its clients are closed and may reconnect, elsewhere; each fin is acknowledged", async () => {
    await using party = await stage();
    const { hubwire, a, b, client } = party;
    a.send({ type: "ping", pairs: [["shutdown", "fin:0"]] });
    const [finack, gone] = [await a.next("ping"), await a.next("closeConnection")];
    assert.deepEqual(finack.pairs, FINACK);
    assert.deepEqual([gone.connectionId, gone.error, gone.headers], [client.id, "", []]);
    assert.deepEqual(await client.takeAll(), BACK_SOON);
    for (const mode of [0, 0, 1, 2] as const) await fin(a, mode);
    using other = await relayedClient(hubwire, b);
    assert.deepEqual(await a.heard(), []);
    other.drop();
    await b.next("closeConnection");
  });

  test("fin:2: its clients stay until they go, new ones go elsewhere", async () => {
    await using party = await stage();
    const { hubwire, a, b, client } = party;
    await fin(a, 2);
    await fin(a, 2);
    hubwire.clock.advance(20_000);
    await b.settled();
    client.send(jsonWire.invocation("still", []));
    assert.equal(String(await a.nextData()), jsonWire.invocation("still", []));
    a.sendData(client.id, jsonWire.invocation("here", []));
    assert.equal(await client.next(), frameOf(jsonWire.invocation("here", [])));
    using other = await relayedClient(hubwire, b);
    await a.leave();
    assert.deepEqual(await client.takeAll(), BACK_SOON);
    other.drop();
  });

  for (const [mode, status] of [
    ["default", 503],
    ["auto", 200],
  ] as const)
    test(`fin:2 of the last: new clients in mode ${mode} are answered with ${status}`, async () => {
      await using hubwire = await TestHubwire.start({ mode });
      using server = await AppServerPeer.connect(hubwire);
      using _ = await relayedClient(hubwire, server);
      await fin(server, 2);
      const headers = bearer(hubwire.clientToken());
      const answer = await call(hubwire, "POST", "/client/negotiate?hub=chat&negotiateVersion=1", {
        headers,
      });
      assert.equal(answer.status, status);
    });
});

describe("fin:1: a client moves to another app server, §4.5", () => {
  test("between two messages; it notices nothing, and nothing is lost or comes twice", async () => {
    await using party = await stage();
    const { hubwire, a, b, client } = party;
    const [first, second, third] = ["1", "2", "3"].map((id) => jsonWire.invocation("Echo", [], id));
    client.send(`${first}${second?.slice(0, 10)}`);
    assert.equal(String(await a.nextData()), first);
    await fin(a, 1);
    client.send(`${second?.slice(10)}${third}`);
    a.sendData(client.id, jsonWire.invocation("last words", []));
    assert.equal(await client.next(), frameOf(jsonWire.invocation("last words", [])));
    hubwire.clock.advance(1_000);
    assert.deepEqual(await b.heard(), []);
    hubwire.clock.advance(1_000);
    assert.deepEqual(await a.take(), {
      type: "closeConnection",
      connectionId: client.id,
      error: "",
      headers: [["Asrs-Migrate-To", ["b"]]],
    });
    const opening = await b.next("openConnection");
    assert.equal(opening.connectionId, client.id);
    assert.equal(opening.protocol, "json");
    assert.equal(opening.query, "?hub=chat");
    assert.deepEqual(opening.headers.at(-1), ["Asrs-Migrate-From", ["a"]]);
    assert.equal(String(await b.nextData()), HANDSHAKE);
    assert.equal(String(await b.nextData()), `${second}${third}`);
    a.sendData(client.id, jsonWire.invocation("too late", []));
    await a.settled();
    b.sendData(client.id, jsonWire.invocation("hello", []));
    assert.equal(await client.next(), frameOf(jsonWire.invocation("hello", [])));
    assert.deepEqual(await a.heard(), []);
    await a.leave();
    b.sendData(client.id, jsonWire.ping);
    assert.equal(await client.next(), frameOf(jsonWire.ping));
  });

  test("when its app server has been silent for a second, or after ten", async () => {
    await using party = await stage();
    const { hubwire, a, b, client } = party;
    await fin(a, 1);
    for (let second = 0; second < 10; second++) {
      hubwire.clock.advance(500);
      a.sendData(client.id, jsonWire.invocation("answer", [second]));
      assert.equal(await client.next(), frameOf(jsonWire.invocation("answer", [second])));
      hubwire.clock.advance(500);
    }
    assert.deepEqual([await a.heard(), await b.heard()], [[], []]);
    hubwire.clock.advance(1_000);
    assert.equal((await a.next("closeConnection")).headers.length, 1);
    await b.next("openConnection");
  });

  for (const [why, options] of [
    ["its app server does not move clients", { migrationLevel: 0 }],
    ["its token requires the app server", { claims: { "asrs.s.ssticky": "Required", "asrs.s.sn": "a" } }],
  ] as const)
    test(`but is closed to reconnect where ${why}`, async () => {
      await using party = await stage(options);
      const { a, b, client } = party;
      a.send({ type: "ping", pairs: [["shutdown", "fin:1"]] });
      await a.next("ping");
      assert.deepEqual((await a.next("closeConnection")).headers, []);
      assert.deepEqual(await client.takeAll(), BACK_SOON);
      assert.deepEqual(await b.heard(), []);
    });

  test("but is closed where there is no other app server, at once or when it would move", async () => {
    await using party = await stage();
    const { hubwire, a, b, client } = party;
    await fin(a, 1);
    await b.leave();
    hubwire.clock.advance(2_000);
    assert.deepEqual((await a.next("closeConnection")).headers, []);
    assert.deepEqual(await client.takeAll(), BACK_SOON);
    const alone = await AppServerPeer.connect(hubwire, { serverId: "c", migrationLevel: 1 });
    using other = await relayedClient(hubwire, alone);
    alone.send({ type: "ping", pairs: [["shutdown", "fin:1"]] });
    assert.deepEqual(await other.takeAll(), BACK_SOON);
    await alone.leave();
  });

  test("but is closed where its handshake is not answered yet", async () => {
    await using party = await stage();
    const { hubwire, a, b, client } = party;
    using newcomer = await RawWebSocket.open(hubwire, {
      claims: { "asrs.s.ssticky": "Preferred", "asrs.s.sn": "a" },
    });
    newcomer.send(HANDSHAKE);
    const { connectionId } = await a.next("openConnection");
    await a.next("connectionData");
    a.send({ type: "ping", pairs: [["shutdown", "fin:1"]] });
    await a.next("ping");
    assert.equal((await a.next("closeConnection")).connectionId, connectionId);
    assert.deepEqual(await newcomer.takeAll(), [
      'text {"error":"Handshake was canceled."}\x1e',
      "close 1000",
    ]);
    client.send(jsonWire.invocation("waits", []));
    hubwire.clock.advance(2_000);
    await b.next("openConnection");
  });

  test("or is gone before", async () => {
    await using party = await stage();
    const { hubwire, a, b, client } = party;
    await fin(a, 1);
    a.send({ type: "closeConnection", connectionId: client.id, error: "", headers: [] });
    assert.deepEqual(await client.takeAll(), ["close 1000"]);
    hubwire.clock.advance(20_000);
    assert.deepEqual([await a.heard(), await b.heard()], [[], []]);
  });
});

describe("a lost app server, §4.5", () => {
  test("level 2: its clients move at once, without a word to it", async () => {
    await using party = await stage({ migrationLevel: 2 });
    const { a, b, client } = party;
    a.kill();
    const opening = await b.next("openConnection");
    assert.deepEqual(opening.headers.at(-1), ["Asrs-Migrate-From", ["a"]]);
    assert.equal(String(await b.nextData()), HANDSHAKE);
    client.send(jsonWire.invocation("Echo", [], "1"));
    assert.equal(String(await b.nextData()), jsonWire.invocation("Echo", [], "1"));
  });

  test("level 1: its clients are closed, those too that wait to move", async () => {
    await using party = await stage();
    const { hubwire, a, b, client } = party;
    await fin(a, 1);
    hubwire.clock.advance(1_000);
    a.kill();
    assert.deepEqual(await client.takeAll(), BACK_SOON);
    hubwire.clock.advance(10_000);
    assert.deepEqual(await b.heard(), []);
  });
});

test("the last app server of a hub goes, clients that come later are the webhooks' in mode auto", async () => {
  await using hubwire = await TestHubwire.start();
  const server = await AppServerPeer.connect(hubwire);
  await server.leave();
  using _ = await connect(hubwire);
  await settled(hubwire);
});
