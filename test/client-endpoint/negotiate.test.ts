import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, test } from "node:test";
import { HubConnectionBuilder, LogLevel } from "@microsoft/signalr";
import { WebSocket } from "ws";
import { mintToken } from "../../src/auth/token.ts";
import { beginCall, call, emptied } from "../support/http-call.ts";
import { bearer, HANDSHAKE, HANDSHAKE_REPLY, negotiate } from "../support/negotiate.ts";
import { received } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const WEB_SOCKETS = { transport: "WebSockets", transferFormats: ["Text", "Binary"] };
const SERVER_SENT_EVENTS = { transport: "ServerSentEvents", transferFormats: ["Text"] };
const LONG_POLLING = { transport: "LongPolling", transferFormats: ["Text", "Binary"] };

/** The parsed answer to a negotiate request of a hub's rightful client, whose status must be 200. */
async function negotiated(
  hubwire: TestHubwire,
  query: string,
  claims?: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const answer = await call(hubwire, "POST", `/client/negotiate?hub=chat${query}`, {
    headers: bearer(hubwire.clientToken({ ...(claims && { claims }) })),
  });
  assert.equal(answer.status, 200, answer.body);
  assert.match(String(answer.headers["content-type"]), /^application\/json/);
  assert.equal(Number(answer.headers["content-length"]), Buffer.byteLength(answer.body));
  return JSON.parse(answer.body) as Record<string, unknown>;
}

