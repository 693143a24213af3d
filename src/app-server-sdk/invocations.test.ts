import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import { ServiceEnd } from "../../test/support/test-service.ts";
import { HubError } from "./errors.ts";
import type { HubContext } from "./hub-context.ts";
import type { AppServerOptions, HubMethod } from "./settings.ts";

/** An app server with these methods and a JSON client `c1`. */
async function withMethods(methods: Record<string, HubMethod>, options: Partial<AppServerOptions> = {}) {
  const { server, end } = await TestAppServer.start({ methods, ...options });
  await end.opened("c1");
  return { server, end };
}

function invoke(target: string, invocationId: string | undefined, ...args: unknown[]): object {
  return { type: 1, target, ...(invocationId !== undefined && { invocationId }), arguments: args };
}

function stream(target: string, invocationId: string, ...args: unknown[]): object {
  return { type: 4, target, invocationId, arguments: args };
}

async function answers(end: ServiceEnd, count: number): Promise<string[]> {
  const all: string[] = [];
  for (let index = 0; index < count; index++) all.push(await end.told("c1"));
  return all.map((text) => text.slice(0, -1));
}

/** Resolves when everything that the service has sent so far was taken. */
async function taken(end: ServiceEnd): Promise<void> {
  end.send({ type: "ping", pairs: [["echo", "taken"]] });
  await end.receives("ping");
}

function failing(error: unknown): HubMethod {
  return () => {
    throw error;
  };
}

