import assert from "node:assert/strict";
import test from "node:test";
import { clientClose, clientFrame, clientText, FIN } from "../../test/support/client-frame.ts";
import { WebSocketError } from "./websocket-error.ts";
import { type WebSocketFrameHandler, WebSocketReader } from "./websocket-reader.ts";

/** Puts messages together and writes down everything in order. */
class Recorder implements WebSocketFrameHandler {
  readonly events: string[] = [];
  #message: Buffer[] = [];

  onData(piece: Buffer, isBinary: boolean, endOfMessage: boolean): void {
    assert.ok(piece.length > 0 || endOfMessage, "an empty piece ends a message");
    this.#message.push(Buffer.from(piece));
    if (!endOfMessage) return;
    this.events.push(`${isBinary ? "binary" : "text"} ${Buffer.concat(this.#message).toString("hex")}`);
    this.#message = [];
  }

  onPing(payload: Buffer): void {
    this.events.push(`ping ${payload.toString("hex")}`);
  }

  onPong(payload: Buffer): void {
    this.events.push(`pong ${payload.toString("hex")}`);
  }

  onClose(code: number, reason: string): void {
    this.events.push(`close ${code} ${reason}`);
  }
}

function readAll(chunks: readonly Buffer[]): string[] {
  const recorder = new Recorder();
  const reader = new WebSocketReader();
  for (const chunk of chunks) reader.read(Buffer.from(chunk), recorder);
  return recorder.events;
}

