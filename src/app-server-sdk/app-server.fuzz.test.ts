import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TestAppServer } from "../../test/support/start-app-server.ts";
import type { ServiceEnd } from "../../test/support/test-service.ts";
import type { FromService } from "./server-connection.ts";

async function taken(end: ServiceEnd): Promise<void> {
  end.send({ type: "ping", pairs: [["echo", "taken"]] });
  await end.receives("ping", ({ pairs }) => pairs[0]?.[1] === "taken");
}

const methods = {
  echo: (_context: unknown, value: unknown) => value,
  async *count() {
    yield 1;
  },
  sum: async (_context: unknown, numbers: AsyncIterable<number>) => {
    for await (const _ of numbers);
  },
};

test("whatever a client sends, it is answered or closed, and nothing else fails", async () => {
  const { server, end } = await TestAppServer.start({ methods, detailedErrors: true });
  await using _ = server;
  let runs = 0;
  const hubMessage = fc
    .record(
      {
        type: fc.integer({ min: -1, max: 10 }),
        target: fc.constantFrom("echo", "count", "sum", "x", ""),
        invocationId: fc.constantFrom("1", "2", ""),
        arguments: fc.array(fc.jsonValue(), { maxLength: 3 }),
        streamIds: fc.array(fc.constantFrom("1", "2", "a"), { maxLength: 3 }),
        item: fc.jsonValue(),
        result: fc.jsonValue(),
      },
      { requiredKeys: ["type"] },
    )
    .map((message) => Buffer.from(`${JSON.stringify(message)}\x1e`));
  const garbage = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  const pieces = fc.array(fc.tuple(fc.oneof({ weight: 4, arbitrary: hubMessage }, garbage), fc.boolean()), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(pieces, fc.constantFrom("json", "messagepack"), async (all, protocol) => {
      const id = `c${++runs}`;
      end.open(id, { protocol });
      end.send(...all.map(([bytes, isPartial]) => end.data(id, bytes, isPartial)));
      await taken(end);
      end.send({ type: "closeConnection", connectionId: id, error: "", headers: [] });
      await taken(end);
      assert.equal(server.app.size.clients, 0);
    }),
    { numRuns: 300 },
  );
  assert.deepEqual(
    server.events.filter(({ name }) => name === "fault" || name === "server_connection.closed"),
    [],
  );
});

test("whatever the service sends of its clients, nothing fails and nothing is kept", async () => {
  const { server, end } = await TestAppServer.start({ methods });
  await using _ = server;
  const id = fc.constantFrom("a", "b", "c");
  const payload = fc
    .constantFrom(
      "{}",
      '{"protocol":"json","version":1}\x1e',
      '{"type":6}\x1e',
      '{"type":3,"invocationId":"i1"}\x1e',
      "{",
    )
    .map((text) => Buffer.from(text));
  const invocationId = fc.constantFrom("i1", "i2");
  const message: fc.Arbitrary<FromService & { readonly type: string }> = fc.oneof(
    fc.record({
      type: fc.constant("openConnection" as const),
      connectionId: id,
      claims: fc.constant([]),
      headers: fc.constantFrom([], [["Asrs-Migrate-From", []] as const]),
      query: fc.constant("?"),
    }),
    fc.record({
      type: fc.constant("connectionData" as const),
      connectionId: id,
      payload,
      isPartial: fc.boolean(),
    }),
    fc.record({
      type: fc.constant("closeConnection" as const),
      connectionId: id,
      error: fc.string(),
      headers: fc.constant([]),
    }),
    fc.record({ type: fc.constant("connectionReconnect" as const), connectionId: id }),
    fc.record({
      type: fc.constant("updateConnectionClaims" as const),
      connectionId: id,
      claims: fc.constant([]),
    }),
    fc.record({
      type: fc.constant("clientInvocation" as const),
      invocationId,
      connectionId: id,
      callerServerId: fc.string(),
      payload: fc.constant([]),
    }),
    fc.record({
      type: fc.constant("clientCompletion" as const),
      invocationId,
      connectionId: id,
      callerServerId: fc.string(),
      protocol: fc.string(),
      payload,
    }),
    fc.record({
      type: fc.constant("ack" as const),
      ackId: fc.nat(5),
      status: fc.nat(6),
      message: fc.string(),
    }),
    fc.record({
      type: fc.constant("ping" as const),
      pairs: fc.array(
        fc.tuple(fc.constantFrom("offline", "shutdown", "status", "d-m"), fc.constantFrom("", "i", "finack")),
      ),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 30 }), async (all) => {
      if (all.length > 0) end.send(...(all as Parameters<ServiceEnd["send"]>));
      end.send({ type: "ping", pairs: [["offline", ""]] });
      await taken(end);
      server.app.exists.user("nobody").catch(() => {});
      assert.equal(server.app.size.clients, 0);
    }),
    { numRuns: 200 },
  );
  server.clock.advance(12_000);
  server.clock.advance(600_000);
  assert.equal(server.app.size.pending, 0);
  assert.deepEqual(
    server.events.filter(({ name }) => name === "fault"),
    [],
  );
});
