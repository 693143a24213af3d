import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import {
  invocations,
  itemsOf,
  type MessageRule,
  oneInvocation,
  readEncodedPayload,
} from "./encoded-payload.ts";
import { hubProtocols } from "./hub-protocols.ts";
import { PayloadError } from "./json-body.ts";

/** Reads the body that is this map. */
function read(map: Record<string, unknown>, rule: MessageRule = invocations) {
  return readEncodedPayload(Buffer.from(encode(map)), rule);
}

describe("a binary body", () => {
  const json = hubProtocols.json.invocation("Echo", Buffer.from("[1]"));
  const messagepack = hubProtocols.messagepack.invocation("Echo", Buffer.from("[1]"));

  test("has a message for each hub protocol, passed on as it is", () => {
    assert.deepEqual(read({ json, messagepack }), { json, messagepack });
    assert.deepEqual(read({ json }), { json });
    assert.deepEqual(read({ MessagePack: messagepack }), { messagepack });
  });

  test("may have several messages for a hub protocol", () => {
    const bodies = {
      json: Buffer.concat([json, json]),
      messagepack: Buffer.concat([messagepack, messagepack]),
    };
    assert.deepEqual(read(bodies), bodies);
  });

  test("may be for hub protocols that the service does not speak", () => {
    assert.deepEqual(read({ protobuf: new Uint8Array(5), json, xml: { deep: [1] } }), { json });
    assert.deepEqual(read({ protobuf: new Uint8Array(5) }), {});
  });

  const text = (message: string) => Buffer.from(message);
  const refused: [why: string, body: Uint8Array, message: RegExp][] = [
    ["is empty", Buffer.alloc(0), /must be a MessagePack map/],
    ["is JSON", text('{"target":"T"}'), /must be a MessagePack map/],
    ["is an array", encode([json]), /must be a MessagePack map/],
    ["has no message at all", encode({}), /must be a MessagePack map/],
    [
      "has a name that is no string",
      Buffer.of(0x81, 1, 0xc4, 0),
      /name of a hub protocol, as a string at byte 1/,
    ],
    ["has a message that is no bin", encode({ json: "x" }), /a whole MessagePack bin at byte 6/],
    ["is cut short", encode({ json }).subarray(0, -1), /a whole MessagePack bin at byte 6/],
    [
      "is cut short in what is left out",
      Buffer.of(0x81, 0xa1, 0x78, 0x92, 1),
      /a whole MessagePack element at byte 3/,
    ],
    ["has fewer entries than it says", Buffer.of(0x82, 0xa1, 0x78, 0xc0), /at byte 4/],
    ["is followed by more", Buffer.concat([encode({ json }), Buffer.of(0)]), /must have the end at byte/],
    ["has an empty bin", encode({ json: Buffer.alloc(0) }), /json message at byte 8 is incomplete/],
    [
      "has an unterminated record",
      encode({ json: json.subarray(0, -1) }),
      /json message at byte 8 is incomplete/,
    ],
    [
      "has a message longer than its bin",
      encode({ messagepack: messagepack.subarray(0, -1) }),
      /messagepack message at byte 15 is incomplete/,
    ],
    [
      "has a length prefix that is broken",
      encode({ messagepack: Buffer.alloc(9, 0xff) }),
      /is not valid: .*2GB/,
    ],
    ["has a record that is no JSON", encode({ json: text("x\x1e") }), /is not valid: .*Error reading JSON/],
    [
      "has a record that is not UTF-8",
      encode({ json: Buffer.from('{"type":1,"target":"\xff","arguments":[]}\x1e', "latin1") }),
      /is not valid/,
    ],
    ["has more behind its message", encode({ json: Buffer.concat([json, text("{}")]) }), /is incomplete/],
    [
      "has another type of message",
      encode({ json: hubProtocols.json.ping }),
      /json message at byte 8 is no invocation/,
    ],
    ["has an unknown type of message", encode({ json: text('{"type":99}\x1e') }), /is no invocation/],
    [
      "has an invocation that wants an answer",
      encode({ json: text('{"type":1,"invocationId":"1","target":"T","arguments":[]}\x1e') }),
      /must have no invocation id/,
    ],
  ];
  for (const [why, body, message] of refused) {
    test(`is refused when it ${why}`, () => {
      assert.throws(() => readEncodedPayload(Buffer.from(body), invocations), {
        name: "PayloadError",
        target: "body",
        message,
      });
    });
  }

  test("is read, or refused with a PayloadError, whatever it is", () => {
    const whole = Buffer.from(encode({ json, messagepack, other: [1] }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.nat(20), (edits, cut) => {
        const body = Buffer.from(whole.subarray(0, Math.max(0, whole.length - (cut > 5 ? 0 : cut))));
        for (const [at, byte] of edits) body[at % body.length] = byte;
        try {
          readEncodedPayload(body, invocations);
        } catch (error) {
          assert.ok(error instanceof PayloadError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("that is to be answered may have an invocation id, which the service replaces", () => {
    const withId = hubProtocols.json.invocation("Echo", Buffer.from("[1]"), "7");
    assert.deepEqual(read({ json: withId }, oneInvocation), { json: withId });
    assert.deepEqual(read({ json, messagepack }, oneInvocation), { json, messagepack });
    const item = hubProtocols.json.streamItem("s", Buffer.from("1"));
    assert.throws(() => read({ json: item }, oneInvocation), /is no invocation/);
    assert.throws(() => read({ messagepack: Buffer.concat([messagepack, messagepack]) }, oneInvocation), {
      message:
        /^The messagepack message at byte \d+ must not be there: only one invocation can be answered\.$/,
    });
  });

  test("for a stream has items of that stream", () => {
    const items = {
      json: hubProtocols.json.streamItem("s", Buffer.from('{"x":1}')),
      messagepack: hubProtocols.messagepack.streamItem("s", Buffer.from('{"x":1}')),
    };
    assert.deepEqual(read(items, itemsOf("s")), items);
    assert.throws(() => read(items, itemsOf("S")), {
      target: "body",
      message: /is not for the stream of the path/,
    });
    assert.throws(() => read({ json }, itemsOf("s")), { target: "body", message: /is no stream item/ });
    const end = hubProtocols.messagepack.completionVoid("s");
    assert.throws(() => read({ messagepack: end }, itemsOf("s")), /is no stream item/);
  });
});
