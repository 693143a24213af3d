import assert from "node:assert/strict";
import test from "node:test";
import { rotateMask, unmask } from "./websocket-mask.ts";

const maskBytes = [0x81, 0x02, 0xf3, 0x04] as const;
const mask = Buffer.from(maskBytes).readInt32LE();

test("every byte of every length, at every alignment, is unmasked with its own byte of the mask", () => {
  const lengths = [0, 1, 2, 3, 4, 5, 126, 127, 128, 129, 130, 131, 132, 255, 4096];
  const space = new ArrayBuffer(5000);
  for (const length of lengths)
    for (let offset = 0; offset < 8; offset++)
      for (let start = 0; start < 5; start++) {
        const bytes = Buffer.from(space, offset, start + length + 3).fill(0x5a);
        unmask(bytes, start, start + length, mask);
        const wrong = bytes.findIndex((byte, at) => {
          const inside = at >= start && at < start + length;
          return byte !== (inside ? 0x5a ^ (maskBytes[(at - start) & 3] ?? 0) : 0x5a);
        });
        assert.equal(wrong, -1, `length ${length}, offset ${offset}, start ${start}`);
      }
});

test("a rotated mask goes on where the last piece ended", () => {
  for (const cut of [0, 1, 2, 3, 4, 5, 130, 131]) {
    const whole = Buffer.alloc(300);
    const pieces = Buffer.alloc(300);
    unmask(whole, 0, 300, mask);
    unmask(pieces, 0, cut, mask);
    unmask(pieces, cut, 300, rotateMask(mask, cut));
    assert.ok(pieces.equals(whole), `cut at ${cut}`);
  }
});
