import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import type { ServiceEnd } from "../../test/support/test-service.ts";
import { HubError } from "./errors.ts";
import type { HubContext } from "./hub-context.ts";

const CLOSED = "Connection closed with an error.";

/** What a client is told, and that the service is told to let it go. */
async function lastWords(end: ServiceEnd, connectionId = "c1"): Promise<string> {
  const words = await end.told(connectionId);
  await end.receives("closeConnection", (message) => message.connectionId === connectionId);
  return words;
}

describe("a client's handshake", () => {
  for (const [request, answer] of [
    ['{"protocol":"xml","version":1}', "The protocol 'xml' is not supported."],
    ['{"protocol":"blazorpack","version":1}', "The protocol 'blazorpack' is not supported."],
    ['{"protocol":"json","version":3}', "The server does not support version 3 of the 'json' protocol."],
    ["garbage", "An unexpected error occurred during connection handshake."],
    ['{"version":1}', "An unexpected error occurred during connection handshake."],
    [`{"protocol":"json","version":1,"x":"${"x".repeat(40_000)}"}`, "Handshake was canceled."],
  ] as const)
    test(`${request.slice(0, 40)} is refused as ASP.NET does`, async () => {
      const { server, end } = await TestAppServer.start();
      await using _ = server;
      end.send({ type: "openConnection", connectionId: "c1", claims: [], headers: [], query: "" });
      end.send(end.data("c1", `${request}\x1e`));
      assert.equal(await lastWords(end), `${JSON.stringify({ error: answer })}␞`);
      assert.equal(server.app.size.clients, 0);
    });

  test("tells details where they are wished for", async () => {
    const { server, end } = await TestAppServer.start({ detailedErrors: true });
    await using _ = server;
    end.send({ type: "openConnection", connectionId: "c1", claims: [], headers: [], query: "" });
    end.send(end.data("c1", '{"version":1}\x1e'));
    assert.match(
      await lastWords(end),
      /handshake\. InvalidDataException: Missing required property 'protocol'/,
    );
  });

  test("may come in pieces, in any letter case, with messages behind it; version 2 is fine", async () => {
    const { server, end } = await TestAppServer.start({
      methods: { add: (_context, a: number, b: number) => a + b },
    });
    await using _ = server;
    end.send({ type: "openConnection", connectionId: "c1", claims: [], headers: [], query: "" });
    const text =
      '{"protocol":"JSON","version":2}\x1e{"type":1,"target":"ADD","invocationId":"1","arguments":[1,2]}\x1e';
    for (const letter of text) end.send(end.data("c1", letter));
    assert.equal(await end.told("c1"), "{}␞");
    assert.equal(await end.told("c1"), '{"type":3,"invocationId":"1","result":3}␞');
  });

  test("that does not come in 15 seconds is given up", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    end.send({ type: "openConnection", connectionId: "c1", claims: [], headers: [], query: "" });
    end.send({ type: "ping", pairs: [["echo", ""]] });
    await end.receives("ping");
    server.clock.advance(15_000);
    assert.equal(server.app.size.clients, 1);
    server.clock.advance(1_000);
    assert.equal(await lastWords(end), '{"error":"Handshake was canceled."}␞');
  });

  test("of a client that comes from another app server is not answered, and its messages are", async () => {
    const opened: string[] = [];
    const { server, end } = await TestAppServer.start({
      connected: ({ connectionId }) => opened.push(connectionId),
      methods: { add: (_context, a: number, b: number) => a + b },
    });
    await using _ = server;
    end.open("c1", { headers: [["Asrs-Migrate-From", ["theirs"]]] });
    end.say("c1", { type: 1, target: "add", invocationId: "1", arguments: [1, 2] });
    assert.equal(await end.told("c1"), '{"type":3,"invocationId":"1","result":3}␞');
    assert.deepEqual(opened, ["c1"]);
  });
});

