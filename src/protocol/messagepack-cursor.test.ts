import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ExtData, encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { MAX_DEPTH } from "./json-scan.ts";
import { MessagePackCursor } from "./messagepack-cursor.ts";
import { writeInteger, writeString } from "./messagepack-write.ts";

function cursorOn(...bytes: (number | Uint8Array)[]): MessagePackCursor {
  const content = Buffer.concat(bytes.map((part) => (typeof part === "number" ? Buffer.of(part) : part)));
  return new MessagePackCursor(content, 0, content.length);
}

/** One element of every type, each the smallest and largest of its header form that is worth its bytes. */
const ELEMENTS: [name: string, bytes: Buffer][] = [
  ["positive fixint", Buffer.of(0x7f)],
  ["negative fixint", Buffer.of(0xe0)],
  ["nil", Buffer.of(0xc0)],
  ["false", Buffer.of(0xc2)],
  ["true", Buffer.of(0xc3)],
  ["fixmap", Buffer.of(0x81, 1, 2)],
  ["fixarray", Buffer.of(0x92, 1, 0x91, 2)],
  ["fixstr", Buffer.of(0xa2, 65, 66)],
  ["bin 8", Buffer.of(0xc4, 1, 0)],
  ["bin 16", Buffer.of(0xc5, 0, 1, 0)],
  ["bin 32", Buffer.of(0xc6, 0, 0, 0, 1, 0)],
  ["ext 8", Buffer.of(0xc7, 1, 5, 0)],
  ["ext 16", Buffer.of(0xc8, 0, 0, 5)],
  ["ext 32", Buffer.of(0xc9, 0, 0, 0, 1, 5, 0)],
  ["float 32", Buffer.of(0xca, 0, 0, 0, 0)],
  ["float 64", Buffer.of(0xcb, 0, 0, 0, 0, 0, 0, 0, 0)],
  ["uint 8", Buffer.of(0xcc, 0)],
  ["uint 16", Buffer.of(0xcd, 0, 0)],
  ["uint 32", Buffer.of(0xce, 0, 0, 0, 0)],
  ["uint 64", Buffer.of(0xcf, 0, 0, 0, 0, 0, 0, 0, 0)],
  ["int 8", Buffer.of(0xd0, 0)],
  ["int 16", Buffer.of(0xd1, 0, 0)],
  ["int 32", Buffer.of(0xd2, 0, 0, 0, 0)],
  ["int 64", Buffer.of(0xd3, 0, 0, 0, 0, 0, 0, 0, 0)],
  ["fixext 1", Buffer.of(0xd4, 1, 0)],
  ["fixext 2", Buffer.of(0xd5, 1, 0, 0)],
  ["fixext 4, a timestamp", Buffer.of(0xd6, 0xff, 0x3c, 0xa8, 0x34, 0x5f)],
  ["fixext 8", Buffer.of(0xd7, 0xff, 0, 0, 0, 0, 0, 0, 0, 0)],
  ["fixext 16", Buffer.concat([Buffer.of(0xd8, 1), Buffer.alloc(16)])],
  ["str 8", Buffer.of(0xd9, 1, 65)],
  ["str 16", Buffer.of(0xda, 0, 1, 65)],
  ["str 32", Buffer.of(0xdb, 0, 0, 0, 1, 65)],
  ["array 16", Buffer.of(0xdc, 0, 1, 0xc0)],
  ["array 32", Buffer.of(0xdd, 0, 0, 0, 1, 0xc0)],
  ["map 16", Buffer.of(0xde, 0, 1, 0xc0, 0xc0)],
  ["map 32", Buffer.of(0xdf, 0, 0, 0, 1, 0xc0, 0xc0)],
];

