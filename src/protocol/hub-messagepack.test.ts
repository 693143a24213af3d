import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import {
  hubMessagePack,
  messagePackCompletion,
  messagePackInvocation,
  messagePackStreamItem,
} from "./hub-messagepack.ts";
import { ProtocolError } from "./protocol-error.ts";

function lengthPrefixed(content: Uint8Array): Buffer {
  const prefix: number[] = [];
  let left = content.length;
  do {
    prefix.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.from(prefix), content]);
}

/** Reads a message of these elements. */
function read(...elements: unknown[]) {
  return readContent(encode(elements));
}

function readContent(content: Uint8Array) {
  const bytes = lengthPrefixed(content);
  return hubMessagePack.read(bytes, 0, bytes.length);
}

describe("reading a MessagePack hub message", () => {
  const refused: [elements: unknown[], text: string][] = [
    [[], "Reading 'messageType' as Int32 failed."],
    [["foo"], "Reading 'messageType' as Int32 failed."],
    [[2 ** 31], "Reading 'messageType' as Int32 failed."],
    [[1], "Reading map length for 'headers' failed."],
    [[1, null], "Reading map length for 'headers' failed."],
    [[1, "foo"], "Reading map length for 'headers' failed."],
    [[1, { a: "b", c: 42 }], "Reading 'headers[1].Value' as String failed."],
    [[1, { "": "b" }], "Null or empty key in header."],
    [[1, { a: "" }], "Null or empty value in header."],
    [[1, { a: null }], "Null or empty value in header."],
    [[1, {}], "Reading 'invocationId' as String failed."],
    [[1, {}, 42, "T", []], "Reading 'invocationId' as String failed."],
    [[1, {}, null], "Reading 'target' as String failed."],
    [[1, {}, null, 42, []], "Reading 'target' as String failed."],
    [[1, {}, null, null, []], "Null or empty target for Invocation message."],
    [[1, {}, null, "", []], "Null or empty target for Invocation message."],
    [[1, {}, null, "T"], "Reading 'arguments' failed."],
    [[1, {}, null, "T", null], "Reading array length for 'arguments' failed."],
    [[1, {}, null, "T", {}], "Reading array length for 'arguments' failed."],
    [[1, {}, null, "T", [], null], "Reading array length for 'streamIds' failed."],
    [[4, {}, null, "T", [], []], "Null or empty invocation ID for StreamInvocation message."],
    [[4, {}, "1", "", [], []], "Null or empty target for StreamInvocation message."],
    [[2, {}], "Reading 'invocationId' as String failed."],
    [[2, {}, ""], "Null or empty invocation ID for StreamItem message."],
    [[2, {}, "1"], "Reading 'item' failed."],
    [[3, {}, ""], "Null or empty invocation ID for Completion message."],
    [[3, {}, "1"], "Reading 'resultKind' as Int32 failed."],
    [[3, {}, "1", "abc"], "Reading 'resultKind' as Int32 failed."],
    [[3, {}, "1", 42], "Invalid invocation result kind."],
    [[3, {}, "1", 1], "Reading 'error' as String failed."],
    [[3, {}, "1", 1, 42], "Reading 'error' as String failed."],
    [[3, {}, "1", 3], "Reading 'result' failed."],
    [[5, {}, false], "Reading 'invocationId' as String failed."],
    [[5, {}, null], "Null or empty invocation ID for CancelInvocation message."],
    [[7], "Reading 'error' as String failed."],
    [[7, 42], "Reading 'error' as String failed."],
    [[7, null, 1], "Reading 'allowReconnect' as Boolean failed."],
    [[8], "Reading 'sequenceId' as Int64 failed."],
    [[9, 1.5], "Reading 'sequenceId' as Int64 failed."],
    [[9, "1"], "Reading 'sequenceId' as Int64 failed."],
  ];
  for (const [elements, text] of refused) {
    test(`refuses ${JSON.stringify(elements)}: ${text}`, () => {
      assert.throws(() => read(...elements), new ProtocolError(`InvalidDataException: ${text}`));
    });
  }

  test("refuses keys of headers that are no strings", () => {
    const text = "InvalidDataException: Reading 'headers[0].Key' as String failed.";
    const content = Uint8Array.from([0x92, 1, 0x82, 0x2a, 0xa3, 0x66, 0x6f, 0x6f]);
    assert.throws(() => readContent(content), new ProtocolError(text));
  });

  test("refuses what is no array, is cut short or is followed by more", () => {
    const malformed = new ProtocolError("InvalidDataException: Error reading MessagePack.");
    for (const content of [[], [0xc1], [0x81, 6, 6], [0xdc, 0], [0x91, 6, 6], [0x92, 6], [0x92, 6, 0xc1]]) {
      assert.throws(() => readContent(Uint8Array.from(content)), malformed);
    }
    const nested = [...Array.from({ length: 300 }, () => 0x91), 0];
    assert.throws(() => readContent(Uint8Array.from([0x92, 6, ...nested])), malformed);
  });

  test("takes integers of any width for types, kinds and sequence ids", () => {
    assert.equal(readContent(Uint8Array.from([0x91, 0xd3, 0, 0, 0, 0, 0, 0, 0, 6])).type, 6);
    assert.equal(readContent(Uint8Array.from([0x94, 0xcd, 0, 3, 0x80, 0xa1, 0x31, 0xd0, 2])).type, 3);
    for (const sequenceId of [-1, 0, 1, 2 ** 40]) assert.equal(read(9, sequenceId).sequenceId, sequenceId);
  });

  test("takes an empty invocation id for none, and a nil error for an empty one", () => {
    assert.equal("invocationId" in read(1, {}, "", "T", [], []), false);
    assert.equal(read(3, {}, "1", 1, null).error, "");
  });

  test("returns types that it does not know, whatever they hold", () => {
    for (const type of [-1, 0, 10, 99]) assert.equal(read(type, { a: [1] }, "x").type, type);
  });

  test("its bytes and its value are views into what was read", () => {
    const buffer = Buffer.concat([hubMessagePack.ping, lengthPrefixed(encode([2, {}, "1", [1, [null]]]))]);
    const { bytes, value } = hubMessagePack.read(buffer, 3, buffer.length);
    for (const view of [bytes, value]) assert.equal(view?.buffer, buffer.buffer);
    assert.deepEqual(value && decode(value), [1, [null]]);
  });
});