describe("a client's context", () => {
  test("says who it is and what it connected with", async () => {
    const contexts: HubContext[] = [];
    const { server, end } = await TestAppServer.start({ connected: (context) => contexts.push(context) });
    await using _ = server;
    await end.opened("c1", {
      protocol: "messagepack",
      claims: [
        ["asrs.s.uid", "ann"],
        ["asrs.s.aut", "x"],
        ["exp", "5"],
        ["asrs.u.exp", "never"],
        ["role", "a"],
        ["role", "b"],
      ],
      headers: [
        ["X-Custom", ["1", "2"]],
        ["Cookie", ["a=b"]],
      ],
      query: "?hub=chat&room=5",
    });
    const [context] = contexts;
    assert.ok(context);
    assert.equal(context.connectionId, "c1");
    assert.equal(context.userId, "ann");
    assert.deepEqual(context.claims, [
      ["exp", "never"],
      ["role", "a"],
      ["role", "b"],
    ]);
    assert.equal(context.headers["x-custom"], "1, 2");
    assert.equal(context.headers["cookie"], "a=b");
    assert.equal(context.query.get("room"), "5");
    assert.equal(context.protocol, "messagepack");
    end.send({ type: "updateConnectionClaims", connectionId: "c1", claims: [["role", "c"]] });
    end.send({ type: "ping", pairs: [["echo", ""]] });
    await end.receives("ping");
    assert.deepEqual(context.claims, [["role", "c"]]);
  });

  for (const [claims, userId] of [
    [[["nameid", "ann"]], "ann"],
    [[["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", "bob"]], "bob"],
    [
      [
        ["sub", "cid"],
        ["asrs.s.uid", "dan"],
      ],
      "dan",
    ],
    [[["asrs.s.uid", ""]], undefined],
    [[], undefined],
  ] as const)
    test(`finds the user ${userId} in ${JSON.stringify(claims)}`, async () => {
      const users: unknown[] = [];
      const { server, end } = await TestAppServer.start({
        connected: (context) => users.push(context.userId),
      });
      await using _ = server;
      await end.opened("c1", { claims });
      assert.deepEqual(users, [userId]);
    });

  test("keeps the application's items, and is the same for every method", async () => {
    const seen = new Set<HubContext>();
    const { server, end } = await TestAppServer.start({
      connected: (context) => {
        seen.add(context);
        context.items.set("count", 0);
      },
      methods: {
        next: (context) => {
          seen.add(context);
          const count = (context.items.get("count") as number) + 1;
          context.items.set("count", count);
          return count;
        },
      },
    });
    await using _ = server;
    await end.opened("c1");
    for (const count of [1, 2]) {
      end.say("c1", { type: 1, target: "next", invocationId: "1", arguments: [] });
      assert.equal(await end.told("c1"), `{"type":3,"invocationId":"1","result":${count}}␞`);
    }
    assert.equal(seen.size, 1);
  });

  test("abort closes the client with a Close message, aborts the signal and says good-bye", async () => {
    const aborted: unknown[] = [];
    const { server, end } = await TestAppServer.start({
      methods: {
        leave: (context) => {
          context.signal.addEventListener("abort", () => aborted.push("signal"));
          context.abort();
          context.abort();
        },
      },
      disconnected: (context, error) => void aborted.push(error, context.signal.aborted),
    });
    await using _ = server;
    await end.opened("c1");
    end.say("c1", { type: 1, target: "leave", invocationId: "1", arguments: [] });
    assert.equal(await lastWords(end), '{"type":7}␞');
    assert.equal((await server.event("client.closed")).error, undefined);
    assert.deepEqual(aborted, ["signal", undefined, true]);
    assert.deepEqual(end.waiting, []);
  });
});

