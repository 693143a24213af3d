import assert from "node:assert/strict";
import type { Writable } from "node:stream";
import test from "node:test";
import fc from "fast-check";
import * as ws from "ws";
import { clientClose, clientFrame, FIN } from "../../test/support/client-frame.ts";
import { WebSocketError } from "./websocket-error.ts";
import { WebSocketReader } from "./websocket-reader.ts";

/** `ws` exports its receiver, its types do not. */
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

interface Reading {
  readonly events: readonly string[];
  readonly error: WebSocketError | undefined;
}

/** Reads chunks up to the first violation. Anything but a `WebSocketError` is thrown on. */
function readWithOurs(chunks: Iterable<Buffer>): Reading {
  const events: string[] = [];
  let message: string[] = [];
  const handler = {
    onData(piece: Buffer, isBinary: boolean, endOfMessage: boolean): void {
      message.push(piece.toString("hex"));
      if (!endOfMessage) return;
      events.push(`${isBinary ? "binary" : "text"} ${message.join("")}`);
      message = [];
    },
    onPing: (payload: Buffer) => void events.push(`ping ${payload.toString("hex")}`),
    onPong: (payload: Buffer) => void events.push(`pong ${payload.toString("hex")}`),
    onClose: (code: number, reason: string) => void events.push(`close ${code} ${reason}`),
  };
  const reader = new WebSocketReader();
  try {
    for (const chunk of chunks) reader.read(Buffer.from(chunk), handler);
    return { events, error: undefined };
  } catch (error) {
    if (!(error instanceof WebSocketError)) throw error;
    return { events, error };
  }
}

/** What `ws` makes of the same bytes. It hands over what is complete before `write` returns. */
function readWithWs(bytes: Buffer): { readonly events: readonly string[]; readonly isRefused: boolean } {
  const events: string[] = [];
  let isRefused = false;
  const receiver = new Receiver({ isServer: true });
  receiver.on("message", (data: Buffer, isBinary: boolean) =>
    events.push(`${isBinary ? "binary" : "text"} ${data.toString("hex")}`),
  );
  receiver.on("ping", (payload: Buffer) => events.push(`ping ${payload.toString("hex")}`));
  receiver.on("pong", (payload: Buffer) => events.push(`pong ${payload.toString("hex")}`));
  receiver.on("conclude", (code: number, reason: Buffer) =>
    events.push(`close ${code} ${reason.toString()}`),
  );
  receiver.on("error", () => {});
  receiver.write(Buffer.from(bytes), (error) => {
    isRefused = error instanceof Error;
  });
  isRefused ||= receiver.errored !== null;
  return { events, isRefused };
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

const bytesUpTo = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const control = fc.record({ first: fc.constantFrom(FIN | 9, FIN | 10), payload: bytesUpTo(125), mask });
const text = fc.record({
  opcode: fc.constant(1),
  payload: fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.nat(70_000).map((length) => Buffer.alloc(length, "0123456789abcdefg")) },
  ),
});
const binary = fc.record({ opcode: fc.constant(2), payload: bytesUpTo(300) });
const brokenText = fc.record({ opcode: fc.constant(1), payload: bytesUpTo(60) });

/** A message in fragments with control frames between them. */
const messageOf = (content: fc.Arbitrary<{ opcode: number; payload: Buffer }>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(content, fc.array(fc.nat(), { maxLength: 4 }), control, mask)
    .map(([{ opcode, payload }, cuts, control, mask]) => {
      const fragments = cutAt(payload, cuts);
      const frames = fragments.map((fragment, index) => {
        const fin = index === fragments.length - 1 ? FIN : 0;
        return clientFrame({ first: fin | (index === 0 ? opcode : 0), payload: fragment, mask });
      });
      return Buffer.concat(
        frames.flatMap((frame, index) => (index % 2 === 0 ? [frame] : [clientFrame(control), frame])),
      );
    });
const close = fc
  .tuple(fc.constantFrom(1000, 1001, 4999), fc.string({ maxLength: 20 }))
  .map(([code, reason]) => clientClose(code, reason));
const stream = fc
  .tuple(
    fc.array(messageOf(fc.oneof(text, binary)), { maxLength: 5 }),
    fc.option(close, { nil: Buffer.alloc(0) }),
  )
  .map(([messages, end]) => Buffer.concat([...messages, end]));
const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
const cuts = fc.array(fc.nat(), { maxLength: 10 });

test("frames mean the same however they are cut, and the same to ws", () => {
  fc.assert(
    fc.property(stream, cuts, (bytes, cuts) => {
      const whole = readWithOurs([bytes]);
      assert.equal(whole.error, undefined);
      assert.deepEqual(readWithOurs(cutAt(bytes, cuts)), whole);
      assert.deepEqual(readWithWs(bytes), { events: whole.events, isRefused: false });
    }),
    { numRuns: 300 },
  );
});

test("broken and mutated frames are refused or mean the same to ws, and the same however they are cut", () => {
  fc.assert(
    fc.property(fc.tuple(stream, messageOf(brokenText)), mutations, cuts, (streams, mutations, cuts) => {
      const bytes = Buffer.concat(streams);
      for (const [at, byte] of mutations)
        if (bytes.length > 0) bytes[at % Math.min(bytes.length, 300)] = byte;
      const whole = readWithOurs([bytes]);
      assert.deepEqual(readWithOurs(cutAt(bytes, cuts)), whole);
      const theirs = readWithWs(bytes);
      // ws takes lengths in more bytes than needed, and looks at text only when a message is complete.
      assert.deepEqual(whole.events, theirs.events.slice(0, whole.events.length));
      if (whole.error === undefined) {
        assert.equal(theirs.isRefused, false);
        assert.equal(whole.events.length, theirs.events.length);
      }
    }),
    { numRuns: 500 },
  );
});

test("garbage is refused with a WebSocketError or waited on, whatever it is", () => {
  const firstBytes = fc.constantFrom(0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a);
  const lengths = fc.nat(127).map((length) => 0x80 | length);
  const almostFrame = fc
    .tuple(firstBytes, lengths, bytesUpTo(40))
    .map(([first, second, rest]) => Buffer.concat([Buffer.from([first, second]), rest]));
  const garbage = fc.array(fc.oneof(almostFrame, bytesUpTo(200)), { maxLength: 20 });
  fc.assert(
    fc.property(garbage, (chunks) => {
      const inPieces = readWithOurs(chunks);
      assert.deepEqual(inPieces, readWithOurs([Buffer.concat(chunks)]));
    }),
    { numRuns: 500 },
  );
});