describe("negotiate", () => {
  test("N01: version 1 gives a public id, a different secret token and the three transports in order", async () => {
    await using hubwire = await TestHubwire.start();
    const { connectionId, connectionToken, ...rest } = await negotiated(hubwire, "&negotiateVersion=1");
    assert.match(String(connectionId), /^[\w-]{22}$/);
    assert.match(String(connectionToken), /^[\w-]{22}$/);
    assert.notEqual(connectionId, connectionToken);
    assert.deepEqual(rest, {
      negotiateVersion: 1,
      availableTransports: [WEB_SOCKETS, SERVER_SENT_EVENTS, LONG_POLLING],
    });
  });

  test("N01: with version 1 the public id opens nothing", async () => {
    await using hubwire = await TestHubwire.start();
    const { connectionId } = await negotiate(hubwire);
    const answer = await call(hubwire, "GET", `/client/?hub=chat&id=${connectionId}`);
    assert.deepEqual([answer.status, answer.body], [404, "No Connection with that ID"]);
  });

  test("N02: no version is version 0, which has no connection token", async () => {
    await using hubwire = await TestHubwire.start();
    for (const query of ["", "&negotiateVersion=0"]) {
      const { connectionId, ...rest } = await negotiated(hubwire, query);
      assert.match(String(connectionId), /^[\w-]{22}$/);
      assert.deepEqual(rest, {
        negotiateVersion: 0,
        availableTransports: [WEB_SOCKETS, SERVER_SENT_EVENTS, LONG_POLLING],
      });
    }
  });

  test("N03: with version 0 the connection id is the id to poll with", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire, { version: 0 });
    assert.equal((await call(hubwire, "GET", path)).status, 200);
  });

  test("N05: a higher version is answered with version 1", async () => {
    await using hubwire = await TestHubwire.start();
    const { negotiateVersion } = await negotiated(hubwire, "&negotiateVersion=99");
    assert.equal(negotiateVersion, 1);
  });

  test("N06: a version that is no integer, or negative, is an error of status 200", async () => {
    await using hubwire = await TestHubwire.start();
    assert.deepEqual(await negotiated(hubwire, "&negotiateVersion=abc"), {
      error: "The client requested a non-integer protocol version.",
    });
    assert.deepEqual(await negotiated(hubwire, "&negotiateVersion=-1"), {
      error: "The client requested version '-1', but the server does not support this version.",
    });
    await emptied(hubwire);
  });

  test("N09: the ids of 1000 negotiates are unique, of 128 bits, and fit into a URL as they are", async () => {
    await using hubwire = await TestHubwire.start();
    const headers = bearer(hubwire.clientToken());
    const ids = new Set<string>();
    for (let batch = 0; batch < 20; batch++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () =>
          call(hubwire, "POST", "/client/negotiate?hub=chat&negotiateVersion=1", { headers }),
        ),
      );
      for (const { body } of answers) {
        const { connectionId, connectionToken } = JSON.parse(body) as Record<string, string>;
        for (const id of [connectionId, connectionToken]) ids.add(String(id));
      }
    }
    assert.equal(ids.size, 2000);
    for (const id of ids) assert.match(id, /^[\w-]{22}$/);
  });

  test("N10: transports that the token leaves out are neither offered nor served", async () => {
    await using hubwire = await TestHubwire.start();
    const noWebSockets = { "asrs.s.htt": 6 };
    const { availableTransports } = await negotiated(hubwire, "&negotiateVersion=1", noWebSockets);
    assert.deepEqual(availableTransports, [SERVER_SENT_EVENTS, LONG_POLLING]);
    const { path } = await negotiate(hubwire, { claims: noWebSockets });
    const upgrade = await call(hubwire, "GET", path, { headers: UPGRADE });
    assert.deepEqual(
      [upgrade.status, upgrade.body],
      [404, "WebSockets transport not supported by this end point type"],
    );
    const onlyWebSockets = await negotiate(hubwire, { claims: { "asrs.s.htt": "1" } });
    const poll = await call(hubwire, "GET", onlyWebSockets.path);
    assert.deepEqual(
      [poll.status, poll.body],
      [404, "LongPolling transport not supported by this end point type"],
    );
    const stream = await call(hubwire, "GET", onlyWebSockets.path, {
      headers: { Accept: "text/event-stream" },
    });
    assert.deepEqual(
      [stream.status, stream.body],
      [404, "ServerSentEvents transport not supported by this end point type"],
    );
  });

  test("N11: stateful reconnect is granted to who asks for it, and never told to who does not", async () => {
    await using hubwire = await TestHubwire.start();
    const asked = await negotiated(hubwire, "&negotiateVersion=1&useStatefulReconnect=true");
    assert.equal(asked["useStatefulReconnect"], true);
    for (const query of [
      "&negotiateVersion=1",
      "&negotiateVersion=1&useStatefulReconnect=false",
      "&negotiateVersion=0&useStatefulReconnect=true",
    ])
      assert.equal("useStatefulReconnect" in (await negotiated(hubwire, query)), false, query);
    const withoutWebSockets = await negotiated(hubwire, "&negotiateVersion=1&useStatefulReconnect=true", {
      "asrs.s.htt": 6,
    });
    assert.equal("useStatefulReconnect" in withoutWebSockets, false);
  });

  test("N13: query keys that redirects repeat do no harm", async () => {
    await using hubwire = await TestHubwire.start();
    const answer = await negotiated(
      hubwire,
      "&negotiateVersion=1&useStatefulReconnect=true&negotiateVersion=1&useStatefulReconnect=true",
    );
    assert.equal(answer["negotiateVersion"], 1);
    assert.equal(answer["useStatefulReconnect"], true);
  });

  test("N19: a connection that is never attached is forgotten after 15 seconds", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const { path: used } = await negotiate(hubwire);
    assert.equal(hubwire.node.size.connections, 2);
    hubwire.clock.advance(14_000);
    assert.equal((await call(hubwire, "GET", used)).status, 200);
    hubwire.clock.advance(2_000);
    const answer = await call(hubwire, "GET", path);
    assert.deepEqual([answer.status, answer.body], [404, "No Connection with that ID"]);
    hubwire.clock.advance(15_000);
    await emptied(hubwire);
  });

  test("N23: a WebSocket without negotiate is accepted with a token in the header", async () => {
    await using hubwire = await TestHubwire.start();
    const socket = new WebSocket(`ws://localhost:${hubwire.port}/client/?hub=chat`, {
      headers: bearer(hubwire.clientToken({ userId: "ann" })),
    });
    socket.on("open", () => socket.send(HANDSHAKE));
    const reply = await new Promise((resolve) => socket.once("message", (data) => resolve(String(data))));
    assert.equal(reply, HANDSHAKE_REPLY);
    assert.equal((await hubwire.event("client.opened")).userId, "ann");
    socket.close();
    await emptied(hubwire);
  });

  test("N25: Microsoft's client fails with the error's own text", async () => {
    await using hubwire = await TestHubwire.start();
    const client = new HubConnectionBuilder()
      .withUrl(`${hubwire.clientUrl()}&negotiateVersion=abc`, {
        accessTokenFactory: () => hubwire.clientToken(),
      })
      .configureLogging(LogLevel.None)
      .build();
    await assert.rejects(client.start(), /The client requested a non-integer protocol version\.$/);
  });

  test("more connections without a handshake than allowed get 429, and room again later", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxPendingConnections: 2 } });
    const headers = bearer(hubwire.clientToken());
    const next = () => call(hubwire, "POST", "/client/negotiate?hub=chat&negotiateVersion=1", { headers });
    const { path } = await negotiate(hubwire);
    assert.equal((await call(hubwire, "GET", path)).status, 200);
    await negotiate(hubwire);
    const refused = await next();
    assert.deepEqual(
      [refused.status, refused.body],
      [429, "Too many connections have not finished their handshake."],
    );
    assert.equal((await call(hubwire, "POST", path, { body: HANDSHAKE })).status, 200);
    assert.equal((await next()).status, 200);
  });
});

