import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { serviceGoldenRows } from "../../test/support/service-golden.ts";
import { ProtocolError } from "./protocol-error.ts";
import type { ServiceMessage } from "./service-message.ts";
import {
  encodeServiceMessage,
  findServiceMessageEnd,
  readServiceMessage,
  type UnknownServiceMessage,
} from "./service-protocol.ts";

const golden = serviceGoldenRows();

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const texts = fc.array(text, { maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 300 }).map((content) => Buffer.from(content));
const integer = fc.oneof(fc.integer(), fc.integer({ min: -200, max: 300 }));
const pairsOf = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<[string, Value][]> =>
  fc.array(fc.tuple(text, value), { maxLength: 20 });

/** Members whose values cannot be told from the one in a golden row. */
const named: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  claims: pairsOf(text),
  pairs: pairsOf(text),
  headers: pairsOf(texts),
  max: fc.option(integer),
  maxPageSize: fc.option(integer),
  tracingId: fc.bigInt(0n, 2n ** 64n - 1n).map(String),
  expiresAtMs: fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
  dataType: integer.filter((type) => type !== 0),
  isPartial: fc.constant(true),
};

function alike(name: string, value: unknown): fc.Arbitrary<unknown> {
  if (name === "type") return fc.constant(value);
  if (named[name] !== undefined) return named[name];
  if (Buffer.isBuffer(value)) return bytes;
  if (Array.isArray(value)) return name === "payload" ? pairsOf(bytes) : texts;
  if (typeof value === "number") return integer;
  if (typeof value === "boolean") return fc.boolean();
  return value === null ? fc.option(text) : text;
}

/** A message with the members of a golden row, and any values in them. */
const message: fc.Arbitrary<ServiceMessage> = fc.constantFrom(...golden).chain(({ value }) => {
  const members = Object.entries(value).map(([name, member]) => [name, alike(name, member)] as const);
  return fc.record(Object.fromEntries(members), {
    noNullPrototype: true,
  }) as fc.Arbitrary<unknown> as fc.Arbitrary<ServiceMessage>;
});

/** A golden row with some bytes changed, and some of the last ones gone. */
const mutated = fc
  .tuple(fc.constantFrom(...golden), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(3))
  .map(([row, edits, cut]) => {
    const content = Buffer.from(row.bytes);
    for (const [at, byte] of edits) content[at % content.length] = byte;
    return content.subarray(0, content.length - Math.min(cut, content.length));
  });

/** `undefined` where it is refused. Anything but a `ProtocolError` is thrown on. */
function read(
  buffer: Buffer,
  start: number,
  end: number,
): ServiceMessage | UnknownServiceMessage | undefined {
  try {
    return readServiceMessage(buffer, start, end);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Elements, characters and bytes that a message holds. */
function sizeOf(value: unknown): number {
  if (typeof value === "string" || Buffer.isBuffer(value)) return value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + 1 + sizeOf(item), 0);
  return typeof value === "object" && value !== null ? sizeOf(Object.values(value)) : 0;
}

/** Bytes are a message or refused, the same in the midst of others, and no larger than they are. */
function check(content: Buffer): void {
  const alone = read(content, 0, content.length);
  const among = Buffer.concat([Buffer.of(0xdd, 0xff), content, Buffer.of(0x91, 0xc0, 1, 2, 3)]);
  assert.deepEqual(read(among, 2, 2 + content.length), alone);
  // A pair of nothing takes two bytes; members that are not on the wire are a handful.
  assert.ok(sizeOf(alone) <= 100 + 2 * content.length);
}

describe("the service protocol, at random", () => {
  test("a stream of messages is read as it was written, up to where it is cut", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.nat(), (messages, cut) => {
        const encoded = messages.map(encodeServiceMessage);
        const stream = Buffer.concat(encoded);
        const have = stream.subarray(0, cut % (stream.length + 1));
        let start = 0;
        for (const [index, { length }] of encoded.entries()) {
          const end = findServiceMessageEnd(have, start, length);
          if (start + length > have.length) return assert.equal(end, -1);
          assert.equal(end, start + length);
          assert.deepEqual(readServiceMessage(have, start, end), messages[index]);
          start = end;
        }
      }),
      { numRuns: 500 },
    );
  });

  test("any bytes are a message or refused with a ProtocolError", () => {
    const almost = fc
      .tuple(fc.nat(15), fc.nat(45), fc.uint8Array({ maxLength: 60 }))
      .map(([elements, id, rest]) => Buffer.from([4, 0x90 | elements, id, ...rest]));
    const any = fc.uint8Array({ maxLength: 80 }).map((content) => Buffer.from(content));
    fc.assert(fc.property(fc.oneof(almost, any), check), { numRuns: 2_000 });
  });

  test("mutated messages are messages or refused with a ProtocolError", () => {
    fc.assert(fc.property(mutated, check), { numRuns: 3_000 });
  });

  test("whatever is read can be written, and is read the same then", () => {
    fc.assert(
      fc.property(mutated, (content) => {
        const found = read(content, 0, content.length);
        if (found === undefined || found.type === "unknown") return;
        const again = encodeServiceMessage(found);
        const defaults = { dataType: 0, isPartial: false };
        assert.deepEqual({ ...defaults, ...read(again, 0, again.length) }, { ...defaults, ...found });
      }),
      { numRuns: 3_000 },
    );
  });

  test("counts that are not true are refused before anything is made of them", () => {
    const counts: [what: string, hex: string][] = [
      ["elements", "ddffffffff03"],
      ["texts", "9407ddffffffff"],
      ["pairs of a payload", "940a90dfffffffff"],
      ["pairs of extensions", "940ba163a167dfffffffff"],
      ["bytes of a text", "940bdbffffffff"],
      ["bytes of a payload", "9406a163c6ffffffff"],
    ];
    for (const [what, hex] of counts) {
      const content = Buffer.from(`7f${hex}`, "hex");
      assert.equal(read(content, 0, content.length), undefined, what);
    }
  });
});
