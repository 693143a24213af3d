import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decode } from "@msgpack/msgpack";
import { AckStatus, type AppServerMessage } from "../../src/protocol/service-message.ts";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { negotiate } from "../support/negotiate.ts";
import { hmacToken, issuerKey, issuerToken, TestIssuer } from "../support/oidc-issuer.ts";
import { type RelayedClient, relayedClient } from "../support/relayed-client.ts";
import { signalrClient } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
const NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier";
/** Of no meaning to clients that are not closed at their expiry. */
const LATER = Date.now() + 86_400_000;
const { ok, notFound, forbidden } = AckStatus;

type Refresh = Omit<Extract<AppServerMessage, { type: "refreshAuth" }>, "type" | "ackId" | "connectionToken">;

/** A client that has a connection token, its app server, and a second connection of that. */
class Stage implements AsyncDisposable {
  readonly hubwire: TestHubwire;
  readonly server: AppServerPeer;
  readonly asker: AppServerPeer;
  readonly client: RelayedClient;
  readonly token: string;

  private constructor(
    hubwire: TestHubwire,
    { server, asker }: { server: AppServerPeer; asker: AppServerPeer },
    { client, token }: { client: RelayedClient; token: string },
  ) {
    this.hubwire = hubwire;
    this.server = server;
    this.asker = asker;
    this.client = client;
    this.token = token;
  }

  static async set(claims: Readonly<Record<string, unknown>> = {}, version: 0 | 1 = 1): Promise<Stage> {
    const hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    const { path, token } = await negotiate(hubwire, { userId: "ann", claims, version });
    const headers = { Authorization: `Bearer ${hubwire.clientToken({ userId: "ann" })}` };
    const client = await relayedClient(hubwire, server, { path, headers });
    const asker = await AppServerPeer.connect(hubwire, { type: 2 });
    return new Stage(hubwire, { server, asker }, { client, token });
  }

  /** The status that a refresh is acknowledged with. */
  async refresh(refresh: Refresh, connectionToken = this.token): Promise<number> {
    this.asker.send({ type: "refreshAuth", connectionToken, ackId: 1, ...refresh });
    return (await this.asker.next("ack")).status;
  }