describe("the client endpoint's URLs", () => {
  test("paths and query keys count in any letter case, and with or without a trailing slash", async () => {
    await using hubwire = await TestHubwire.start();
    const token = hubwire.clientToken();
    for (const path of [
      "/CLIENT/Negotiate?HUB=chat",
      "/client/negotiate/?Hub=Chat",
      "/client/negotiate?hub=CHAT",
    ]) {
      const { status, body } = await call(
        hubwire,
        "POST",
        `${path}&NEGOTIATEVERSION=1&USESTATEFULRECONNECT=true&ACCESS_TOKEN=${token}`,
      );
      assert.equal(status, 200, path);
      const answer = JSON.parse(body) as Record<string, string>;
      assert.equal(answer["useStatefulReconnect"], true);
      assert.equal(
        (await call(hubwire, "GET", `/Client?ID=${answer["connectionToken"]}`)).status,
        200,
        "a poll needs its id alone",
      );
    }
  });

  test("the last of several ids counts, and an empty one is none", async () => {
    await using hubwire = await TestHubwire.start();
    const { token } = await negotiate(hubwire);
    const empty = await call(hubwire, "GET", `/client/?hub=chat&id=${token}&id=`);
    assert.deepEqual([empty.status, empty.body], [400, "Connection ID required"]);
    assert.equal((await call(hubwire, "GET", `/client/?hub=chat&id=other&id=${token}`)).status, 200);
  });

  test("negotiate takes POST alone; /client takes GET, POST and DELETE: all others get 405 without a body", async () => {
    await using hubwire = await TestHubwire.start();
    const headers = bearer(hubwire.clientToken());
    const refused = [
      ...["GET", "HEAD", "PUT", "PATCH", "DELETE"].map((method) => [method, "/client/negotiate"]),
      ...["HEAD", "PUT", "PATCH"].map((method) => [method, "/client/"]),
    ] as const;
    for (const [method = "", path] of refused) {
      const answer = await call(hubwire, method, `${path}?hub=chat`, { headers });
      assert.deepEqual([answer.status, answer.body], [405, ""], `${method} ${path}`);
      assert.match(String(answer.headers["content-type"]), /^text\/plain/);
    }
    assert.equal(hubwire.node.size.connections, 0);
  });

  test("other paths get 404", async () => {
    await using hubwire = await TestHubwire.start();
    const headers = bearer(hubwire.clientToken());
    for (const path of ["/client//negotiate", "/client/refresh", "/clients"]) {
      const answer = await call(hubwire, "POST", `${path}?hub=chat`, { headers });
      assert.deepEqual([answer.status, answer.body], [404, "Not found"], path);
      assert.match(String(answer.headers["content-type"]), /^text\/plain/);
    }
  });

  test("a hub needs no declaration: each name that is valid is one, with its own clients", async () => {
    await using hubwire = await TestHubwire.start();
    const paths: string[] = [];
    for (const hub of ["chat", "other_hub.v2"]) {
      const { path } = await negotiate(hubwire, { hub, userId: hub });
      await call(hubwire, "GET", path);
      await call(hubwire, "POST", path, { body: HANDSHAKE });
      await hubwire.event("client.opened", (event) => event.hub === hub);
      assert.equal((await call(hubwire, "GET", path)).body, HANDSHAKE_REPLY);
      paths.push(path);
    }
    const [first = "", second = ""] = paths;
    await hubwire.send("", "news", [1], "other_hub.v2");
    await hubwire.send("", "news", [2], "chat");
    assert.match((await call(hubwire, "GET", first)).body, /\[2\]/);
    assert.match((await call(hubwire, "GET", second)).body, /\[1\]/);
    assert.equal(hubwire.node.size.hubs, 2);
    for (const path of paths) await call(hubwire, "DELETE", path);
    await emptied(hubwire);
  });

  test("no hub, several, or one whose name is not valid get 400 with what is wrong", async () => {
    await using hubwire = await TestHubwire.start();
    for (const [query, text] of [
      ["", /exactly one hub .* it names 0\./],
      ["?hub=chat&hub=chat", /exactly one hub .* it names 2\./],
      ["?hub=", /must start with a letter/],
      ["?hub=1a", /must start with a letter/],
      ["?hub=a%2Fb", /must start with a letter/],
    ] as const) {
      const answer = await call(hubwire, "POST", `/client/negotiate${query}`, {
        headers: bearer(hubwire.clientToken()),
      });
      assert.equal(answer.status, 400);
      assert.match(answer.body, text);
    }
  });

  test("a hub without app servers gets 503 where the mode needs one", async () => {
    await using hubwire = await TestHubwire.start({ mode: "default" });
    const answer = await call(hubwire, "POST", "/client/negotiate?hub=chat", {
      headers: bearer(hubwire.clientToken()),
    });
    assert.equal(answer.status, 503);
    assert.match(answer.body, /No app server is connected for hub 'chat'/);
  });
});