describe("finding the end of a MessagePack hub message", () => {
  const end = (...bytes: number[]) => hubMessagePack.findEnd(Buffer.from(bytes), 0, Number.MAX_SAFE_INTEGER);

  test("reads length prefixes of one to five bytes", () => {
    const lengths: [length: number, prefix: number[]][] = [
      [0, [0]],
      [53, [0x35]],
      [127, [0x7f]],
      [128, [0x80, 0x01]],
      [5248, [0x80, 0x29]],
      [16384, [0x80, 0x80, 0x01]],
      [2097152, [0x80, 0x80, 0x80, 0x01]],
    ];
    for (const [length, prefix] of lengths) {
      const message = Buffer.concat([Buffer.of(1, 2), Buffer.from(prefix), Buffer.alloc(length)]);
      assert.equal(hubMessagePack.findEnd(message, 2, message.length), message.length);
      assert.equal(hubMessagePack.findEnd(message.subarray(0, -1), 2, message.length), -1);
    }
    assert.equal(end(0xff, 0xff, 0xff, 0xff, 0x07), -1);
  });

  test("waits for the rest of a length prefix", () => {
    assert.equal(end(), -1);
    assert.equal(end(0x80), -1);
    assert.equal(end(0xff, 0xff, 0xff, 0xff), -1);
  });

  test("refuses lengths from 2 GiB on", () => {
    const tooLong = new ProtocolError("FormatException: Messages over 2GB in size are not supported.");
    assert.throws(() => end(0xff, 0xff, 0xff, 0xff, 0x08), tooLong);
    assert.throws(() => end(0x80, 0x80, 0x80, 0x80, 0x80), tooLong);
  });

  test("refuses a message that is too long as soon as it says so, its prefix counted", () => {
    const text =
      "InvalidDataException: The maximum message size of 4B was exceeded. The message size can be configured in AddHubOptions.";
    assert.throws(() => hubMessagePack.findEnd(Buffer.of(4), 0, 4), new ProtocolError(text));
    assert.equal(hubMessagePack.findEnd(Buffer.of(3), 0, 4), -1);
  });
});

