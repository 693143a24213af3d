import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import test from "node:test";
import fc from "fast-check";
import { AT_CHARACTER, checkUtf8 } from "./utf8-check.ts";

/** Checks a text given as pieces; `undefined` for one that is invalid or ends inside of a character. */
function isWhole(pieces: Iterable<Buffer>): boolean {
  let state: number | undefined = AT_CHARACTER;
  for (const piece of pieces) {
    state = checkUtf8(state, piece);
    if (state === undefined) return false;
  }
  return state === AT_CHARACTER;
}

function* byteByByte(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at++) yield bytes.subarray(at, at + 1);
}

const leads = [
  0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4,
  0xf5, 0xff,
];
const followers = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];

test("every kind of character, valid or not, is judged alike in one piece and byte by byte", () => {
  for (const lead of leads)
    for (const second of followers)
      for (const third of followers)
        for (let length = 1; length <= 4; length++) {
          const bytes = Buffer.from([lead, second, third, 0x80].slice(0, length));
          assert.equal(isWhole([bytes]), isUtf8(bytes), bytes.toString("hex"));
          assert.equal(isWhole(byteByByte(bytes)), isUtf8(bytes), bytes.toString("hex"));
        }
});

test("text is valid however it is cut, and stays invalid when a byte is changed to make it so", () => {
  const cuts = fc.array(fc.nat(40), { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      cuts,
      fc.nat(),
      fc.integer({ min: -1, max: 255 }),
      (text, cut, at, byte) => {
        const bytes = Buffer.from(text);
        if (byte >= 0 && bytes.length > 0) bytes[at % bytes.length] = byte;
        const edges = [0, ...cut.map((edge) => edge % (bytes.length + 1)), bytes.length].toSorted(
          (a, b) => a - b,
        );
        const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        assert.equal(isWhole(pieces), isUtf8(bytes));
      },
    ),
    { numRuns: 500 },
  );
});

test("a sequence that cannot become a character is refused before it is complete", () => {
  assert.equal(checkUtf8(AT_CHARACTER, Buffer.from("eda0", "hex")), undefined);
  assert.equal(checkUtf8(AT_CHARACTER, Buffer.from("f490", "hex")), undefined);
  assert.equal(checkUtf8(AT_CHARACTER, Buffer.from("c1", "hex")), undefined);
});
