import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { serviceGoldenRows } from "../../test/support/service-golden.ts";
import { ProtocolError } from "./protocol-error.ts";
import { encodeServiceMessage, findServiceMessageEnd, readServiceMessage } from "./service-protocol.ts";

const WHOLE = Number.MAX_SAFE_INTEGER;

function lengthPrefixed(content: Uint8Array): Buffer {
  const prefix: number[] = [];
  let left = content.length;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) prefix.push((left & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...prefix, left]), content]);
}

/** Reads a message of these elements. */
function read(...elements: unknown[]): ReturnType<typeof readServiceMessage> {
  return readContent(encode(elements, { useBigInt64: true }));
}

function readContent(content: Uint8Array): ReturnType<typeof readServiceMessage> {
  const bytes = lengthPrefixed(content);
  return readServiceMessage(bytes, 0, bytes.length);
}

describe("finding the end of a service message", () => {
  const end = (...bytes: number[]): number => findServiceMessageEnd(Buffer.from(bytes), 0, WHOLE);

  test("waits for its last byte, and finds the next one behind it", () => {
    const messages = serviceGoldenRows().map(({ bytes }) => bytes);
    const stream = Buffer.concat(messages);
    let start = 0;
    for (const { length } of messages) {
      for (let have = 0; have < length; have++)
        assert.equal(findServiceMessageEnd(stream.subarray(0, start + have), start, WHOLE), -1);
      assert.equal(findServiceMessageEnd(stream, start, WHOLE), start + length);
      start += length;
    }
  });

  test("reads length prefixes of one to five bytes", () => {
    for (const length of [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const message = Buffer.concat([Buffer.of(1), lengthPrefixed(Buffer.alloc(length))]);
      assert.equal(findServiceMessageEnd(message, 1, message.length), message.length);
      assert.equal(findServiceMessageEnd(message.subarray(0, -1), 1, message.length), -1);
    }
    assert.equal(end(0x80, 0x80, 0x80, 0x80, 0x01), -1);
    assert.equal(end(0xff, 0xff, 0xff, 0xff, 0x07), -1);
  });

  test("refuses lengths from 2 GiB on", () => {
    for (const last of [0x08, 0x7f, 0x80, 0xff])
      assert.throws(() => end(0xff, 0xff, 0xff, 0xff, last), ProtocolError);
  });

  test("refuses a message that is too long by its prefix alone, that counted", () => {
    const prefix = Buffer.of(0xac, 0x02);
    assert.throws(() => findServiceMessageEnd(prefix, 0, 301), ProtocolError);
    assert.equal(findServiceMessageEnd(prefix, 0, 302), -1);
    assert.throws(
      () => findServiceMessageEnd(Buffer.of(0xff, 0xff, 0xff, 0xff, 0x07), 0, 2 ** 30),
      ProtocolError,
    );
  });
});

describe("reading a service message", () => {
  const refused: [what: string, elements: unknown[]][] = [
    ["without a type", []],
    ["with a type that is no integer", ["3"]],
    ["of a handshake without a version", [1]],
    ["with a nil that stands for nothing", [18, "c", "g", null, {}]],
    ["with a text for a number", [20, "1", 1, "", {}]],
    ["with a number for a text", [11, 1, "g", {}]],
    ["with a text for a payload", [6, "c", "payload", {}]],
    ["without its payload", [6, "c"]],
    ["without its acknowledgement", [18, "c", "g"]],
    ["with an array for a map", [6, "c", Buffer.of(1), []]],
    ["with a map for an array", [10, {}, {}, {}]],
    ["with extensions named by texts", [11, "c", "g", { a: 1 }]],
    ["with a number beyond 32 bits", [23, "g", 2 ** 31, {}]],
    ["with a number below 32 bits", [23, "g", -(2 ** 31) - 1, {}]],
    ["with a number beyond 64 bits of a sign", [23, "g", 2n ** 64n - 1n, {}]],
    ["with a fraction", [23, "g", 1.5, {}]],
    ["with an integer for a time", [41, "t", {}, 638_000_000_000_000_000n, 1, {}]],
    ["with texts that are none", [7, ["c", 1], {}, {}]],
  ];
  for (const [what, elements] of refused)
    test(`refuses one ${what}`, () => assert.throws(() => read(...elements), ProtocolError));

  test("refuses what is no array, and what is cut short", () => {
    for (const content of [[], [0xc1], [0x83, 3, 1], [0xa1, 65], [0xdc, 0], [0xdd, 0xff, 0xff, 0xff, 0xff]])
      assert.throws(() => readContent(Uint8Array.from(content)), ProtocolError);
    for (const { bytes } of serviceGoldenRows())
      for (let cut = 1; cut < bytes.length; cut++)
        assert.throws(() => readServiceMessage(bytes, 0, cut), ProtocolError);
  });

  test("says what is wrong, and nothing of what it holds", () => {
    const text =
      "InvalidDataException: This is no message of the service protocol: ackId of ack is missing or broken.";
    assert.throws(() => read(20, "secret", 1, "secret", {}), new ProtocolError(text));
  });

  test("passes types on that it does not know, whatever they hold", () => {
    for (const id of [0, 44, 127, 128, 2 ** 31 - 1, -1])
      assert.deepEqual(read(id, { a: [1] }), { type: "unknown", id });
  });

  test("takes integers of every width", () => {
    for (const integer of [
      "05",
      "cc05",
      "cd0005",
      "ce00000005",
      "cf0000000000000005",
      "d005",
      "d200000005",
      "d30000000000000005",
    ]) {
      const message = readContent(Buffer.from(`94cc17a167${integer}8101${integer}`, "hex"));
      assert.deepEqual(message, { type: "checkGroupExistence", group: "g", ackId: 5, tracingId: "5" });
    }
  });

  test("takes nil for an empty text, an empty payload, no names and no extensions", () => {
    assert.deepEqual(read(5, null, null, null, null), {
      type: "closeConnection",
      connectionId: "",
      error: "",
      headers: [],
    });
    assert.deepEqual(read(6, null, null, null), {
      type: "connectionData",
      connectionId: "",
      payload: Buffer.alloc(0),
    });
    assert.deepEqual(read(7, null, null, null), {
      type: "multiConnectionData",
      connectionIds: [],
      payload: [],
    });
  });

  test("ignores a key of a ping without a value", () => {
    assert.deepEqual(read(3, "a", "b", "c"), { type: "ping", pairs: [["a", "b"]] });
  });

  test("takes texts that are not UTF-8, and keys of all names", () => {
    assert.deepEqual(readContent(Buffer.of(0x94, 11, 0xa1, 0xff, 0xa1, 0x67, 0x80)), {
      type: "joinGroup",
      connectionId: "\ufffd",
      group: "g",
    });
    const map = Object.fromEntries([["__proto__", Buffer.of(1)]]);
    const { payload } = read(10, [], map, {}) as { payload: unknown };
    assert.deepEqual(payload, [["__proto__", Buffer.of(1)]]);
  });

  test("leaves out what an extension says by default", () => {
    const payload = Buffer.of(1);
    const plain = encodeServiceMessage({ type: "connectionData", connectionId: "c", payload });
    for (const dataType of [undefined, 0])
      for (const isPartial of [undefined, false]) {
        const message = { type: "connectionData", connectionId: "c", payload } as const;
        const said = {
          ...message,
          ...(dataType === 0 && { dataType }),
          ...(isPartial === false && { isPartial }),
        };
        assert.deepEqual(encodeServiceMessage(said), plain);
      }
  });

  test("copies no payload: it is a view of what was read", () => {
    const payload = Buffer.from("payload");
    const pay = [["json", payload]] as const;
    const written = [
      encodeServiceMessage({ type: "connectionData", connectionId: "c", payload }),
      encodeServiceMessage({ type: "connectionData", connectionId: "c", payload, isPartial: true }),
      encodeServiceMessage({ type: "broadcastData", excluded: [], payload: pay }),
      encodeServiceMessage({ type: "ack", ackId: 1, status: 1, message: "", payload }),
    ];
    for (const bytes of written) {
      const message = readServiceMessage(bytes, 0, bytes.length);
      assert.ok("payload" in message && message.payload !== undefined);
      const view = Buffer.isBuffer(message.payload) ? message.payload : message.payload[0]?.[1];
      assert.deepEqual(view, payload);
      assert.equal(view?.buffer, bytes.buffer);
      assert.equal(view?.byteOffset, bytes.byteOffset + bytes.indexOf(payload));
    }
  });
});
