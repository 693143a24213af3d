import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppServerPeer, type PeerOptions } from "../support/app-server-peer.ts";
import { HANDSHAKE } from "../support/negotiate.ts";
import { RawWebSocket, type UpgradeOptions } from "../support/raw-web-socket.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

/** A node with some app servers, and clients that stay. */
class Stage implements AsyncDisposable {
  readonly hubwire: TestHubwire;
  readonly #peers: AppServerPeer[] = [];
  readonly #clients: RawWebSocket[] = [];

  private constructor(hubwire: TestHubwire) {
    this.hubwire = hubwire;
  }

  static async set(...servers: readonly PeerOptions[]): Promise<Stage> {
    const stage = new Stage(await TestHubwire.start());
    for (const options of servers) stage.#peers.push(await AppServerPeer.connect(stage.hubwire, options));
    return stage;
  }

  peer(at: number): AppServerPeer {
    const peer = this.#peers[at];
    assert.ok(peer);
    return peer;
  }

  /** Connects a client; resolves to which of the connections it was given. */
  async place(options: UpgradeOptions = {}): Promise<number> {
    const client = await this.open(options);
    client.send(HANDSHAKE);
    const present = this.#peers.filter(({ socket }) => socket.readyState === socket.OPEN);
    const peer = await Promise.race(present.map((each) => each.arrival().then(() => each)));
    await peer.welcome();
    assert.equal(await client.next(), "text {}\x1e");
    return this.#peers.indexOf(peer);
  }

  /** A client that has said nothing. */
  async open(options: UpgradeOptions): Promise<RawWebSocket> {
    const client = await RawWebSocket.open(this.hubwire, options);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.drop();
    for (const peer of this.#peers) peer.kill();
    await this.hubwire[Symbol.asyncDispose]();
  }
}

function sticky(mode: string, serverId: string): UpgradeOptions {
  return { claims: { "asrs.s.ssticky": mode, "asrs.s.sn": serverId } };
}

describe("which app server a client is given, §4.6", () => {
  test("the one with the fewest clients; there, the connection with the fewest", async () => {
    await using stage = await Stage.set({ serverId: "a" }, { serverId: "a" }, { serverId: "b" });
    const counts = [0, 0, 0];
    for (let count = 0; count < 8; count++) {
      const at = await stage.place();
      counts[at] = (counts[at] ?? 0) + 1;
    }
    assert.deepEqual(counts, [2, 2, 4]);
  });

  test("never a weak one, nor one of another hub; an on-demand connection as any other", async () => {
    await using stage = await Stage.set(
      { serverId: "a", type: 2 },
      { serverId: "b", hub: "other" },
      { serverId: "c", type: 1 },
    );
    for (let count = 0; count < 3; count++) assert.equal(await stage.place(), 2);
  });

  test("the one that its token prefers, however busy, while it is there", async () => {
    await using stage = await Stage.set({ serverId: "a" }, { serverId: "b" });
    const preferred = sticky("Preferred", "a");
    for (let count = 0; count < 3; count++) assert.equal(await stage.place(preferred), 0);
    const a = stage.peer(0);
    a.send({ type: "ping", pairs: [["shutdown", "fin:2"]] });
    await a.next("ping");
    assert.equal(await stage.place(preferred), 1);
    await a.leave();
    assert.equal(await stage.place(preferred), 1);
  });

  test("the one that its token requires, or none: the handshake fails", async () => {
    await using stage = await Stage.set({ serverId: "a" }, { serverId: "b" });
    const required = sticky("Required", "a");
    for (let count = 0; count < 2; count++) assert.equal(await stage.place(required), 0);
    await stage.peer(0).leave();
    const client = await stage.open(required);
    client.send(HANDSHAKE);
    const error = "No app server is currently connected to the service.";
    assert.deepEqual(await client.takeAll(), [`text ${JSON.stringify({ error })}\x1e`, "close 1000"]);
    await stage.hubwire.event("client.closed", ({ category }) => category === "NoAvailableServerConnection");
    assert.deepEqual(await stage.peer(1).heard(), []);
  });

  test("any, where its token has what is no sticky mode", async () => {
    await using stage = await Stage.set({ serverId: "b" });
    assert.equal(await stage.place(sticky("Disabled", "a")), 0);
    assert.equal(await stage.place({ claims: { "asrs.s.ssticky": "Required" } }), 0);
  });
});
