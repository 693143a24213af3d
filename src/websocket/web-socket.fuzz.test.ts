import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import fc from "fast-check";
import * as ws from "ws";
import { type ServerEnd, WebSocketServer } from "../../test/support/web-socket-server.ts";
import { frame, Opcode } from "../protocol/websocket-frame.ts";

interface Message {
  readonly isBinary: boolean;
  readonly fragments: readonly Buffer[];
  /** Sent ahead of each fragment, as pings and pongs. */
  readonly controls: readonly Buffer[];
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.constantFrom(125, 126, 127, 65_535, 65_536) },
  { weight: 1, arbitrary: fc.nat(300_000) },
);
const fragment = fc.tuple(size, fc.nat(25)).map(([length, first]) => Buffer.alloc(length, 97 + first));
const message: fc.Arbitrary<Message> = fc.record({
  isBinary: fc.boolean(),
  fragments: fc.array(fragment, { minLength: 1, maxLength: 5 }),
  controls: fc.array(
    fc.uint8Array({ maxLength: 125 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 4 },
  ),
});
const closeCode = fc.constantFrom(1000, 1001, 3000, 4999);

/** Sends everything the way `ws` frames it and collects what comes back until the connection is closed. */
async function converse(client: ws.WebSocket, messages: readonly Message[], code: number) {
  const answers: string[] = [];
  const pongs: string[] = [];
  client.on("message", (data: Buffer, isBinary: boolean) => answers.push(described(data, isBinary)));
  client.on("pong", (payload: Buffer) => pongs.push(payload.toString("hex")));
  for (const { isBinary, fragments, controls } of messages)
    for (const [index, data] of fragments.entries()) {
      const control = controls[index];
      if (control !== undefined) {
        client.ping(control);
        client.pong(control);
      }
      client.send(data, { binary: isBinary, fin: index === fragments.length - 1 });
    }
  client.close(code, "over");
  const [answered] = (await once(client, "close")) as [number];
  return { answers, pongs, answered };
}

function described(data: Buffer, isBinary: boolean): string {
  return `${isBinary ? "binary" : "text"} ${data.toString("latin1")}`;
}

/** Answers each message with itself once the read that completed it is over, and with others in one write. */
function echoJoined(end: ServerEnd): void {
  let replies: Buffer[] = [];
  end.onMessage = (data, isBinary) => replies.push(frame(isBinary ? Opcode.binary : Opcode.text, data));
  end.onReadEnd = () => {
    if (replies.length > 0) end.webSocket.write(Buffer.concat(replies));
    replies = [];
  };
}

test("whatever ws sends is received, answered and closed as it was sent", async () => {
  await using server = await WebSocketServer.start();
  const conversation = fc.tuple(fc.array(message, { maxLength: 8 }), closeCode);
  await fc.assert(
    fc.asyncProperty(conversation, async ([messages, code]) => {
      const client = new ws.WebSocket(server.url);
      const [end] = await Promise.all([server.accepted(), once(client, "open")]);
      echoJoined(end);
      const { answers, pongs, answered } = await converse(client, messages, code);

      const sent = messages.map(({ isBinary, fragments }) => described(Buffer.concat(fragments), isBinary));
      const received = end.received.flatMap((event) =>
        "data" in event ? [described(event.data, event.isBinary)] : [],
      );
      const pings = messages.flatMap(({ fragments, controls }) => controls.slice(0, fragments.length));
      assert.deepEqual(received, sent);
      assert.deepEqual(answers, sent);
      assert.deepEqual(
        pongs,
        pings.map((payload) => payload.toString("hex")),
      );
      assert.equal(answered, 1000);
      assert.deepEqual(end.closed, [{ code, reason: "over" }]);
    }),
    { numRuns: 60 },
  );
  await server.empty();
});

test("a peer that sends random bytes, resets or ends at any moment ends its own connection, once", async () => {
  await using server = await WebSocketServer.start();
  const bytes = fc.array(
    fc.uint8Array({ maxLength: 200 }).map((chunk) => Buffer.from(chunk)),
    { maxLength: 5 },
  );
  const ending = fc.constantFrom("end", "destroy", "reset");
  await fc.assert(
    fc.asyncProperty(bytes, ending, async (chunks, ending) => {
      const { socket, end } = await server.connectRaw();
      socket.resume();
      for (const chunk of chunks) socket.write(chunk);
      if (ending === "end") socket.end();
      else if (ending === "destroy") socket.destroySoon();
      else socket.resetAndDestroy();
      await server.empty();
      assert.equal(end.closed.length, 1);
      assert.ok("closed" in (end.received.at(-1) ?? {}), "nothing is told after the end");
      socket.destroy();
    }),
    { numRuns: 200 },
  );
});