describe("a client's life", () => {
  test("begins with the hook, before which nothing is called", async () => {
    const order: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const { server, end } = await TestAppServer.start({
      connected: async () => {
        await promise;
        order.push("connected");
      },
      methods: { say: () => order.push("say") },
    });
    await using _ = server;
    await end.opened("c1");
    end.say("c1", { type: 1, target: "say", invocationId: "1", arguments: [] });
    end.send({ type: "ping", pairs: [["echo", ""]] });
    await end.receives("ping");
    resolve();
    await end.told("c1");
    assert.deepEqual(order, ["connected", "say"]);
  });

  for (const [error, detailedErrors, text] of [
    [new Error("secret"), false, CLOSED],
    [new Error("secret"), true, `${CLOSED} Error: secret`],
    [new HubError("Not you."), false, `${CLOSED} HubException: Not you.`],
  ] as const)
    test(`ends when the hook throws ${error.name}, details ${detailedErrors}`, async () => {
      const { server, end } = await TestAppServer.start({
        detailedErrors,
        connected: async () => {
          throw error;
        },
        disconnected: () => assert.fail("was never connected"),
      });
      await using _ = server;
      await end.opened("c1");
      assert.equal(await lastWords(end), `${JSON.stringify({ type: 7, error: text })}␞`);
      assert.equal((await server.event("hook.failed")).error, error);
      await server.event("client.closed");
    });

  test("ends as the client or the service says, and the service is told of the former only", async () => {
    const ends: unknown[] = [];
    const { server, end } = await TestAppServer.start({
      disconnected: ({ connectionId }, error) => void ends.push(connectionId, error?.message),
    });
    await using _ = server;
    for (const id of ["c1", "c2", "c3", "c4"]) await end.opened(id);
    end.say("c1", { type: 7 });
    assert.equal(await lastWords(end), '{"type":7}␞');
    end.send({ type: "closeConnection", connectionId: "c2", error: "", headers: [] });
    end.send({ type: "closeConnection", connectionId: "c3", error: "Gone.", headers: [] });
    end.send({
      type: "closeConnection",
      connectionId: "c4",
      error: "",
      headers: [["Asrs-Migrate-To", ["theirs"]]],
    });
    for (let index = 0; index < 4; index++) await server.event("client.closed");
    assert.deepEqual(ends, ["c1", undefined, "c2", undefined, "c3", "Gone.", "c4", undefined]);
    assert.deepEqual(end.waiting, []);
  });

  test("ends when its instance of the service has failed", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1", { headers: [["Asrs-Instance-Id", ["i1"]]] });
    await end.opened("c2", { headers: [["asrs-instance-id", ["i2"]]] });
    await end.opened("c3");
    end.send({ type: "ping", pairs: [["offline", "i2"]] });
    assert.equal((await server.event("client.closed")).connectionId, "c2");
    assert.equal(server.app.size.clients, 2);
    end.send({ type: "ping", pairs: [["offline", ""]] });
    await server.event("client.closed");
    await server.event("client.closed");
  });

  test("a hook that fails at the end ends nothing else", async () => {
    const { server, end } = await TestAppServer.start({
      disconnected: () => {
        throw new Error("oops");
      },
      log: undefined as never,
    });
    await using _ = server;
    await end.opened("c1");
    await end.opened("c2");
    end.say("c1", { type: 7 });
    await lastWords(end);
    end.say("c2", { type: 7 });
    await lastWords(end, "c2");
  });

  test("is pinged every 15 seconds in its hub protocol", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1");
    await end.opened("c2", { protocol: "messagepack" });
    server.clock.advance(14_000);
    end.send({ type: "ping", pairs: [] });
    server.clock.advance(1_000);
    const { payload, dataType } = await end.receives("connectionData");
    assert.deepEqual([String(payload), dataType], ['{"type":6}\x1e', 3]);
    assert.equal((await end.receives("connectionData")).payload.toString("hex"), "029106");
  });

  test("ends when the client has pinged and then was silent for 30 seconds", async () => {
    const { server, end } = await TestAppServer.start({ detailedErrors: true, keepAliveMs: 1_000_000 });
    await using _ = server;
    await end.opened("silent");
    await end.opened("c1");
    end.say("c1", { type: 6 });
    for (let second = 0; second < 31; second++) {
      end.send({ type: "ping", pairs: [["echo", ""]] });
      await end.receives("ping");
      server.clock.advance(1_000);
    }
    const text = `${CLOSED} OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.`;
    assert.equal(await lastWords(end), `${JSON.stringify({ type: 7, error: text, allowReconnect: true })}␞`);
    assert.equal(server.app.size.clients, 1);
  });

  test("ends when it breaks the hub protocol", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1");
    end.say("c1", { type: 1, arguments: [] }, { type: 6 });
    assert.equal(await lastWords(end), `{"type":7,"error":"${CLOSED}","allowReconnect":true}␞`);
    assert.match(
      (await server.event("client.closed")).error?.message ?? "",
      /Missing required property 'target'/,
    );
  });

  test("ends with a message that is larger than allowed, one of that size is taken", async () => {
    const { server, end } = await TestAppServer.start({
      detailedErrors: true,
      maxMessageBytes: 1_000,
      methods: { length: (_context, text: string) => text.length },
    });
    await using _ = server;
    await end.opened("c1");
    const empty = { type: 1, target: "length", invocationId: "1", arguments: [""] };
    const room = 1_000 - JSON.stringify(empty).length - 1;
    end.say("c1", { ...empty, arguments: ["x".repeat(room)] });
    assert.equal(await end.told("c1"), `{"type":3,"invocationId":"1","result":${room}}␞`);
    end.say("c1", { ...empty, arguments: ["x".repeat(room + 1)] });
    const text = `${CLOSED} InvalidDataException: The maximum message size of 1000B was exceeded. The message size can be configured in AddHubOptions.`;
    assert.equal(await lastWords(end), `${JSON.stringify({ type: 7, error: text, allowReconnect: true })}␞`);
    await end.opened("c2");
    end.send(end.data("c2", "x".repeat(600), true), end.data("c2", "x".repeat(600), true));
    assert.match(await lastWords(end, "c2"), /maximum message size/);
  });

  test("pieces of a message count with the last one, and not when they come again", async () => {
    const { server, end } = await TestAppServer.start({
      methods: { echo: (_context, text: string) => text },
    });
    await using _ = server;
    await end.opened("c1");
    const text = '{"type":1,"target":"echo","invocationId":"1","arguments":["whole"]}\x1e';
    const [head, middle, tail] = [text.slice(0, 10), text.slice(10, 30), text.slice(30)];
    end.send(end.data("c1", head, true), end.data("c1", middle, true), end.data("c1", tail));
    assert.equal(await end.told("c1"), '{"type":3,"invocationId":"1","result":"whole"}␞');
    end.send(end.data("c1", head, true), { type: "connectionReconnect", connectionId: "c1" });
    end.send(end.data("c1", head, true), end.data("c1", middle + tail));
    assert.equal(await end.told("c1"), '{"type":3,"invocationId":"1","result":"whole"}␞');
  });

  test("comes again under the same id: the one that was there is over", async () => {
    const { server, end } = await TestAppServer.start();
    await using _ = server;
    await end.opened("c1");
    await end.opened("c1");
    await server.event("client.closed");
    assert.equal(server.app.size.clients, 1);
  });

  test("speaks MessagePack with values of its own", async () => {
    const { server, end } = await TestAppServer.start({
      methods: { echo: (_context, value: unknown) => value },
    });
    await using _ = server;
    await end.opened("c1", { protocol: "messagepack" });
    const value = ["é", new Date(1_000), Buffer.from([1, 2]), { a: null }, 2 ** 40];
    const content = encode([1, {}, "7", "echo", [value], []]);
    end.send(end.data("c1", Buffer.concat([Buffer.of(content.length), content])));
    const { payload } = await end.receives("connectionData");
    assert.deepEqual(decode(new Uint8Array(payload.subarray(1))), [3, {}, "7", 3, decode(encode(value))]);
  });
});
