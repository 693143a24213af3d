import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { type ServiceGoldenRow, serviceGoldenRows } from "../../test/support/service-golden.ts";
import { contentStart } from "./length-prefix.ts";
import { MessagePackCursor } from "./messagepack-cursor.ts";
import { layouts } from "./service-layout.ts";
import { encodeServiceMessage, findServiceMessageEnd, readServiceMessage } from "./service-protocol.ts";

const WHOLE = Number.MAX_SAFE_INTEGER;
const PING = 3;
const ACK = 20;
const LATER: readonly Uint8Array[] = [encode(null), encode([1, { a: [] }]), encode(new Date(1.5))];
/** A pair of an extension map that nobody knows, and where among the others. */
const UNKNOWN_PAIR = Buffer.concat([Buffer.of(0xcd, 1, 0), encode([null, "x", { 1: 2 }])]);

/** The array that is in a row. */
function contentOf(row: ServiceGoldenRow): Buffer {
  return row.bytes.subarray(contentStart(row.bytes, 0, row.bytes.length));
}

/** The array after its header, with how many elements it has. */
function elementsOf(row: ServiceGoldenRow): { readonly count: number; readonly elements: Buffer } {
  const content = contentOf(row);
  const cursor = new MessagePackCursor(content, 0, content.length);
  const count = cursor.arrayLength() ?? 0;
  return { count, elements: content.subarray(cursor.position) };
}

/** An array with its length prefix. */
function framed(count: number, ...elements: Uint8Array[]): Buffer {
  const content = Buffer.concat([Buffer.of(0xdc, count >> 8, count), ...elements]);
  return Buffer.concat([Buffer.of((content.length & 0x7f) | 0x80, content.length >> 7), content]);
}

/** The row with one extension more, in front of its own or behind them; `undefined` where it has none. */
function withUnknownExtension(row: ServiceGoldenRow, isFirst: boolean): Buffer | undefined {
  const { count, elements } = elementsOf(row);
  const parts = layouts.get(elements[0] as number)?.parts ?? [];
  const index = 1 + parts.findIndex(({ name }) => name === "extensions");
  if (index === 0 || index >= count) return undefined;
  const cursor = new MessagePackCursor(elements, 0, elements.length);
  for (let left = index; left > 0; left--) assert.ok(cursor.skip());
  const start = cursor.position;
  assert.ok(cursor.skip());
  const own = elements.subarray(start + 1, cursor.position);
  const header = Buffer.of((elements[start] as number) + 1);
  const pairs = isFirst ? [UNKNOWN_PAIR, own] : [own, UNKNOWN_PAIR];
  return framed(count, elements.subarray(0, start), header, ...pairs, elements.subarray(cursor.position));
}

function read(bytes: Buffer): unknown {
  return readServiceMessage(bytes, 0, findServiceMessageEnd(bytes, 0, WHOLE));
}

const rows = serviceGoldenRows();

describe("golden messages of the service protocol", () => {
  for (const row of rows) {
    const { value, bytes } = row;

    test(`${row.source}: ${row.name}: is read whole, and in the midst of others`, () => {
      assert.deepEqual(read(bytes), value);
      const among = Buffer.concat([Buffer.of(2, 0x91, PING), bytes, Buffer.of(2, 0x91, PING)]);
      const end = findServiceMessageEnd(among, 3, WHOLE);
      assert.equal(end, 3 + bytes.length);
      assert.deepEqual(readServiceMessage(among, 3, end), value);
    });

    test(`${row.source}: ${row.name}: is read the same with extensions that nobody knows`, () => {
      for (const isFirst of [true, false]) {
        const extended = withUnknownExtension(row, isFirst);
        if (extended !== undefined) assert.deepEqual(read(extended), value);
      }
    });

    const { count, elements } = elementsOf(row);
    const isWhole = row.form !== "older" && elements[0] !== PING && (elements[0] !== ACK || count === 6);
    if (isWhole)
      test(`${row.source}: ${row.name}: is read the same with elements that a newer peer adds`, () => {
        for (let more = 1; more <= LATER.length; more++)
          assert.deepEqual(read(framed(count + more, elements, ...LATER.slice(0, more))), value);
      });

    if (row.form !== "older" && row.readOnly === undefined)
      test(`${row.source}: ${row.name}: is written`, () => {
        assert.equal(encodeServiceMessage(value).toString("hex"), bytes.toString("hex"));
      });
  }

  test("there is one for every wire type", () => {
    assert.deepEqual(new Set(rows.map((row) => elementsOf(row).elements[0])), new Set(layouts.keys()));
  });
});