describe("an invocation", () => {
  test("is answered with what the method returns or resolves to", async () => {
    const { server, end } = await withMethods({
      value: () => ({ a: [1, "é", null] }),
      later: async (_context, text: string) => text,
      nothing: () => {},
      list: () => [1, 2],
    });
    await using _ = server;
    end.say(
      "c1",
      invoke("value", "1"),
      invoke("later", "2", "x"),
      invoke("nothing", "3"),
      invoke("list", "4"),
    );
    assert.deepEqual(await answers(end, 4), [
      '{"type":3,"invocationId":"1","result":{"a":[1,"é",null]}}',
      '{"type":3,"invocationId":"2","result":"x"}',
      '{"type":3,"invocationId":"3","result":null}',
      '{"type":3,"invocationId":"4","result":[1,2]}',
    ]);
  });

  const details = new RangeError("x");
  for (const [name, method, detailedErrors, error] of [
    ["throws", failing(details), false, "An unexpected error occurred invoking 'm' on the server."],
    [
      "throws",
      failing(details),
      true,
      "An unexpected error occurred invoking 'm' on the server. RangeError: x",
    ],
    [
      "rejects",
      async () => Promise.reject(details),
      false,
      "An unexpected error occurred invoking 'm' on the server.",
    ],
    [
      "throws a HubError",
      failing(new HubError("No.")),
      false,
      "An unexpected error occurred invoking 'm' on the server. HubException: No.",
    ],
    [
      "throws no error",
      failing("text"),
      true,
      "An unexpected error occurred invoking 'm' on the server. text",
    ],
    ["throws null", failing(null), false, "An unexpected error occurred invoking 'm' on the server."],
    [
      "returns what cannot be written",
      () => 5n,
      true,
      "An unexpected error occurred invoking 'm' on the server. TypeError: Do not know how to serialize a BigInt",
    ],
    [
      "returns a stream",
      async function* () {
        yield 1;
      },
      false,
      "The client attempted to invoke the streaming 'm' method with a non-streaming invocation.",
    ],
    [
      "takes more",
      (_context: HubContext, _a: number, _b: number) => 1,
      false,
      "Failed to invoke 'm' due to an error on the server.",
    ],
    [
      "takes more",
      (_context: HubContext, _a: number, _b: number) => 1,
      true,
      "Failed to invoke 'm' due to an error on the server. InvalidDataException: Invocation provides 1 argument(s) but target expects 2.",
    ],
  ] as const)
    test(`of a method that ${name} is answered as ASP.NET does, details ${detailedErrors}`, async () => {
      const { server, end } = await withMethods({ m: method as HubMethod }, { detailedErrors });
      await using _ = server;
      end.say("c1", invoke("m", undefined, 1), invoke("m", "1", 1));
      assert.deepEqual(JSON.parse((await answers(end, 1))[0] ?? ""), { type: 3, invocationId: "1", error });
    });

  test("of an unknown method is answered so, and nothing that objects inherit is one", async () => {
    const { server, end } = await withMethods({});
    await using _ = server;
    for (const target of ["Nope", "toString", "__proto__", "constructor"]) {
      end.say("c1", invoke(target, "1"));
      const error = `Failed to invoke '${target}' due to an error on the server. HubException: Method does not exist.`;
      assert.deepEqual(await answers(end, 1), [`{"type":3,"invocationId":"1","error":"${error}"}`]);
    }
  });

  test("with arguments that cannot be held is refused, the client stays", async () => {
    const { server, end } = await TestAppServer.start({ methods: { m: () => 1 } });
    await using _ = server;
    await end.opened("c1", { protocol: "messagepack" });
    const head = Buffer.concat([Buffer.from("9601", "hex"), ...[{}, "7", "m"].map((value) => encode(value))]);
    const empty = encode([]);
    const unholdable = Buffer.concat([Buffer.from("9181", "hex"), encode("__proto__"), encode(1)]);
    for (const tail of [
      [unholdable, empty],
      [empty, unholdable],
    ]) {
      const content = Buffer.concat([head, ...tail]);
      end.send(end.data("c1", Buffer.concat([Buffer.of(content.length), content])));
      const { payload } = await end.receives("connectionData");
      assert.match(payload.toString(), /Failed to invoke 'm' due to an error/);
    }
  });

  test("may leave out parameters from the first with a default on, and may have more than the method takes", async () => {
    const { server, end } = await withMethods({ add: (_context, a: number, b = 10) => a + b });
    await using _ = server;
    end.say("c1", invoke("add", "1", 1), invoke("add", "2", 1, 2), invoke("add", "3", 1, 2, 3));
    assert.deepEqual(
      (await answers(end, 3)).map((text) => JSON.parse(text).result),
      [11, 3, 3],
    );
  });

  test("that fails without being waited for is told to the log alone", async () => {
    const { server, end } = await withMethods({ m: failing(new Error("secret")) });
    await using _ = server;
    end.say("c1", invoke("m", undefined));
    const { target, connectionId, error } = await server.event("method.failed");
    assert.deepEqual([target, connectionId, (error as Error).message], ["m", "c1", "secret"]);
    assert.deepEqual(end.waiting, []);
  });

  test("waits for the one before it, so that all run in order", async () => {
    const steps: string[] = [];
    const gates = new Map<string, () => void>();
    const { server, end } = await withMethods({
      step: async (_context, name: string) => {
        steps.push(`${name} begins`);
        await new Promise<void>((resolve) => gates.set(name, resolve));
        steps.push(`${name} ends`);
      },
    });
    await using _ = server;
    end.say("c1", invoke("step", "1", "a"), invoke("step", "2", "b"));
    await taken(end);
    assert.deepEqual(steps, ["a begins"]);
    gates.get("a")?.();
    await answers(end, 1);
    gates.get("b")?.();
    await answers(end, 1);
    assert.deepEqual(steps, ["a begins", "a ends", "b begins", "b ends"]);
  });

  test("runs beside as many others as allowed", async () => {
    let running = 0;
    let most = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { server, end } = await withMethods(
      {
        wait: async () => {
          most = Math.max(most, ++running);
          await promise;
          running--;
        },
      },
      { parallelInvocations: 3 },
    );
    await using _ = server;
    end.say("c1", ...Array.from({ length: 7 }, (_, index) => invoke("wait", String(index))));
    await taken(end);
    assert.equal(running, 3);
    resolve();
    await answers(end, 7);
    assert.equal(most, 3);
  });

  test("of another client waits for nobody", async () => {
    const { server, end } = await withMethods({ wait: () => new Promise(() => {}), say: () => 1 }, {});
    await end.opened("c2");
    end.say("c1", invoke("wait", "1"));
    end.say("c2", invoke("say", "1"));
    assert.match(await end.told("c2"), /"result":1/);
    // Its method never ends, and so does stopping not before its time.
    await server[Symbol.asyncDispose]();
  });

  test("waits in vain once its client is gone", async () => {
    const called: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const { server, end } = await withMethods(
      {
        first: async () => {
          called.push("first");
          await promise;
        },
        second: () => called.push("second"),
      },
      { disconnected: () => called.push("disconnected") },
    );
    await using _ = server;
    end.say("c1", invoke("first", "1"), invoke("second", "2"), { type: 7 });
    await end.receives("closeConnection");
    assert.deepEqual(called, ["first"]);
    assert.equal(server.app.size.pending, 1);
    resolve();
    await server.event("client.closed");
    assert.deepEqual(called, ["first", "disconnected"]);
    assert.equal(await end.told("c1"), '{"type":7}␞');
    assert.deepEqual(end.waiting, []);
  });

  test("more of them than may wait close the client, and only it", async () => {
    const { server, end } = await withMethods(
      { wait: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)) },
      { maxQueuedBytes: 1_000 },
    );
    await using _ = server;
    await end.opened("c2");
    const one = invoke("wait", "1", "x".repeat(100));
    const bytes = JSON.stringify(one).length + 1;
    const fitting = Math.floor(1_000 / bytes);
    end.say("c1", ...Array.from({ length: 1 + fitting }, () => one));
    await taken(end);
    assert.equal(server.app.size.clients, 2);
    end.say("c1", one);
    assert.match(await end.told("c1"), /"type":7.*"allowReconnect":true/);
    await end.receives("closeConnection");
    assert.match((await server.event("client.closed")).error?.message ?? "", /more than may wait/);
    assert.equal(server.app.size.clients, 1);
  });
});

