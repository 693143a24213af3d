import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { MAX_DEPTH } from "./json-scan.ts";
import { jsonToMessagePack, messagePackBound } from "./json-to-messagepack.ts";
import { MessagePackCursor } from "./messagepack-cursor.ts";
import { messagePackToJson, NotJsonError } from "./messagepack-to-json.ts";

/** A value of every form of https://github.com/msgpack/msgpack/blob/master/spec.md. `bytes` are hexadecimal. */
interface GoldenRow {
  readonly name: string;
  readonly bytes: string;
  readonly json: string;
}

const rows: GoldenRow[] = JSON.parse(
  readFileSync(new URL("../../test/golden/messagepack-to-json.json", import.meta.url), "utf8"),
);

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

describe("MessagePack as JSON", () => {
  for (const { name, bytes, json } of rows)
    test(name, () => {
      assert.equal(messagePackToJson(bytesOf(bytes)), json);
      JSON.parse(json);
    });

  test("refuses every form that is cut short or followed by more", () => {
    for (const { bytes, name } of rows) {
      const whole = bytesOf(bytes);
      for (let length = 0; length < whole.length; length++)
        assert.throws(() => messagePackToJson(whole.subarray(0, length)), NotJsonError, name);
      assert.throws(() => messagePackToJson(Buffer.concat([whole, Buffer.of(0)])), NotJsonError, name);
    }
  });

  for (const [name, hex, message] of [
    ["NaN", "91 cb7ff8000000000000", "NaN is no number in JSON at byte 1"],
    ["infinity", "cb7ff0000000000000", "Infinity is no number in JSON at byte 0"],
    ["a float 32 that is negative infinity", "caff800000", "-Infinity is no number in JSON at byte 0"],
    ["NaN as a key", "81 ca7fc00000 01", "NaN is no number in JSON at byte 1"],
    ["an array as a key", "81 90 01", "an array or a map cannot be a key at byte 1"],
    ["a long array as a key", "81 dc0000 01", "an array or a map cannot be a key at byte 1"],
    ["a map as a key", "81 80 01", "an array or a map cannot be a key at byte 1"],
    ["the byte that means nothing", "91 c1", "unexpected byte 0xc1 at byte 1"],
    ["an array of more than there is", "dd ffffffff 01", "the value ends too early at byte 6"],
    ["nothing", "", "the value ends too early at byte 0"],
  ] as const)
    test(`has no form for ${name}`, () =>
      assert.throws(() => messagePackToJson(bytesOf(hex)), { name: "NotJsonError", message }));

  test("is nested as deep as hub messages may be, and no deeper", () => {
    const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.of(0xc0)]);
    assert.equal(
      messagePackToJson(nested(MAX_DEPTH)),
      `${"[".repeat(MAX_DEPTH)}null${"]".repeat(MAX_DEPTH)}`,
    );
    assert.throws(
      () => messagePackToJson(nested(MAX_DEPTH + 1)),
      /nested deeper than 256 levels at byte 256/,
    );
    const maps = Buffer.concat([Buffer.alloc(2 * 257, Buffer.of(0x81, 0xa0)), Buffer.of(0xc0)]);
    assert.throws(() => messagePackToJson(maps), /nested deeper than 256 levels/);
  });

  test("has the values of the independent encoder", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // The encoder writes -0 as 0, as JSON.stringify does.
        const expected: unknown = JSON.parse(JSON.stringify(value));
        assert.deepEqual(JSON.parse(messagePackToJson(Buffer.from(encode(value)))), expected);
      }),
      { numRuns: 300 },
    );
  });

  test("of JSON is that JSON again, with every digit of integers and the same doubles", () => {
    const number = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map(String),
      fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => JSON.stringify(value)),
    );
    const json = fc.letrec<{ value: string }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        number,
        fc.string().map((text) => JSON.stringify(text.toWellFormed())),
        fc.constantFrom("null", "true", "false"),
        fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
        fc
          .array(fc.tuple(fc.string(), tie("value")), { maxLength: 4 })
          .map((all) => `{${all.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`),
      ),
    })).value;
    fc.assert(
      fc.property(json, (text) => {
        const source = Buffer.from(text);
        const packed = Buffer.alloc(messagePackBound(source.length));
        const end = jsonToMessagePack(source, packed, 0);
        assert.equal(messagePackToJson(packed.subarray(0, end)), text);
      }),
      { numRuns: 500 },
    );
  });

  test("is written, or refused for a reason, whatever the bytes; and is written where hub messages take the value", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(
        fc.constantFrom(0x81, 0x91, 0x92, 0xa1, 0xc4, 0xc7, 0xcb, 0xd6, 0xd7, 0xdc, 0xde, 0x00, 0xff),
        {
          maxLength: 40,
        },
      ),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        const buffer = Buffer.from(given);
        const cursor = new MessagePackCursor(buffer, 0, buffer.length);
        const isWhole = cursor.skip() && cursor.atEnd;
        try {
          JSON.parse(messagePackToJson(buffer));
          assert.ok(isWhole);
        } catch (error) {
          assert.ok(error instanceof NotJsonError, String(error));
          if (isWhole) assert.match(error.message, /is no number|cannot be a key/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
