import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HubConnectionBuilder, LogLevel } from "@microsoft/signalr";
import { call, emptied, UPGRADE } from "../support/http-call.ts";
import { bearer, HANDSHAKE, HANDSHAKE_REPLY, negotiate } from "../support/negotiate.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

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