describe("tokens", () => {
  test("N14: without one negotiate answers 401 with a challenge", async () => {
    await using hubwire = await TestHubwire.start();
    const answer = await call(
      hubwire,
      "POST",
      "/client/negotiate?hub=chat&asrs.op=%2Fchat&negotiateVersion=1",
    );
    assert.equal(answer.status, 401);
    assert.equal(answer.headers["www-authenticate"], "Bearer");
    assert.equal(hubwire.node.size.connections, 0);
  });

  test("N15: a good one is taken from the header or the query", async () => {
    await using hubwire = await TestHubwire.start();
    const path = "/client/negotiate?hub=chat&asrs.op=%2Fchat&negotiateVersion=1";
    const token = hubwire.clientToken();
    assert.equal((await call(hubwire, "POST", path, { headers: bearer(token) })).status, 200);
    assert.equal((await call(hubwire, "POST", `${path}&access_token=${token}`)).status, 200);
  });

  test("what is wrong with one is told in the challenge, at negotiate and at a WebSocket without it", async () => {
    await using hubwire = await TestHubwire.start();
    const foreign = (audience: string): string =>
      mintToken({
        audience,
        accessKey: "test-key-0123456789-0123456789",
        lifetimeSeconds: 60,
        nowMs: Date.now(),
      });
    const [, payload = ""] = hubwire.clientToken().split(".");
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
    const expired = hubwire.clientToken({ lifetimeSeconds: 60 });
    hubwire.clock.advance(400_000);
    for (const [token, problem] of [
      [expired, /The token expired at/],
      [foreign("http://localhost/api/hubs/chat"), /The audience is invalid/],
      [hubwire.clientToken({ hub: "other" }), /The audience is invalid/],
      [unsigned, /The signature is invalid|The signature key was not found/],
      ["not-a-token", /^Bearer error="invalid_token"$/],
    ] as const) {
      const negotiating = call(hubwire, "POST", "/client/negotiate?hub=chat", { headers: bearer(token) });
      const upgrading = call(hubwire, "GET", "/client/?hub=chat", {
        headers: { ...UPGRADE, ...bearer(token) },
      });
      for (const answer of [await negotiating, await upgrading]) {
        assert.equal(answer.status, 401);
        assert.match(String(answer.headers["www-authenticate"]), problem);
        assert.equal(answer.body.includes(token), false);
      }
    }
    await emptied(hubwire);
  });

  test("a version 1 connection token goes on without the bearer token, and after that has expired", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire, { lifetimeSeconds: 1, claims: { "asrs.s.ttl": 300 } });
    assert.equal((await call(hubwire, "GET", path)).status, 200);
    assert.equal((await call(hubwire, "POST", path, { body: HANDSHAKE })).status, 200);
    assert.equal((await call(hubwire, "GET", path)).body, HANDSHAKE_REPLY);
    for (let minutes = 0; minutes < 6; minutes++) {
      hubwire.clock.advance(60_000);
      const poll = await beginCall(hubwire, "GET", path);
      poll.abort();
    }
    await hubwire.send("", "news", []);
    assert.match((await call(hubwire, "GET", path)).body, /"news"/);
    assert.equal((await call(hubwire, "DELETE", path)).status, 202);
    await emptied(hubwire);
  });

  test("a version 0 id is enough for polls; all else needs a token of the same user and hub, be it expired", async () => {
    await using hubwire = await TestHubwire.start();
    const own = hubwire.clientToken({ userId: "ann", lifetimeSeconds: 1 });
    const { path } = await negotiate(hubwire, {
      version: 0,
      userId: "ann",
      claims: { "asrs.s.ttl": 300 },
    });
    const stream = { Accept: "text/event-stream" };
    for (const [method, headers] of [
      ["POST", {}],
      ["DELETE", {}],
      ["GET", stream],
      ["GET", UPGRADE],
    ] as const)
      for (const credentials of [
        {},
        bearer(hubwire.clientToken({ userId: "bob" })),
        bearer(hubwire.clientToken()),
        bearer(hubwire.clientToken({ userId: "ann", hub: "other" })),
      ]) {
        const answer = await call(hubwire, method, path, { headers: { ...headers, ...credentials } });
        assert.deepEqual([answer.status, answer.body], [401, ""]);
        assert.equal(answer.headers["www-authenticate"], "Bearer");
      }
    assert.equal((await call(hubwire, "GET", path)).status, 200);
    hubwire.clock.advance(10_000);
    assert.equal(
      (await call(hubwire, "POST", path, { body: HANDSHAKE, headers: bearer(own) })).status,
      200,
    );
    await hubwire.event("client.opened");
    assert.equal((await call(hubwire, "GET", path)).body, HANDSHAKE_REPLY);
    for (let minutes = 0; minutes < 6; minutes++) {
      hubwire.clock.advance(60_000);
      (await beginCall(hubwire, "GET", path)).abort();
    }
    assert.equal((await call(hubwire, "DELETE", path, { headers: bearer(own) })).status, 202);
    await emptied(hubwire);
  });
});

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
    const client = new HubConnectionBuilder()
      .withUrl(app.url, {
        accessTokenFactory: () => "the application's own token",
        WebSocket: WatchedWebSocket as unknown as typeof globalThis.WebSocket,
      })
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
    await emptied(hubwire);
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
    await emptied(hubwire);
  });
});

