import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { DataType } from "./service-message.ts";
import { ServiceMessageWriter } from "./service-message-writer.ts";
import { connectionDataHead, encodeServiceMessage, writeServiceMessage } from "./service-protocol.ts";

const PING = Buffer.of(2, 0x91, 3);
const ping = { type: "ping", pairs: [] } as const;

function written(write: (out: ServiceMessageWriter) => void): Buffer {
  const out = new ServiceMessageWriter();
  write(out);
  return out.take();
}

describe("a writer of service messages", () => {
  test("is empty after what it wrote was taken, which it does not touch again", () => {
    const out = new ServiceMessageWriter();
    assert.equal(out.length, 0);
    writeServiceMessage(out, ping);
    assert.equal(out.length, PING.length);
    const first = out.take();
    assert.equal(out.length, 0);
    writeServiceMessage(out, { type: "serviceError", message: "x".repeat(5_000) });
    writeServiceMessage(out, ping);
    const second = out.take();
    assert.deepEqual(first, PING);
    assert.deepEqual(second.subarray(-PING.length), PING);
  });

  test("leaves room in front of what is taken, whatever its size", () => {
    const out = new ServiceMessageWriter(14);
    for (const bytes of [0, 1, 1_000, 100_000, 3]) {
      const payload = Buffer.alloc(bytes, 7);
      const message = { type: "connectionData", connectionId: "c", payload } as const;
      writeServiceMessage(out, message);
      out.connectionData(connectionDataHead("c"), payload, 0);
      const expected = encodeServiceMessage(message);
      assert.equal(out.length, 2 * expected.length);
      const taken = out.take();
      assert.deepEqual(taken.subarray(14), Buffer.concat([expected, expected]));
      assert.equal(taken.length, 14 + 2 * expected.length);
    }
  });

  test("keeps what is there while it grows", () => {
    const out = new ServiceMessageWriter(3);
    const messages = Array.from({ length: 300 }, (_, index) => ({
      type: "serviceError" as const,
      message: `${index}`.padEnd(index * 7, "é"),
    }));
    for (const message of messages) writeServiceMessage(out, message);
    assert.deepEqual(out.take().subarray(3), Buffer.concat(messages.map(encodeServiceMessage)));
  });

  test("gives messages of every length the shortest prefix", () => {
    const lengths: [length: number, prefix: string][] = [
      [127, "7f"],
      [128, "8001"],
      [16_383, "ff7f"],
      [16_384, "808001"],
      [2_097_151, "ffff7f"],
      [2_097_152, "80808001"],
    ];
    for (const [length, prefix] of lengths) {
      const out = new ServiceMessageWriter();
      const overhead = written((one) => one.binary(Buffer.alloc(length - 10))).length - (length - 10);
      const content = Buffer.alloc(length - overhead, 9);
      writeServiceMessage(out, ping);
      out.message(() => out.binary(content));
      writeServiceMessage(out, ping);
      const expected = Buffer.concat([PING, Buffer.from(prefix, "hex"), encode(content), PING]);
      assert.ok(out.take().equals(expected), `${length}`);
    }
  });

  test("writes a ConnectionData as any other message, in one go", () => {
    for (const connectionId of ["c", "x".repeat(40), "é".repeat(150)])
      for (const bytes of [0, 100, 255, 256, 16_384, 65_535, 65_536])
        for (const dataType of Object.values(DataType)) {
          const payload = Buffer.alloc(bytes, 5);
          const inOneGo = written((out) =>
            out.connectionData(connectionDataHead(connectionId), payload, dataType),
          );
          const message = { type: "connectionData", connectionId, payload, dataType } as const;
          assert.ok(inOneGo.equals(encodeServiceMessage(message)), `${bytes} bytes of type ${dataType}`);
        }
  });

  test("takes the smallest form of every element, as the package @msgpack/msgpack does", () => {
    const same = (value: unknown, write: (out: ServiceMessageWriter) => void): void =>
      assert.ok(written(write).equals(encode(value, { useBigInt64: true })));
    same(null, (out) => out.nil());
    same(true, (out) => out.boolean(true));
    same(false, (out) => out.boolean(false));
    for (const bytes of [0, 255, 256, 65_535, 65_536]) {
      const content = Buffer.alloc(bytes, 1);
      same(content, (out) => out.binary(content));
    }
    for (const length of [0, 15, 16, 65_535, 65_536]) {
      same(Array(length).fill(7), (out) => {
        out.arrayHeader(length);
        for (let left = length; left > 0; left--) out.integer(7);
      });
      const keys = Array.from({ length }, (_, index) => `${index}`);
      same(Object.fromEntries(keys.map((key) => [key, 7])), (out) => {
        out.mapHeader(length);
        for (const key of keys) {
          out.text(key);
          out.integer(7);
        }
      });
    }
    for (const value of [2n ** 32n, 2n ** 53n + 1n, 2n ** 64n - 1n]) same(value, (out) => out.uint64(value));
    for (const value of [0, 127, 128, 2 ** 32 - 1]) same(value, (out) => out.uint64(BigInt(value)));
    for (const ms of [0, 1, 999, 1_000, 2 ** 32 * 1_000 - 1, 2 ** 32 * 1_000, 2 ** 34 * 1_000])
      same(new Date(ms), (out) => out.timestamp(ms));
  });

  test("writes an integer of four bytes however small it is", () => {
    for (const value of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      const bytes = written((out) => out.int32(value));
      assert.equal(bytes[0], 0xd2);
      assert.equal(bytes.readInt32BE(1), value);
    }
  });
});
