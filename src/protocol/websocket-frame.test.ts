import assert from "node:assert/strict";
import test from "node:test";
import { closeFrame, frame, Opcode, pongFrame } from "./websocket-frame.ts";

test("the unmasked examples of RFC 6455 §5.7 are what frame() writes", () => {
  assert.equal(frame(Opcode.text, Buffer.from("Hello")).toString("hex"), "810548656c6c6f");
  assert.equal(frame(Opcode.ping, Buffer.from("Hello")).toString("hex"), "890548656c6c6f");
  assert.equal(frame(Opcode.binary, Buffer.alloc(256)).subarray(0, 4).toString("hex"), "827e0100");
  assert.equal(
    frame(Opcode.binary, Buffer.alloc(65_536)).subarray(0, 10).toString("hex"),
    "827f0000000000010000",
  );
});

for (const [length, header] of [
  [0, "8200"],
  [1, "8201"],
  [125, "827d"],
  [126, "827e007e"],
  [65_535, "827effff"],
  [65_536, "827f0000000000010000"],
] as const) {
  test(`a payload of ${length} bytes follows the shortest header`, () => {
    const payload = Buffer.alloc(length, 0xa5);
    const bytes = frame(Opcode.binary, payload);
    assert.equal(bytes.subarray(0, header.length / 2).toString("hex"), header);
    assert.ok(bytes.subarray(header.length / 2).equals(payload));
  });
}

test("a close frame has the code in network order and then the reason", () => {
  assert.equal(closeFrame(1000).toString("hex"), "880203e8");
  assert.equal(closeFrame(1001, "bye").toString("hex"), "880503e9627965");
});

test("a reason that does not fit is cut between characters", () => {
  const fits = closeFrame(1000, "a".repeat(123));
  assert.equal(fits.length, 2 + 125);
  assert.ok(closeFrame(1000, "a".repeat(124)).equals(fits));
  assert.equal(closeFrame(1000, "é".repeat(62)).subarray(4).toString(), "é".repeat(61));
  assert.equal(
    closeFrame(1000, `a${"😀".repeat(31)}`)
      .subarray(4)
      .toString(),
    `a${"😀".repeat(30)}`,
  );
});

test("a pong carries the payload of its ping", () => {
  assert.equal(pongFrame(Buffer.from("Hello")).toString("hex"), "8a0548656c6c6f");
});
