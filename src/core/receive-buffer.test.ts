import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReceiveBuffer } from "./receive-buffer.ts";

test("what is appended and not consumed is there, in order, however it is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(300)), { maxLength: 40 }),
      (steps) => {
        const buffer = new ReceiveBuffer(Buffer.alloc(0));
        let expected = Buffer.alloc(0);
        for (const [chunk, consume] of steps) {
          buffer.append(Buffer.from(chunk));
          expected = Buffer.concat([expected, chunk]);
          const count = Math.min(consume, expected.length);
          buffer.consume(count);
          expected = expected.subarray(count);
          assert.ok(buffer.bytes.equals(expected));
          assert.equal(buffer.length, expected.length);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("it keeps a copy: the read buffer it was given may be used again", () => {
  const chunk = Buffer.from("abc");
  const buffer = new ReceiveBuffer(chunk);
  chunk.fill(0);
  assert.equal(String(buffer.bytes), "abc");
});