  /** The client's claims, but for those of every token; or the status of a refusal. */
  async claims(connectionToken = this.token): Promise<unknown> {
    this.asker.send({ type: "getConnectionClaims", connectionToken, ackId: 2 });
    const { status, payload } = await this.asker.next("ack");
    if (status !== ok || payload === undefined) return status;
    const claims = Object.entries(decode(payload) as Record<string, string>);
    return Object.fromEntries(claims.filter(([type]) => !/^(aud|exp|iat|nbf)$/.test(type)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.drop();
    for (const peer of [this.server, this.asker]) peer.kill();
    await this.hubwire[Symbol.asyncDispose]();
  }
}

describe("41, 42, 43: authentication refresh, §5.9", () => {
  test("other claims: acknowledged, and the client's app server is told on its own connection", async () => {
    await using stage = await Stage.set({ role: "reader" });
    assert.deepEqual(await stage.claims(), { [ROLE]: "reader", role: "reader", "asrs.s.uid": "ann" });
    const claims = [
      ["asrs.s.uid", "ann"],
      ["role", "writer"],
      ["role", "admin"],
    ] as const;
    assert.equal(await stage.refresh({ claims, expiresAtMs: LATER }), ok);
    const pushed = await stage.server.next("updateConnectionClaims");
    assert.deepEqual(pushed, {
      type: "updateConnectionClaims",
      connectionId: stage.client.id,
      claims: [
        ["asrs.s.uid", "ann"],
        [ROLE, "writer"],
        ["role", "writer"],
        [ROLE, "admin"],
        ["role", "admin"],
      ],
    });
    assert.deepEqual(await stage.asker.heard(), []);
    assert.deepEqual(
      await stage.claims(),
      { [ROLE]: "admin", role: "admin", "asrs.s.uid": "ann" },
      "a map has the last",
    );
  });

  test("the same claims, or none: acknowledged, and nobody is told", async () => {
    await using stage = await Stage.set();
    assert.equal(await stage.refresh({ claims: [], expiresAtMs: LATER }), ok);
    const claims = [
      ["asrs.s.uid", "ann"],
      ["a", "1"],
    ] as const;
    assert.equal(await stage.refresh({ claims, expiresAtMs: LATER }), ok);
    await stage.server.next("updateConnectionClaims");
    assert.equal(await stage.refresh({ claims, expiresAtMs: LATER }), ok);
    assert.deepEqual(await stage.server.heard(), []);
  });

  test("another expiry: the client is closed then", async () => {
    const expiry = String(Math.floor(Date.now() / 1_000) + 10);
    await using stage = await Stage.set({ "asrs.s.coae": "true", "asrs.s.aeo": expiry });
    const expiresAtMs = stage.hubwire.clock.epochMs() + 25_000;
    assert.equal(await stage.refresh({ claims: [], expiresAtMs }), ok);
    stage.hubwire.clock.advance(20_000);
    assert.deepEqual(await stage.server.heard(), []);
    stage.hubwire.clock.advance(6_000);
    assert.equal((await stage.server.next("closeConnection")).connectionId, stage.client.id);
  });

  test("another user: Forbidden, and nothing changes", async () => {
    await using stage = await Stage.set();
    for (const type of ["asrs.s.uid", "sub", NAME])
      assert.equal(await stage.refresh({ claims: [[type, "bob"]], expiresAtMs: LATER }), forbidden);
    assert.deepEqual(await stage.claims(), { "asrs.s.uid": "ann" });
    assert.deepEqual(await stage.server.heard(), []);
  });

  test("an unknown token, that of another hub, and a public id: NotFound", async () => {
    await using stage = await Stage.set();
    using other = await AppServerPeer.connect(stage.hubwire, { hub: "other" });
    for (const token of ["?", "", stage.client.id]) {
      assert.equal(await stage.refresh({ claims: [], expiresAtMs: LATER }, token), notFound);
      assert.equal(await stage.claims(token), notFound);
    }
    other.send({ type: "getConnectionClaims", connectionToken: stage.token, ackId: 1 });
    assert.equal((await other.next("ack")).status, notFound);
    await using old = await Stage.set({}, 0);
    assert.equal(await old.claims(), notFound, "negotiate version 0 has no secret");
  });

  test("by REST: the app server is told of other claims only", async () => {
    await using stage = await Stage.set();
    const refresh = async (body: object): Promise<void> => {
      const path = "/api/hubs/chat/connections/:refreshAuth?api-version=2026-07-01";
      const response = await stage.hubwire.rest("POST", path, {
        body: JSON.stringify({ connectionToken: stage.token, ...body }),
        headers: { "Content-Type": "application/json" },
      });
      assert.equal(response.status, 200, await response.text());
    };
    await refresh({ expireTime: new Date(stage.hubwire.clock.epochMs() + 60_000).toISOString() });
    assert.deepEqual(await stage.server.heard(), []);
    await refresh({ claims: [{ type: "role", value: "writer" }] });
    assert.deepEqual((await stage.server.next("updateConnectionClaims")).claims, [
      [ROLE, "writer"],
      ["role", "writer"],
    ]);
  });
});

describe("28, 29: keys for app servers that have none, §2.6", () => {
  const key = issuerKey("RS256", "k");

  test("a good token is exchanged for a key that signs clients' tokens", async () => {
    await using issuer = await TestIssuer.start(key);
    const { issuer: url, audiences } = issuer.options;
    await using hubwire = await TestHubwire.start({ auth: { issuers: [{ issuer: url, audiences }] } });
    using server = await AppServerPeer.connect(hubwire);
    const nowMs = hubwire.clock.epochMs();
    const token = issuerToken(key, issuer.claims(nowMs, ["SignalR App Server"]));
    server.send({ type: "accessKeyRequest", token, keyId: "old" });
    const { keyId, accessKey, errorType, errorMessage } = await server.next("accessKeyResponse");
    assert.deepEqual([errorType, errorMessage], [null, null]);
    const claims = { nameid: "ann", nbf: nowMs / 1000, exp: nowMs / 1000 + 60, aud: hubwire.clientUrl() };
    const client = signalrClient(hubwire, { token: hmacToken(accessKey ?? "", claims, { kid: keyId }) });
    const started = client.start();
    await server.welcome();
    await started;
    await client.stop();
  });

  test("a token without the role, a false one, and any where no issuer is known: an error in .NET's terms", async () => {
    await using issuer = await TestIssuer.start(key);
    const { issuer: url, audiences } = issuer.options;
    await using hubwire = await TestHubwire.start({ auth: { issuers: [{ issuer: url, audiences }] } });
    using server = await AppServerPeer.connect(hubwire);
    const good = issuer.claims(hubwire.clock.epochMs(), ["SignalR App Server"]);
    const without = issuerToken(key, { ...good, roles: ["SignalR REST API Reader"] });
    const false_ = `${issuerToken(key, good).slice(0, -8)}AAAAAAAA`;
    await using alone = await TestHubwire.start();
    using other = await AppServerPeer.connect(alone);
    for (const [peer, token, expected] of [
      [server, without, "UnauthorizedAccessException"],
      [server, false_, "UnauthorizedAccessException"],
      [server, "no token", "NotSupportedException"],
      [server, "", "NotSupportedException"],
      [other, issuerToken(key, good), "NotSupportedException"],
    ] as const) {
      peer.send({ type: "accessKeyRequest", token, keyId: null });
      const { keyId, accessKey, errorType, errorMessage } = await peer.next("accessKeyResponse");
      assert.deepEqual([keyId, accessKey, errorType], [null, null, expected]);
      assert.notEqual(errorMessage, null);
    }
  });
});