describe("stopping", { timeout: 10_000 }, () => {
  test("who negotiates, or comes with an id, while the service stops gets 503, or 404 for an id", async () => {
    const hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const token = hubwire.clientToken();
    const requests = [
      `POST /client/negotiate?hub=chat HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\nContent-Length: 0\r\n\r\n`,
      `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`,
      `GET ${path} HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n`,
    ];
    // Requests that have begun to arrive keep their connections when the service stops listening.
    const sockets = await Promise.all(
      requests.map(async (request) => {
        const socket = connect(hubwire.port, "localhost");
        await new Promise<void>((resolve) => socket.write(request.slice(0, 20), () => resolve()));
        return socket;
      }),
    );
    await call(hubwire, "GET", "/api/health");
    const stopped = hubwire.node.stop();
    const answers = await Promise.all(
      sockets.map(async (socket, index) => {
        socket.write(requests[index]?.slice(20) ?? "");
        const chunks: Buffer[] = [];
        for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
        return Buffer.concat(chunks).toString();
      }),
    );
    await stopped;
    const [negotiating = "", polling, streaming] = answers;
    assert.match(negotiating, /^HTTP\/1\.1 503 .*\r\nService reloading, try reconnecting$/s);
    for (const answer of [polling, streaming]) assert.match(String(answer), /^HTTP\/1\.1 404 /);
    await emptied(hubwire);
  });

  test("nothing of what was negotiated is left when the service has stopped", async () => {
    const hubwire = await TestHubwire.start();
    await negotiate(hubwire);
    await hubwire.node.stop();
    await emptied(hubwire);
  });
});