describe("a stream to a client", () => {
  test("sends items and then its end, beside invocations and other streams", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { server, end } = await withMethods({
      async *count(_context, to: number) {
        for (let index = 0; index < to; index++) yield index;
      },
      async *wait() {
        await promise;
        yield "waited";
      },
      *plain() {
        yield "plain";
      },
      say: () => "said",
    });
    await using _ = server;
    end.say("c1", stream("wait", "1"), stream("count", "2", 2), invoke("say", "3"), stream("plain", "4"));
    const got = await answers(end, 6);
    assert.deepEqual(
      got.filter((text) => text.includes('"2"')),
      [
        '{"type":2,"invocationId":"2","item":0}',
        '{"type":2,"invocationId":"2","item":1}',
        '{"type":3,"invocationId":"2"}',
      ],
    );
    assert.ok(got.includes('{"type":3,"invocationId":"3","result":"said"}'));
    assert.deepEqual(
      got.filter((text) => text.includes('"4"')),
      ['{"type":2,"invocationId":"4","item":"plain"}', '{"type":3,"invocationId":"4"}'],
    );
    resolve();
    assert.deepEqual(await answers(end, 2), [
      '{"type":2,"invocationId":"1","item":"waited"}',
      '{"type":3,"invocationId":"1"}',
    ]);
  });

  test("is cancelled by the client, even while it waits: its signal and its end tell it", async () => {
    const seen: unknown[] = [];
    const { server, end } = await withMethods({
      async *forever(context) {
        context.signal.addEventListener("abort", () => seen.push("aborted"));
        try {
          for (let index = 0; ; index++) {
            yield index;
            if (index === 1)
              await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
          }
        } finally {
          seen.push("ended");
        }
      },
    });
    await using _ = server;
    end.say("c1", stream("forever", "1"));
    await answers(end, 2);
    end.say("c1", { type: 5, invocationId: "1" });
    assert.deepEqual(await answers(end, 1), ['{"type":3,"invocationId":"1"}']);
    end.say("c1", { type: 5, invocationId: "1" }, { type: 5, invocationId: "77" });
    await taken(end);
    assert.deepEqual(seen, ["aborted", "ended"]);
  });

  test("ends when its client is gone", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { server, end } = await withMethods({
      async *forever() {
        try {
          for (;;) {
            yield 1;
            await new Promise(setImmediate);
          }
        } finally {
          resolve();
        }
      },
    });
    await using _ = server;
    end.say("c1", stream("forever", "1"));
    await answers(end, 3);
    end.send({ type: "closeConnection", connectionId: "c1", error: "", headers: [] });
    await promise;
    await server.event("client.closed");
  });

  for (const [error, detailedErrors, text] of [
    [new Error("secret"), false, "An error occurred on the server while streaming results."],
    [new Error("secret"), true, "An error occurred on the server while streaming results. Error: secret"],
    [
      new HubError("No."),
      false,
      "An error occurred on the server while streaming results. HubException: No.",
    ],
  ] as const)
    test(`that fails with ${error.name} is answered as ASP.NET does, details ${detailedErrors}`, async () => {
      const { server, end } = await withMethods(
        {
          async *fail() {
            yield 1;
            throw error;
          },
        },
        { detailedErrors },
      );
      await using _ = server;
      end.say("c1", stream("fail", "1"));
      const [, last] = await answers(end, 2);
      assert.deepEqual(JSON.parse(last ?? ""), { type: 3, invocationId: "1", error: text });
    });

  test("is refused of a method that does not stream, of an id in use, and of an unknown method", async () => {
    const { server, end } = await withMethods({
      say: () => "said",
      async *wait({ signal }) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        yield 1;
      },
    });
    await using _ = server;
    end.say("c1", stream("say", "1"), stream("wait", "2"), stream("wait", "2"), stream("Nope", "3"));
    const errors = (await answers(end, 3)).map((text): string => JSON.parse(text).error).sort();
    assert.deepEqual(errors, [
      "Failed to invoke 'Nope' due to an error on the server. HubException: Method does not exist.",
      "Invocation ID '2' is already in use.",
      "The client attempted to invoke the non-streaming 'say' method with a streaming invocation.",
    ]);
    end.say("c1", { type: 5, invocationId: "2" });
    assert.deepEqual(await answers(end, 1), ['{"type":3,"invocationId":"2"}']);
  });

  test("waits while much is on its way, and everything else goes on", async () => {
    const text = "x".repeat(160 * 1024);
    let made = 0;
    const { server, end } = await withMethods({
      async *much() {
        for (; made < 100; made++) yield text;
      },
    });
    await using _ = server;
    end.socket.pause();
    end.say("c1", stream("much", "1"));
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.ok(made < 95, `${made} items`);
    end.socket.resume();
    await answers(end, 101);
  });

  test("more of them than allowed are refused, one may follow when one is over", async () => {
    const { server, end } = await withMethods(
      {
        async *wait({ signal }) {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          yield 1;
        },
      },
      { maxStreamsPerClient: 2 },
    );
    await using _ = server;
    end.say("c1", stream("wait", "1"), stream("wait", "2"), stream("wait", "3"));
    assert.match((await answers(end, 1))[0] ?? "", /"3".*too many streams/);
    end.say("c1", { type: 5, invocationId: "1" });
    await answers(end, 1);
    end.say("c1", stream("wait", "4"));
    await taken(end);
    assert.deepEqual(end.waiting, []);
  });
});

