import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import { HubError, NotConnectedError } from "./errors.ts";

/** What is left of a payload without its frames, by hub protocol. */
function texts(payload: readonly (readonly [string, Buffer])[]): Record<string, string> {
  return Object.fromEntries(payload.map(([name, framed]) => [name, framed.toString().replace("\x1e", "")]));
}

describe("a call of a client", () => {
  test("of our own is made in its hub protocol, and answered by its Completion, which the service is told of", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1");
    const result = server.app.clients.client("c1").invoke<number>("getNumber", 1, "é");
    const { invocationId, connectionId, callerServerId, payload } = await end.receives("clientInvocation");
    assert.match(invocationId, /^c1-[0-9a-f]{32}-1$/);
    assert.deepEqual([connectionId, callerServerId], ["c1", "ours"]);
    assert.deepEqual(texts(payload), {
      json: `{"type":1,"invocationId":"${invocationId}","target":"getNumber","arguments":[1,"é"]}`,
    });
    end.say("c1", { type: 3, invocationId, result: 42 });
    assert.equal(await result, 42);
    const { type: _type, ...completion } = await end.receives("clientCompletion");
    assert.deepEqual(completion, {
      invocationId,
      connectionId: "c1",
      callerServerId: "ours",
      protocol: "json",
      payload: Buffer.alloc(0),
    });
    assert.equal(server.app.size.pending, 0);
  });

  test("may be made in a method of the client itself", async () => {
    const { server, end } = await TestAppServer.start({
      methods: { ask: async (context) => `it says ${await context.clients.caller.invoke<string>("name")}` },
    });
    await using _ = server;
    await end.opened("c1");
    end.say("c1", { type: 1, target: "ask", invocationId: "1", arguments: [] });
    const { invocationId } = await end.receives("clientInvocation");
    end.say("c1", { type: 3, invocationId, result: "ann" });
    assert.equal(await end.told("c1"), '{"type":3,"invocationId":"1","result":"it says ann"}␞');
  });

  test("of another app server's is made in both hub protocols, and answered by the service", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    const client = server.app.clients.client("far");
    const packed = encode([3, {}, "", 3, { a: 1 }]);
    const answers = [
      {
        protocol: "json",
        payload: Buffer.from('{"type":3,"invocationId":"","result":{"a":1}}\x1e'.replace('""', '"x"')),
      },
      {
        protocol: "MessagePack",
        payload: Buffer.concat([Buffer.of(packed.length + 1), encode([3, {}, "x", 3, { a: 1 }])]),
      },
    ];
    for (const { protocol, payload } of answers) {
      const result = client.invoke("get");
      const asked = await end.receives("clientInvocation");
      assert.deepEqual(Object.keys(texts(asked.payload)), ["json", "messagepack"]);
      const { invocationId } = asked;
      end.send({ type: "serviceMapping", invocationId, connectionId: "far", instanceId: "i1" });
      end.send({
        type: "clientCompletion",
        invocationId,
        connectionId: "far",
        callerServerId: "theirs",
        protocol,
        payload,
      });
      assert.deepEqual(await result, { a: 1 });
    }
    assert.equal(server.app.size.pending, 0);
  });

  test("fails with the client's error, or why there is no answer", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1");
    const ask = async (connectionId: string) => {
      const result = server.app.clients.client(connectionId).invoke("get");
      const { invocationId } = await end.receives("clientInvocation");
      return { result, invocationId };
    };
    const failed = await ask("c1");
    end.say("c1", { type: 3, invocationId: failed.invocationId, error: "I do not know." });
    await assert.rejects(failed.result, new HubError("I do not know."));

    const unknown = await ask("nobody");
    const error = "Connection 'nobody' does not exist.";
    end.send({
      type: "errorCompletion",
      invocationId: unknown.invocationId,
      connectionId: "nobody",
      callerServerId: "ours",
      error,
    });
    await assert.rejects(unknown.result, new HubError(error));

    const garbage = await ask("far");
    const { invocationId } = garbage;
    end.send({
      type: "clientCompletion",
      invocationId,
      connectionId: "far",
      callerServerId: "theirs",
      protocol: "json",
      payload: Buffer.from("garbage"),
    });
    await assert.rejects(garbage.result);

    const mapped = await ask("far");
    end.send(
      { type: "serviceMapping", invocationId: mapped.invocationId, connectionId: "far", instanceId: "i1" },
      { type: "ping", pairs: [["offline", "i1"]] },
    );
    await assert.rejects(mapped.result, new HubError("Connection 'far' disconnected."));

    const gone = await ask("c1");
    end.send({ type: "closeConnection", connectionId: "c1", error: "", headers: [] });
    await assert.rejects(gone.result, new HubError("Connection 'c1' disconnected."));

    const lost = await ask("far");
    end.socket.terminate();
    await assert.rejects(lost.result, /lost its connection/);
    await assert.rejects(server.app.clients.client("far").invoke("get"), NotConnectedError);
    assert.equal(server.app.size.pending, 0);
  });

  test("fails when the client does not answer in time", async () => {
    const { server, end } = await TestAppServer.start({ resultTimeoutMs: 5_000 });
    await using _ = server;
    const result = server.app.clients.client("far").invoke("get");
    await end.receives("clientInvocation");
    server.clock.advance(5_000);
    assert.equal(server.app.size.pending, 1);
    server.clock.advance(1_000);
    await assert.rejects(result, new HubError("Connection 'far' did not answer within 5 seconds."));
  });

  test("with what cannot be written leaves nothing behind", async () => {
    const { server } = await TestAppServer.start();
    await using _ = server;
    await assert.rejects(server.app.clients.client("far").invoke("get", 5n), TypeError);
    await assert.rejects(server.app.clients.client("").invoke("get"), TypeError);
    await assert.rejects(server.app.clients.client("far").invoke(""), TypeError);
    assert.equal(server.app.size.pending, 0);
  });

  test("is answered by the client that was asked, and once", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1");
    await end.opened("c2");
    const result = server.app.clients.client("c1").invoke("get");
    const { invocationId } = await end.receives("clientInvocation");
    end.say("c2", { type: 3, invocationId, result: "not mine" });
    end.say("c1", { type: 3, invocationId, result: "mine" }, { type: 3, invocationId, result: "again" });
    assert.equal(await result, "mine");
    assert.equal((await end.receives("clientCompletion")).connectionId, "c1");
    end.send({ type: "ping", pairs: [["echo", ""]] });
    await end.receives("ping");
    assert.deepEqual(end.waiting, []);
  });

  test("that another app server makes is answered through the service, with the client's own bytes", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1");
    const call = {
      type: "clientInvocation",
      invocationId: "x1",
      connectionId: "c1",
      callerServerId: "theirs",
    } as const;
    end.send({ ...call, payload: [] });
    end.say("c1", { type: 3, invocationId: "x1", result: 1.5 });
    const { type: _type, payload, ...completion } = await end.receives("clientCompletion");
    assert.deepEqual(completion, {
      invocationId: "x1",
      connectionId: "c1",
      callerServerId: "theirs",
      protocol: "json",
    });
    assert.equal(String(payload), '{"type":3,"invocationId":"x1","result":1.5}\x1e');
    end.send({ ...call, payload: [] });
    end.send({ type: "ping", pairs: [["echo", ""]] });
    await end.receives("ping");
    assert.equal(server.app.size.pending, 1);
    server.clock.advance(20_000);
    end.send({ type: "closeConnection", connectionId: "c1", error: "", headers: [] });
    await server.event("client.closed");
    assert.equal(server.app.size.pending, 0);
  });
});