describe("skipping a MessagePack element", () => {
  for (const [name, bytes] of ELEMENTS) {
    test(`goes over a whole ${name}, and over no part of one`, () => {
      const among = Buffer.concat([Buffer.of(0xc1), bytes, Buffer.of(0xc1)]);
      const cursor = new MessagePackCursor(among, 1, among.length - 1);
      assert.equal(cursor.skip(), true);
      assert.equal(cursor.atEnd, true);
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(new MessagePackCursor(among, 1, 1 + length).skip(), false);
      }
    });
  }

  test("refuses the one byte that MessagePack never uses", () => {
    assert.equal(cursorOn(0xc1).skip(), false);
    assert.equal(cursorOn(0x91, 0xc1).skip(), false);
  });

  test("believes no count and no length beyond the extent", () => {
    for (const first of [0xc6, 0xc9, 0xdb, 0xdd, 0xdf]) {
      assert.equal(cursorOn(first, 0xff, 0xff, 0xff, 0xff, 0).skip(), false);
    }
  });

  test("follows no more levels than it has room for", () => {
    for (const level of [Buffer.of(0x91), Buffer.of(0x81, 0)]) {
      const nested = (levels: number) =>
        cursorOn(...Array.from({ length: levels }, () => level), Buffer.of(0));
      assert.equal(nested(MAX_DEPTH).skip(), true);
      assert.equal(nested(MAX_DEPTH + 1).skip(), false);
    }
    assert.equal(cursorOn(Buffer.alloc(100_000, 0x91)).skip(), false);
  });

  test("goes over whatever the package @msgpack/msgpack writes", () => {
    const leaf = fc.oneof(
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 300 }),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => new ExtData(1, bytes)),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("value")),
        fc.dictionary(fc.string(), tie("value")),
      ),
    }));
    fc.assert(
      fc.property(value, fc.nat(), (element, cut) => {
        const bytes = encode(element);
        const cursor = cursorOn(bytes, Buffer.of(0xc1));
        assert.equal(cursor.skip(), true);
        assert.equal(cursor.position, bytes.length);
        assert.equal(cursorOn(bytes.subarray(0, cut % bytes.length)).skip(), false);
      }),
      { numRuns: 300 },
    );
  });

  test("ends within the extent on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), fc.nat(60), (bytes, from, to) => {
        const start = Math.min(from, bytes.length);
        const end = Math.max(start, Math.min(to, bytes.length));
        const cursor = new MessagePackCursor(Buffer.from(bytes), start, end);
        const whole = cursor.skip();
        assert.ok(cursor.position <= end);
        const alone = cursorOn(bytes.subarray(start, end));
        assert.equal(alone.skip(), whole);
        assert.equal(alone.position, cursor.position - start);
      }),
      { numRuns: 500 },
    );
  });
});

