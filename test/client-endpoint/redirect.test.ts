import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { HubConnectionBuilder, LogLevel } from "@microsoft/signalr";
import { WebSocket } from "ws";
import { received } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

/** An application whose negotiate endpoint sends clients on to the service with a token of its own each time. */
async function redirectingApp(
  hubwire: TestHubwire,
): Promise<{ url: string; requests: IncomingMessage[]; tokens: string[] } & AsyncDisposable> {
  const requests: IncomingMessage[] = [];
  const tokens: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const accessToken = hubwire.clientToken({ userId: `user${requests.length}` });
    tokens.push(accessToken);
    const url = `${hubwire.clientUrl()}&asrs.op=%2Fapp&negotiateVersion=1`;
    response
      .setHeader("Content-Type", "application/json")
      .end(JSON.stringify({ negotiateVersion: 0, url, accessToken, availableTransports: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/app`,
    requests,
    tokens,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("an application's redirect", () => {
  test("N21: Microsoft's client negotiates again where it is sent, with the token it was given, and keeps the query", async () => {
    await using hubwire = await TestHubwire.start();
    await using app = await redirectingApp(hubwire);
    const negotiates: IncomingMessage[] = [];
    const watch = (message: unknown): void => {
      const { request } = message as { request: IncomingMessage };
      if (request.socket.localPort === hubwire.port) negotiates.push(request);
    };
    const upgrades: { url: string; authorization: string | undefined }[] = [];
    class WatchedWebSocket extends WebSocket {
      constructor(url: string, protocols: string[], options: { headers: Record<string, string> }) {
        upgrades.push({ url, authorization: options.headers["Authorization"] });
        super(url, protocols, options);
      }
    }
    const options = {
      accessTokenFactory: () => "the application's own token",
      WebSocket: WatchedWebSocket,
    };
    const client = new HubConnectionBuilder()
      .withUrl(app.url, options)
      .configureLogging(LogLevel.None)
      .build();
    diagnostics.subscribe("http.server.request.start", watch);
    await client.start();
    diagnostics.unsubscribe("http.server.request.start", watch);
    const { connectionId, userId } = await hubwire.event("client.opened");
    assert.equal(client.connectionId, connectionId);
    assert.equal(userId, "user1");
    assert.equal(app.requests[0]?.headers.authorization, "Bearer the application's own token");
    const authorization = `Bearer ${app.tokens[0]}`;
    assert.deepEqual(
      negotiates.map(({ method, url, headers }) => [method, url, headers.authorization]),
      [["POST", "/client/negotiate?hub=chat&asrs.op=%2Fapp&negotiateVersion=1", authorization]],
    );
    assert.match(
      String(upgrades[0]?.url),
      /^ws:.*\/client\/\?hub=chat&asrs\.op=%2Fapp&negotiateVersion=1&id=[\w-]{22}$/,
    );
    assert.equal(upgrades[0]?.authorization, authorization);
    await client.stop();
    await hubwire.event("client.closed");
  });

  test("N22: its automatic reconnect starts at the application, for a new redirect", async () => {
    await using hubwire = await TestHubwire.start();
    await using app = await redirectingApp(hubwire);
    const client = new HubConnectionBuilder()
      .withUrl(app.url)
      .withAutomaticReconnect([0])
      .configureLogging(LogLevel.None)
      .build();
    await client.start();
    const before = client.connectionId;
    const reconnected = new Promise((resolve) => client.onreconnected(resolve));
    await hubwire.rest("DELETE", `/api/hubs/chat/connections/${before}?api-version=2022-06-01`);
    assert.equal(await reconnected, client.connectionId);
    assert.notEqual(client.connectionId, before);
    assert.equal(app.requests.length, 2);
    const calls = received(client, "news", 1);
    await hubwire.send("users/user2/", "news", ["again"]);
    assert.deepEqual(await calls, [["again"]]);
    await client.stop();
  });
});