describe("a client's streams", () => {
  const sum: HubMethod = async (_context, numbers: AsyncIterable<number>) => {
    let total = 0;
    for await (const number of numbers) total += number;
    return total;
  };

  /** An invocation with streams. */
  const upload = (target: string, invocationId: string, streamIds: string[], ...args: unknown[]): object => ({
    ...invoke(target, invocationId, ...args),
    streamIds,
  });
  const item = (invocationId: string, value: unknown): object => ({ type: 2, invocationId, item: value });
  const over = (invocationId: string, error?: string): object => ({
    type: 3,
    invocationId,
    ...(error && { error }),
  });

  test("come behind the arguments, and are read as they come", async () => {
    const { server, end } = await withMethods({
      sum,
      join: async (
        _context,
        separator: string,
        left: AsyncIterable<string>,
        right: AsyncIterable<string>,
      ) => {
        const texts: string[] = [];
        for (const side of [left, right]) for await (const text of side) texts.push(text);
        return texts.join(separator);
      },
    });
    await using _ = server;
    end.say(
      "c1",
      upload("sum", "1", ["a"]),
      upload("join", "2", ["b", "c"], "-"),
      item("c", "z"),
      item("a", 1),
    );
    end.say("c1", item("b", "x"), item("b", "y"), over("c"), item("a", 2), over("b"), item("b", "late"));
    assert.deepEqual(await answers(end, 1), ['{"type":3,"invocationId":"2","result":"x-y-z"}']);
    end.say("c1", over("a"), item("unknown", 1));
    assert.deepEqual(await answers(end, 1), ['{"type":3,"invocationId":"1","result":3}']);
  });

  test("may wait for their invocation's turn, and may be answered by a stream", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { server, end } = await withMethods({
      wait: () => promise,
      async *double(_context, numbers: AsyncIterable<number>) {
        for await (const number of numbers) yield 2 * number;
      },
    });
    await using _ = server;
    end.say(
      "c1",
      invoke("wait", "1"),
      { ...stream("double", "2"), streamIds: ["a"] },
      item("a", 1),
      item("a", 2),
      over("a"),
    );
    await taken(end);
    resolve();
    assert.deepEqual(await answers(end, 4), [
      '{"type":3,"invocationId":"1","result":null}',
      '{"type":2,"invocationId":"2","item":2}',
      '{"type":2,"invocationId":"2","item":4}',
      '{"type":3,"invocationId":"2"}',
    ]);
  });

  test("that the client fails throw its error", async () => {
    const { server, end } = await withMethods({ sum });
    await using _ = server;
    end.say("c1", upload("sum", "1", ["a"]), item("a", 1), over("a", "boo"));
    assert.match((await answers(end, 1))[0] ?? "", /invoking 'sum' on the server\. HubException: boo/);
  });

  test("are missed as arguments are", async () => {
    const { server, end } = await withMethods({ sum }, { detailedErrors: true });
    await using _ = server;
    end.say("c1", invoke("sum", "1"));
    assert.match((await answers(end, 1))[0] ?? "", /provides 0 argument\(s\) but target expects 1/);
  });

  test("that are not read any more are dropped, and hold nothing", async () => {
    const { server, end } = await withMethods(
      {
        first: async (_context, numbers: AsyncIterable<number>) => {
          for await (const number of numbers) return number;
          return undefined;
        },
        ignore: (_context, _numbers: AsyncIterable<number>) => "ignored",
      },
      { maxQueuedBytes: 400 },
    );
    await using _ = server;
    for (let round = 0; round < 20; round++) {
      end.say("c1", upload("first", "1", ["a"]), item("a", 1), item("a", 2), item("a", 3));
      assert.deepEqual(await answers(end, 1), ['{"type":3,"invocationId":"1","result":1}']);
      end.say("c1", upload("ignore", "2", ["b"]), item("b", 1), over("b"));
      assert.deepEqual(await answers(end, 1), ['{"type":3,"invocationId":"2","result":"ignored"}']);
    }
  });

  test("end with an error when the client is gone", async () => {
    const errors: unknown[] = [];
    const { server, end } = await withMethods({
      read: async (_context, numbers: AsyncIterable<number>) => {
        try {
          for await (const number of numbers) errors.push(number);
        } catch (error) {
          errors.push((error as Error).message);
        }
      },
    });
    await using _ = server;
    end.say("c1", upload("read", "1", ["a"]), item("a", 1));
    await taken(end);
    end.send({ type: "closeConnection", connectionId: "c1", error: "", headers: [] });
    await server.event("client.closed");
    await new Promise(setImmediate);
    assert.deepEqual(errors, [1, "The underlying connection was closed."]);
  });

  test("that come faster than they are read close the client at the limit", async () => {
    const { server, end } = await withMethods(
      {
        hold: (context, _items: AsyncIterable<string>) =>
          new Promise((resolve) => context.signal.addEventListener("abort", resolve)),
      },
      { maxQueuedBytes: 2_000 },
    );
    await using _ = server;
    end.say(
      "c1",
      upload("hold", "1", ["a"]),
      ...Array.from({ length: 10 }, () => item("a", "x".repeat(100))),
    );
    await taken(end);
    assert.equal(server.app.size.clients, 1);
    end.say("c1", ...Array.from({ length: 10 }, () => item("a", "x".repeat(100))));
    assert.match(await end.told("c1"), /"type":7/);
  });
});