describe("reading a MessagePack element", () => {
  test("takes integers of every width", () => {
    const integers: [number, number[]][] = [
      [127, [0x7f]],
      [-1, [0xff]],
      [-32, [0xe0]],
      [5, [0xcc, 5]],
      [5, [0xcd, 0, 5]],
      [5, [0xce, 0, 0, 0, 5]],
      [5, [0xcf, 0, 0, 0, 0, 0, 0, 0, 5]],
      [-5, [0xd0, 0xfb]],
      [-5, [0xd1, 0xff, 0xfb]],
      [-5, [0xd2, 0xff, 0xff, 0xff, 0xfb]],
      [-5, [0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb]],
      [2 ** 53 - 1, [0xd3, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ];
    for (const [value, bytes] of integers) assert.equal(cursorOn(...bytes).integer(), value);
    for (const bytes of [[0xc0], [0xa1, 0x31], [0xcb, 0, 0, 0, 0, 0, 0, 0, 0], [0xcd, 0], []]) {
      assert.equal(cursorOn(...bytes).integer(), undefined);
    }
  });

  test("takes all digits of an integer of any width", () => {
    const integers = [0n, 127n, 128n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
    for (const value of [...integers, -1n, -33n, -129n, -(2n ** 53n) - 1n, -(2n ** 63n)])
      assert.equal(cursorOn(encode(value, { useBigInt64: true })).bigInteger(), value);
    for (const value of [0, 127, 128, 65_536, 2 ** 32 - 1, -1, -33])
      assert.equal(cursorOn(encode(value)).bigInteger(), BigInt(value));
    for (const bytes of [[0xc0], [0xcb, 0, 0, 0, 0, 0, 0, 0, 0], [0xcf, 0, 0, 0, 0, 0, 0, 0], [0xd3], []])
      assert.equal(cursorOn(...bytes).bigInteger(), undefined);
  });

  test("takes timestamps of every size in whole milliseconds", () => {
    const seconds = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 34 - 1, 2 ** 34, 8.64e12 - 1, -1, -62_135_596_800];
    for (const ms of seconds.flatMap((second) => [0, 1, 999].map((more) => second * 1_000 + more)))
      assert.equal(cursorOn(encode(new Date(ms))).timestampMs(), ms);
    assert.equal(cursorOn(0xd7, 0xff, 0, 0, 0, 4, 0, 0, 0, 1).timestampMs(), 1_000, "a nanosecond later");
    const ends = [8.64e12, 8.64e12 + 1, -8.64e12, -8.64e12 - 1].map((second) => {
      const content = Buffer.alloc(12);
      content.writeBigInt64BE(BigInt(second), 4);
      return cursorOn(0xc7, 12, 0xff, content).timestampMs();
    });
    assert.deepEqual(ends, [8.64e15, undefined, -8.64e15, undefined]);
    for (const bytes of [
      [0xd6, 1, 0, 0, 0, 0], // of another type
      [0xc7, 5, 0xff, 0, 0, 0, 0, 0], // of another size
      [0xd6, 0xff, 0, 0, 0],
      [0xd7, 0xff],
      [0xc7],
      [0xc0],
      [7],
      [],
    ])
      assert.equal(cursorOn(...bytes).timestampMs(), undefined);
  });

  test("goes over a nil where one is next", () => {
    const cursor = cursorOn(0xc0, 7);
    assert.equal(cursor.takeNil(), true);
    assert.equal(cursor.takeNil(), false);
    assert.equal(cursor.integer(), 7);
    assert.equal(cursor.takeNil(), false);
  });

  test("takes strings with every header, and nil for none", () => {
    assert.equal(cursorOn(0xa2, 0xc3, 0xa9).text(), "é");
    assert.equal(cursorOn(0xa0).text(), "");
    assert.equal(cursorOn(0xd9, 1, 65).text(), "A");
    assert.equal(cursorOn(0xda, 0, 1, 65).text(), "A");
    assert.equal(cursorOn(0xdb, 0, 0, 0, 1, 65).text(), "A");
    assert.equal(cursorOn(0xa1, 0xff).text(), "\ufffd");
    assert.equal(cursorOn(0xc0).text(), null);
    for (const bytes of [[0xa2, 65], [0xd9], [0xc4, 1, 65], [7], []]) {
      assert.equal(cursorOn(...bytes).text(), undefined);
    }
  });

  test("takes arrays, maps, booleans and binaries for what they are only", () => {
    assert.equal(cursorOn(0x93).arrayLength(), 3);
    assert.equal(cursorOn(0xdc, 1, 0).arrayLength(), 256);
    assert.equal(cursorOn(0xdd, 0, 1, 0, 0).arrayLength(), 65536);
    assert.equal(cursorOn(0x83).arrayLength(), undefined);
    assert.equal(cursorOn(0xdc, 1).arrayLength(), undefined);
    assert.equal(cursorOn(0x83).mapLength(), 3);
    assert.equal(cursorOn(0xde, 1, 0).mapLength(), 256);
    assert.equal(cursorOn(0xdf, 0, 1, 0, 0).mapLength(), 65536);
    assert.equal(cursorOn(0xc0).mapLength(), undefined);
    assert.equal(cursorOn(0xc2).boolean(), false);
    assert.equal(cursorOn(0xc3).boolean(), true);
    assert.equal(cursorOn(0xc0).boolean(), undefined);
    assert.deepEqual(cursorOn(0xc4, 2, 1, 2).binary(), Buffer.of(1, 2));
    assert.deepEqual(cursorOn(0xc5, 0, 1, 9).binary(), Buffer.of(9));
    assert.deepEqual(cursorOn(0xc6, 0, 0, 0, 0).binary(), Buffer.alloc(0));
    assert.equal(cursorOn(0xc4, 2, 1).binary(), undefined);
    assert.equal(cursorOn(0xa1, 65).binary(), undefined);
  });
});

describe("writing a MessagePack element", () => {
  test("takes the smallest form of an integer, as the package @msgpack/msgpack does", () => {
    const edges = [0, 7, 8, 15, 16, 31, 32, 53].flatMap((bit) => [-1, 0, 1].map((by) => 2 ** bit + by));
    const integers = [...edges, -32, -33].flatMap((edge) => [edge, -edge]).filter(Number.isSafeInteger);
    for (const integer of integers) {
      const out = Buffer.alloc(9);
      assert.deepEqual(
        out.subarray(0, writeInteger(out, 0, integer)),
        Buffer.from(encode(integer)),
        `${integer}`,
      );
    }
  });

  test("takes the smallest header of a string, as the package @msgpack/msgpack does", () => {
    for (const bytes of [0, 1, 31, 32, 255, 256, 65535, 65536]) {
      const text = "x".repeat(bytes);
      const out = Buffer.alloc(bytes + 5);
      assert.deepEqual(out.subarray(0, writeString(out, 0, text)), Buffer.from(encode(text)));
    }
    const out = Buffer.alloc(30);
    assert.deepEqual(out.subarray(0, writeString(out, 0, "é😀")), Buffer.from(encode("é😀")));
  });
});
