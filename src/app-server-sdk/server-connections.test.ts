import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import { TestService } from "../../test/support/test-service.ts";
import { encodeServiceMessage } from "../protocol/service-protocol.ts";
import { backOffMs } from "./back-off.ts";
import { NotConnectedError } from "./errors.ts";

function claimsOf(authorization = ""): Record<string, unknown> {
  return JSON.parse(Buffer.from(authorization.split(".")[1] ?? "", "base64url").toString());
}

describe("a server connection", () => {
  test("asks for /server as Azure's SDK does, and shakes hands with its bytes", async () => {
    await using service = await TestService.start();
    const server = new TestAppServer(service, { hub: "Chat", applicationName: "App" });
    const started = server.app.start();
    const end = await service.connected();
    const url = new URL(end.request.url ?? "", "http://localhost");
    assert.equal(url.pathname, "/server/");
    assert.equal(url.searchParams.get("hub"), "app_chat");
    assert.match(url.searchParams.get("cid") ?? "", /^[0-9a-f-]{36}$/);
    const { headers } = end.request;
    assert.equal(headers["x-asrs-server-id"], "ours");
    assert.equal(headers["x-requested-with"], "XMLHttpRequest");
    assert.match(headers["asrs-user-agent"] as string, /hubwire/);
    const { aud, nameid } = claimsOf(headers.authorization);
    assert.deepEqual({ aud, nameid }, { aud: "http://127.0.0.1/server/?hub=app_chat", nameid: "ours" });
    const request = await end.accept();
    assert.equal(encodeServiceMessage(request).toString("hex"), "0897010100a00080c2");
    await started;
    assert.equal(server.app.size.connections, 1);
    await server[Symbol.asyncDispose]();
  });

  test("says that clients may be migrated, and that stateful reconnect is allowed", async () => {
    await using service = await TestService.start();
    const server = new TestAppServer(service, { shutdown: "migrate", statefulReconnect: true });
    const started = server.app.start();
    const request = await (await service.connected()).accept();
    assert.equal(encodeServiceMessage(request).toString("hex"), "0897010100a00180c3");
    await started;
    await server[Symbol.asyncDispose]();
  });

  test("start resolves when all of them are up", async () => {
    await using service = await TestService.start();
    await using server = new TestAppServer(service, { connections: 3 });
    let isUp = false;
    const started = server.app.start().then(() => {
      isUp = true;
    });
    for (let index = 0; index < 3; index++) {
      assert.equal(isUp, false);
      await (await service.connected()).accept();
    }
    await started;
    assert.equal(server.app.size.connections, 3);
  });

  test("takes the service's bytes as one stream, however they are cut", async () => {
    const { server, end } = await TestAppServer.start({
      methods: { echo: (_context, text: string) => text },
    });
    await using _ = server;
    await end.opened("c1");
    const invocation = { type: 1, target: "echo", invocationId: "1", arguments: ["é"] };
    const bytes = encodeServiceMessage(end.data("c1", `${JSON.stringify(invocation)}\x1e`));
    for (const byte of bytes) end.socket.send(Buffer.of(byte));
    assert.equal(await end.told("c1"), '{"type":3,"invocationId":"1","result":"é"}␞');
    end.socket.send(Buffer.concat([bytes, bytes, bytes.subarray(0, 9)]));
    end.socket.send(bytes.subarray(9));
    for (let index = 0; index < 3; index++)
      assert.equal(await end.told("c1"), '{"type":3,"invocationId":"1","result":"é"}␞');
  });

  test("sends in one write what is sent in one turn", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    const before = end.frames;
    await Promise.all(Array.from({ length: 50 }, (_, index) => server.app.clients.all.send("news", index)));
    for (let index = 0; index < 50; index++) {
      const { payload } = await end.receives("broadcastData");
      assert.match(String(payload[0]?.[1]), new RegExp(`\\[${index}\\]`));
    }
    assert.equal(end.frames, before + 1);
  });

  test("pings every five seconds with the numbers of its clients, and answers an echo", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1");
    server.clock.advance(4_000);
    end.send({ type: "ping", pairs: [["echo", "abc"]] });
    assert.deepEqual((await end.receives("ping")).pairs, [["echo", "abc"]]);
    server.clock.advance(1_000);
    assert.deepEqual((await end.receives("ping")).pairs, [
      ["#clientInHub", "1"],
      ["#client", "1"],
    ]);
  });

  test("is given up when the service is silent for 30 seconds, with its clients, and opened again", async () => {
    const gone: unknown[] = [];
    const { server, end } = await TestAppServer.start({
      disconnected: (_context, error) => void gone.push(error?.message),
    });
    await using _ = server;
    await end.opened("c1");
    server.clock.advance(30_000);
    assert.equal(end.isClosed, false);
    server.clock.advance(1_000);
    await end.closed();
    assert.match((await server.event("server_connection.closed")).reason, /silent/);
    await server.event("client.closed");
    assert.deepEqual(gone, ["The server connection was lost."]);
    await assert.rejects(server.app.clients.all.send("news"), NotConnectedError);
    server.events.length = 0;
    server.clock.advance(2_000);
    await (await server.service.connected()).accept();
    await server.event("server_connection.opened");
    await server.app.clients.all.send("news");
  });

  test("is tried again after 1, 2, 4 … 60 seconds and up to one more", () => {
    const delays = Array.from({ length: 9 }, (_, index) => backOffMs(index + 1, 0) / 1_000);
    assert.deepEqual(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert.equal(backOffMs(2_000, 0.5), 60_500);
  });

  test("is tried again when the service refuses it, fails or says nothing", async () => {
    await using service = await TestService.start();
    await using server = new TestAppServer(service, {});
    service.refusal = 503;
    const started = server.app.start();
    const closed = await server.event("server_connection.closed");
    assert.equal(closed.status, 503);
    assert.ok((closed.retryMs ?? 0) >= 1_000);
    service.refusal = undefined;
    server.clock.advance(2_000);
    const refused = await service.connected();
    await refused.receives("handshakeRequest");
    refused.send({ type: "handshakeResponse", error: "Version mismatch.", connectionId: null });
    assert.match(
      (await server.event("server_connection.closed")).reason,
      /refused the connection: Version mismatch\./,
    );
    server.clock.advance(4_000);
    const hasty = await service.connected();
    hasty.send({ type: "ping", pairs: [] });
    assert.match((await server.event("server_connection.closed")).reason, /before it accepted/);
    server.clock.advance(6_000);
    const silent = await service.connected();
    server.clock.advance(16_000);
    await silent.closed();
    assert.match((await server.event("server_connection.closed")).reason, /in time/);
    server.clock.advance(9_000);
    await (await service.connected()).accept();
    await started;
  });

  test("start fails where the service refuses the access key, and leaves nothing", async () => {
    await using service = await TestService.start();
    service.refusal = 401;
    const server = new TestAppServer(service, { connections: 3 });
    await assert.rejects(server.app.start(), /refuses the access key: The service answered with status 401/);
    assert.deepEqual(server.app.size, { connections: 0, clients: 0, pending: 0 });
    assert.equal(server.clock.timers, 0);
  });

  test("start fails when the app server is stopped meanwhile, and after it", async () => {
    await using service = await TestService.start();
    const server = new TestAppServer(service, {});
    const started = assert.rejects(server.app.start(), /was stopped/);
    await service.connected();
    await server.app.stop();
    await started;
    const another = new TestAppServer(service, {});
    await another.app.stop();
    await assert.rejects(another.app.start(), /was stopped/);
  });

  test("no network is told as the reason", async () => {
    const service = await TestService.start();
    const server = new TestAppServer(service, {});
    await service[Symbol.asyncDispose]();
    const started = assert.rejects(server.app.start(), /was stopped/);
    assert.match((await server.event("server_connection.closed")).reason, /ECONNREFUSED/);
    await server.app.stop();
    await started;
  });

  test("that breaks the protocol is closed, and no exception leaves the library", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    end.socket.send(Buffer.from("04a1616161", "hex"));
    await end.closed();
    assert.match((await server.event("server_connection.closed")).reason, /broke its protocol/);
  });

  test("ignores messages of unknown types and for unknown clients", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    end.socket.send(Buffer.from("0391cc63", "hex"));
    end.say("nobody", { type: 6 });
    end.send(
      { type: "closeConnection", connectionId: "nobody", error: "", headers: [] },
      { type: "connectionReconnect", connectionId: "nobody" },
      { type: "ack", ackId: 77, status: 1, message: "" },
      { type: "errorCompletion", invocationId: "x", connectionId: "nobody", callerServerId: "s", error: "e" },
      { type: "serviceEvent", objectType: 0, id: "", kind: 0, message: "" },
      { type: "broadcastData", excluded: [], payload: [] },
      { type: "connectionFlowControl", connectionId: "nobody", connectionType: 1, operation: 1 },
    );
    await end.opened("c1");
    assert.deepEqual(
      server.events.filter(({ name }) => name === "fault"),
      [],
    );
  });

  test("after a service error it is sent over no more, but still heard", async () => {
    await using service = await TestService.start();
    await using server = new TestAppServer(service, { connections: 2 });
    const started = server.app.start();
    const [first, second] = [await service.connected(), await service.connected()];
    await first.accept();
    await server.event("server_connection.opened");
    await second.accept();
    await started;
    first.send({ type: "serviceError", message: "It is enough." });
    assert.equal((await server.event("service.error")).message, "It is enough.");
    await server.app.clients.all.send("news");
    await second.receives("broadcastData");
    await first.opened("c1");
  });

  test("more of them are opened to an instance of the service that asks, up to the limit", async () => {
    const { server, end } = await TestAppServer.start({ maxConnections: 2 });
    await using _ = server;
    end.send({ type: "ping", pairs: [["target", "instance 1"]] });
    end.send({ type: "ping", pairs: [["target", "instance 2"]] });
    const more = await server.service.connected();
    assert.match(more.request.url ?? "", /&target=instance%201$/);
    const { connectionType, target } = await more.accept();
    assert.deepEqual({ connectionType, target }, { connectionType: 1, target: "instance 1" });
    await server.event("server_connection.opened");
    await end.opened("c1");
    assert.equal(server.service.upgrades, 2);
    more.socket.terminate();
    await server.event("server_connection.closed");
    server.clock.advance(5_000);
    assert.equal(server.service.upgrades, 2);
  });

  test("what is sent waits while much is on its way", async () => {
    const { server, end } = await TestAppServer.start({ protocols: ["json"] });
    await using _ = server;
    end.socket.pause();
    const text = "x".repeat(160 * 1024);
    let sent = 0;
    const sending = (async () => {
      while (sent < 100) {
        await server.app.clients.all.send("news", text);
        sent++;
      }
    })();
    // The service reads nothing: in a hundred turns the sender comes as far as it can.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.ok(sent < 95, `${sent} messages`);
    end.socket.resume();
    await sending;
    for (let index = 0; index < 100; index++) await end.receives("broadcastData");
  });
});