/** Reads `bytes` whole, then cut in two at every place (every 997th of long ones), then byte by byte (if short). */
function assertReads(bytes: Buffer, expected: readonly string[]): void {
  assert.deepEqual(readAll([bytes]), expected, "whole");
  const step = bytes.length > 2_000 ? 997 : 1;
  for (let cut = 1; cut < Math.min(bytes.length, 20); cut++)
    assert.deepEqual(readAll([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `cut at ${cut}`);
  for (let cut = 20; cut < bytes.length; cut += step)
    assert.deepEqual(readAll([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `cut at ${cut}`);
  if (step === 1)
    assert.deepEqual(readAll([...bytes].map((byte) => Buffer.from([byte]))), expected, "byte by byte");
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const asText = (text: string): string => `text ${Buffer.from(text).toString("hex")}`;

const rows: readonly { name: string; bytes: Buffer; events: readonly string[] }[] = [
  {
    name: "RFC 6455 §5.7: a single-frame masked text message",
    bytes: hex("81 85 37fa213d 7f9f4d5158"),
    events: [asText("Hello")],
  },
  {
    name: "RFC 6455 §5.7: a masked ping response",
    bytes: hex("8a 85 37fa213d 7f9f4d5158"),
    events: ["pong 48656c6c6f"],
  },
  {
    name: "RFC 6455 §5.7: a fragmented message (masked with zeros)",
    bytes: hex("01 83 00000000 48656c 80 82 00000000 6c6f"),
    events: [asText("Hello")],
  },
  {
    name: "RFC 6455 §5.7: 256 bytes binary (masked with zeros)",
    bytes: Buffer.concat([hex("82 fe 0100 00000000"), Buffer.alloc(256, 7)]),
    events: [`binary ${"07".repeat(256)}`],
  },
  {
    name: "RFC 6455 §5.4: control frames between and not inside of the fragments of a message",
    bytes: Buffer.concat([
      clientFrame({ first: 2, payload: Buffer.from("abc") }),
      clientFrame({ first: FIN | 9, payload: Buffer.from("p") }),
      clientFrame({ first: 0, payload: Buffer.from("def") }),
      clientFrame({ first: FIN | 10 }),
      clientFrame({ first: FIN, payload: Buffer.from("g") }),
      clientText("next"),
    ]),
    events: ["ping 70", "pong ", "binary 61626364656667", asText("next")],
  },
  {
    name: "empty messages, empty fragments and an empty end",
    bytes: Buffer.concat([
      clientText(""),
      clientFrame({ first: 1 }),
      clientFrame({ first: 0 }),
      clientFrame({ first: 0, payload: Buffer.from("x") }),
      clientFrame({ first: FIN }),
      clientFrame({ first: FIN | 2 }),
    ]),
    events: ["text ", asText("x"), "binary "],
  },
  {
    name: "characters of two to four bytes cut by fragments",
    bytes: Buffer.concat([
      clientFrame({ first: 1, payload: hex("c3") }),
      clientFrame({ first: 0, payload: hex("a9 e2 82") }),
      clientFrame({ first: 0, payload: hex("ac f0") }),
      clientFrame({ first: 0, payload: hex("9f 98") }),
      clientFrame({ first: FIN, payload: hex("80") }),
      clientText("ünd"),
    ]),
    events: [asText("é€😀"), asText("ünd")],
  },
  {
    name: "bytes that are no UTF-8 in a binary message",
    bytes: clientFrame({ first: FIN | 2, payload: hex("fffe80") }),
    events: ["binary fffe80"],
  },
  {
    name: "a close frame with code and reason",
    bytes: clientClose(1000, "bye ü"),
    events: ["close 1000 bye ü"],
  },
  {
    name: "a close frame without a code, which is 1005",
    bytes: clientFrame({ first: FIN | 8 }),
    events: ["close 1005 "],
  },
  {
    name: "nothing that follows a close frame",
    bytes: Buffer.concat([clientText("a"), clientClose(4001), clientText("b"), hex("ffff")]),
    events: [asText("a"), "close 4001 "],
  },
];

for (const { name, bytes, events } of rows) {
  test(`reads ${name}, cut anywhere`, () => assertReads(bytes, events));
}

for (const length of [0, 1, 125, 126, 65_535, 65_536, 65_537]) {
  test(`reads a message of ${length} bytes, cut anywhere`, () => {
    const payload = Buffer.from(Array.from({ length }, (_, at) => at % 120));
    const bytes = Buffer.concat([clientFrame({ first: FIN | 1, payload }), clientText("next")]);
    assertReads(bytes, [`text ${payload.toString("hex")}`, asText("next")]);
  });
}

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]) {
  test(`accepts close code ${code}`, () => assertReads(clientClose(code), [`close ${code} `]));
}

const zeros = "00000000";
const violations: readonly { rule: string; bytes: Buffer; closeCode: number; text: RegExp }[] = [
  ...[0x40, 0x20, 0x10].map((bit) => ({
    rule: `reserved bit 0x${bit.toString(16)} of a data frame must be 0 (§5.2)`,
    bytes: clientFrame({ first: FIN | bit | 1 }),
    closeCode: 1002,
    text: /reserved bit/,
  })),
  {
    rule: "reserved bits of a control frame must be 0 (§5.2)",
    bytes: clientFrame({ first: FIN | 0x40 | 9 }),
    closeCode: 1002,
    text: /reserved bit/,
  },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({
    rule: `opcode ${opcode} is reserved (§5.2)`,
    bytes: clientFrame({ first: FIN | opcode }),
    closeCode: 1002,
    text: /opcode/,
  })),
  {
    rule: "a client must mask its frames (§5.1)",
    bytes: hex("81 05 48656c6c6f"),
    closeCode: 1002,
    text: /not masked/,
  },
  {
    rule: "a client must mask empty frames (§5.1)",
    bytes: hex("81 00"),
    closeCode: 1002,
    text: /not masked/,
  },
  ...[8, 9, 10].flatMap((opcode) => [
    {
      rule: `a control frame (${opcode}) must not be fragmented (§5.5)`,
      bytes: clientFrame({ first: opcode }),
      closeCode: 1002,
      text: /fragmented/,
    },
    {
      rule: `a control frame (${opcode}) must not have 126 bytes (§5.5)`,
      bytes: clientFrame({ first: FIN | opcode, payload: Buffer.alloc(126) }),
      closeCode: 1002,
      text: /125/,
    },
    {
      rule: `a control frame (${opcode}) must not have a 64-bit length (§5.5)`,
      bytes: hex(`${(FIN | opcode).toString(16)} ff 0000000000000001 ${zeros} 00`),
      closeCode: 1002,
      text: /125/,
    },
  ]),
  {
    rule: "a continuation needs a message to continue (§5.4)",
    bytes: clientFrame({ first: FIN }),
    closeCode: 1002,
    text: /continu/,
  },
  {
    rule: "a continuation cannot follow a complete message (§5.4)",
    bytes: Buffer.concat([clientFrame({ first: FIN | 2 }), clientFrame({ first: 0 })]),
    closeCode: 1002,
    text: /continu/,
  },
  {
    rule: "a message must not start inside of another (§5.4)",
    bytes: Buffer.concat([clientFrame({ first: 1 }), clientFrame({ first: FIN | 1 })]),
    closeCode: 1002,
    text: /inside of another/,
  },
  {
    rule: "125 bytes must not use a 16-bit length (§5.2)",
    bytes: hex(`82 fe 007d ${zeros}`),
    closeCode: 1002,
    text: /fewest bytes/,
  },
  {
    rule: "65535 bytes must not use a 64-bit length (§5.2)",
    bytes: hex(`82 ff 000000000000ffff ${zeros}`),
    closeCode: 1002,
    text: /fewest bytes/,
  },
  {
    rule: "a length must not have its highest bit set (§5.2)",
    bytes: hex(`82 ff 8000000000000000 ${zeros}`),
    closeCode: 1002,
    text: /highest bit/,
  },
  {
    rule: "a length above 2^53 - 1 is refused",
    bytes: hex(`82 ff 0020000000000000 ${zeros}`),
    closeCode: 1009,
    text: /too large/,
  },
  {
    rule: "the greatest legal length is refused",
    bytes: hex(`82 ff 7fffffffffffffff ${zeros}`),
    closeCode: 1009,
    text: /too large/,
  },
  {
    rule: "a text message must be UTF-8 (§5.6)",
    bytes: clientFrame({ first: FIN | 1, payload: hex("61ff") }),
    closeCode: 1007,
    text: /UTF-8/,
  },
  {
    rule: "a text message must not hold a surrogate (§5.6)",
    bytes: clientFrame({ first: FIN | 1, payload: hex("eda080") }),
    closeCode: 1007,
    text: /UTF-8/,
  },
  {
    rule: "a text message must not end inside of a character (§5.6)",
    bytes: clientFrame({ first: FIN | 1, payload: hex("61c3") }),
    closeCode: 1007,
    text: /UTF-8/,
  },
  {
    rule: "a fragmented text message must not end inside of a character (§5.6)",
    bytes: Buffer.concat([clientFrame({ first: 1, payload: hex("e282") }), clientFrame({ first: FIN })]),
    closeCode: 1007,
    text: /UTF-8/,
  },
  {
    rule: "a fragment of text is checked before the message is complete (§8.1)",
    bytes: clientFrame({ first: 1, payload: hex("61c120") }),
    closeCode: 1007,
    text: /UTF-8/,
  },
  {
    rule: "a close code has two bytes (§5.5.1)",
    bytes: clientFrame({ first: FIN | 8, payload: hex("03") }),
    closeCode: 1002,
    text: /one byte/,
  },
  {
    rule: "a close reason must be UTF-8 (§5.5.1)",
    bytes: clientFrame({ first: FIN | 8, payload: hex("03e8ff") }),
    closeCode: 1007,
    text: /UTF-8/,
  },
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => ({
    rule: `close code ${code} must not be sent (§7.4)`,
    bytes: clientClose(code),
    closeCode: 1002,
    text: /close code/,
  })),
];

for (const { rule, bytes, closeCode, text } of violations) {
  test(`refuses: ${rule}`, () => {
    const refused = (error: unknown): boolean =>
      error instanceof WebSocketError && error.closeCode === closeCode && text.test(error.message);
    assert.throws(() => readAll([bytes]), refused);
    assert.throws(() => readAll([clientText("before"), bytes]), refused);
    assert.throws(() => readAll([...bytes].map((byte) => Buffer.from([byte]))), refused);
  });
}

test("what came before a violation in the same chunk is handed over", () => {
  const recorder = new Recorder();
  const chunk = Buffer.concat([clientText("a"), clientFrame({ first: FIN | 9 }), hex("81 00")]);
  assert.throws(() => new WebSocketReader().read(chunk, recorder), WebSocketError);
  assert.deepEqual(recorder.events, [asText("a"), "ping "]);
});

test("a frame of 2^53 - 1 bytes is read piece by piece, none of it kept", () => {
  let received = 0;
  const handler = new Recorder();
  handler.onData = (piece, isBinary, endOfMessage) => {
    assert.deepEqual([isBinary, endOfMessage], [true, false]);
    received += piece.length;
  };
  const reader = new WebSocketReader();
  reader.read(hex("82 ff 001fffffffffffff 01020304"), handler);
  for (let count = 0; count < 100; count++) reader.read(Buffer.alloc(65_536), handler);
  assert.equal(received, 6_553_600);
});

test("a piece is a view into the chunk that brought it", () => {
  const chunk = clientText("Hello");
  const handler = new Recorder();
  let piece: Buffer | undefined;
  handler.onData = (view) => {
    piece = view;
  };
  new WebSocketReader().read(chunk, handler);
  assert.equal(piece?.buffer, chunk.buffer);
  assert.equal(chunk.subarray(6).toString(), "Hello");
});