describe("writing MessagePack hub messages", () => {
  test("an invocation has six elements, its arguments with 64-bit integers kept", () => {
    const message = hubMessagePack.invocation("Echo", Buffer.from('[9007199254740993,1.5,"\\u00e9"]'));
    const [length, ...content] = message;
    assert.equal(length, content.length);
    const elements = decode(Uint8Array.from(content), { useBigInt64: true });
    assert.deepEqual(elements, [1, {}, null, "Echo", [9007199254740993n, 1.5, "é"], []]);
  });

  test("an invocation that gets another id keeps every other byte", () => {
    const rest = "a154 93 cd0001 d3 0000000000000001 c7 01 05 ff 91 a130 c0".replaceAll(" ", "");
    for (const [head, id] of [
      ["970180", "c0"], // an element more than this version knows
      ["970180", "a0"],
      ["970180", "a131"],
      ["dc0007 cc01 de0001 a168 a176", "d90178"], // nothing in its smallest form
    ]) {
      const bytes = (idHex: string): Buffer =>
        lengthPrefixed(Buffer.from(`${head}${idHex}${rest}`.replaceAll(" ", ""), "hex"));
      const before = bytes(id ?? "");
      hubMessagePack.read(before, 0, before.length);
      assert.deepEqual(hubMessagePack.withInvocationId(before, "n"), bytes("a16e"));
      const long = "é".repeat(100);
      const after = hubMessagePack.withInvocationId(before, long);
      assert.deepEqual(after, bytes(`d9c8${Buffer.from(long).toString("hex")}`));
      assert.equal(hubMessagePack.read(after, 0, after.length).invocationId, long);
    }
  });

  test("messages of every length get the shortest prefix", () => {
    for (const length of [100, 128, 16_000, 17_000, 70_000, 2_100_000]) {
      const target = "é".repeat(length / 2);
      const message = hubMessagePack.invocation(target, Buffer.from('["x"]'));
      assert.equal(hubMessagePack.findEnd(message, 0, message.length), message.length);
      const content = encode([1, {}, null, target, ["x"], []]);
      assert.deepEqual(message, lengthPrefixed(content));
    }
  });

  test("messages do not share memory with those written later", () => {
    const first = hubMessagePack.ack(1);
    const copy = Buffer.from(first);
    hubMessagePack.ack(2);
    hubMessagePack.invocation("T", Buffer.from("[]"));
    assert.deepEqual(first, copy);
  });

  test("a Close always has three elements", () => {
    assert.deepEqual(hubMessagePack.close(undefined, true), Buffer.from("049307c0c3", "hex"));
    assert.deepEqual(hubMessagePack.close("é", false), Buffer.from("069307a2c3a9c2", "hex"));
  });
});

describe("reading MessagePack hub messages, on random bytes", () => {
  const element = fc.oneof(
    fc.constantFrom(null, {}, "", "T", true),
    fc.integer({ min: -2, max: 5 }),
    fc.array(fc.string()),
    fc.dictionary(fc.string(), fc.string()),
  );
  const message = fc
    .tuple(fc.nat(10), fc.array(element, { maxLength: 7 }))
    .map(([type, rest]) => encode([type, ...rest]));

  test("nothing but a ProtocolError is thrown, and nothing is read outside the extent", () => {
    fc.assert(
      fc.property(
        fc.oneof(message, fc.uint8Array()),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
        fc.nat(3),
        (content, edits, cut) => {
          const bytes = lengthPrefixed(content);
          for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
          const outcome = (buffer: Buffer, start: number, end: number): unknown => {
            try {
              const { bytes: whole, value, ...envelope } = hubMessagePack.read(buffer, start, end);
              return { ...envelope, whole: whole.toString("hex"), value: value?.toString("hex") };
            } catch (error) {
              assert.ok(error instanceof ProtocolError, String(error));
              return error.message;
            }
          };
          const end = Math.max(0, bytes.length - cut);
          const among = Buffer.concat([Buffer.of(0x80), bytes, Buffer.alloc(9, 0x90)]);
          assert.deepEqual(outcome(among, 1, 1 + end), outcome(bytes.subarray(0, end), 0, end));
          try {
            hubMessagePack.findEnd(bytes, 0, 100);
          } catch (error) {
            assert.ok(error instanceof ProtocolError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

test("values that are MessagePack already are written as they are, in the same messages", () => {
  const value = ["é", 2 ** 33, null, { a: [true, -1.5] }];
  const [json, packed] = [Buffer.from(JSON.stringify(value)), encode(value)];
  for (const id of [undefined, "s1"])
    assert.deepEqual(messagePackInvocation("say", packed, id), hubMessagePack.invocation("say", json, id));
  assert.deepEqual(messagePackStreamItem("1", packed), hubMessagePack.streamItem("1", json));
  assert.deepEqual(messagePackCompletion("1", packed), hubMessagePack.completionResult("1", json));
  const large = encode("x".repeat(100_000));
  const message = messagePackInvocation("say", encode([new Uint8Array(large)]));
  assert.equal(hubMessagePack.findEnd(message, 0, Infinity), message.length);
});
