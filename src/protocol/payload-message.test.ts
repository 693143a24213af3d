import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { hubProtocols } from "./hub-protocols.ts";
import { PayloadError } from "./json-body.ts";
import { readPayloadMessage } from "./payload-message.ts";

function read(text: string | Buffer) {
  const { target, args } = readPayloadMessage(Buffer.from(text));
  return { target, args: args.toString() };
}

describe("a JSON body", () => {
  test("has its keys in any letter case, and others beside them", () => {
    for (const body of [
      '{"target":"Echo","arguments":[1]}',
      '{"Target":"Echo","Arguments":[1]}',
      '{"x":{"target":1},"ARGUMENTS":[1],"tArGeT":"Echo","y":null}',
      '{"\\u0054arget":"Echo","argument\\u0073":[1]}',
    ]) {
      assert.deepEqual(read(body), { target: "Echo", args: "[1]" });
    }
  });

  test("may leave its arguments out", () => {
    for (const body of ['{"target":"Echo"}', '{"target":"Echo","arguments":null}']) {
      assert.deepEqual(read(body), { target: "Echo", args: "[]" });
    }
  });

  test("has the last of equal keys", () => {
    const body = '{"target":1,"Target":"Echo","arguments":{},"Arguments":[1]}';
    assert.deepEqual(read(body), { target: "Echo", args: "[1]" });
  });

  test("passes arguments on as the very bytes that came in", () => {
    const args = '[ 9007199254740993 , 1.10,{"a":1,"a":2},"\\u00e9é\\/" ]';
    const body = Buffer.from(`{"target":"Echo","arguments":${args} }`);
    const message = readPayloadMessage(body);
    assert.equal(message.args.toString(), args);
    assert.equal(message.args.buffer, body.buffer);
  });

  test("may begin with a byte order mark", () => {
    assert.equal(read('\ufeff{"target":"Echo"}').target, "Echo");
    assert.throws(() => read("\ufeff"), { target: "body", message: /is empty/ });
    assert.throws(() => read(' \ufeff{"target":"Echo"}'), { target: "body" });
  });

  test("never brings a record separator into a message", () => {
    for (const separated of ['"\x1e"', '"a\x1eb"', "\x1e", '{"\x1e":1}']) {
      assert.throws(() => read(`{"target":"T","arguments":[${separated}]}`), {
        target: "body",
        message: /0x1e/,
      });
    }
    const { target, args } = readPayloadMessage(Buffer.from('{"target":"\\u001e","arguments":["\\u001e"]}'));
    const message = hubProtocols.json.invocation(target, args);
    assert.equal(message.indexOf(0x1e), message.length - 1);
  });

  const refused: [body: string, target: PayloadError["target"], message: string][] = [
    ["", "body", 'The request body is empty; a JSON object with "target" and "arguments" is expected.'],
    ["  ", "body", 'The request body is empty; a JSON object with "target" and "arguments" is expected.'],
    [
      "null",
      "body",
      'The request body is null at byte 0; a JSON object with "target" and "arguments" is expected.',
    ],
    [
      " [1]",
      "body",
      'The request body is an array at byte 1; a JSON object with "target" and "arguments" is expected.',
    ],
    [
      "7",
      "body",
      'The request body is a number at byte 0; a JSON object with "target" and "arguments" is expected.',
    ],
    ["tru", "body", "The request body is not valid JSON: the text ends too early at byte 3."],
    ['{"target":"T",}', "body", "The request body is not valid JSON: unexpected byte 0x7d at byte 14."],
    ['{"target":"T"} x', "body", "The request body is not valid JSON: unexpected byte 0x78 at byte 15."],
    ["{}", "target", 'The request body has no "target".'],
    ['{"target":null}', "target", '"target" must be a string; it is null at byte 10.'],
    ['{"target":{}}', "target", '"target" must be a string; it is an object at byte 10.'],
    ['{"target":""}', "target", '"target" must not be empty; it is at byte 10.'],
    ['{"target":" "}', "target", '"target" must not be empty; it is at byte 10.'],
    [
      '{"target":"T","arguments":{}}',
      "arguments",
      '"arguments" must be an array; it is an object at byte 26.',
    ],
    [
      '{"target":"T","arguments":"x"}',
      "arguments",
      '"arguments" must be an array; it is a string at byte 26.',
    ],
    [
      '{"target":"T","arguments":false}',
      "arguments",
      '"arguments" must be an array; it is false at byte 26.',
    ],
  ];
  for (const [body, target, message] of refused) {
    test(`is refused when it is ${JSON.stringify(body)}`, () => {
      assert.throws(() => read(body), { name: "PayloadError", target, message });
    });
  }

  test("is refused when it is not UTF-8", () => {
    const body = Buffer.from('{"target":"T","arguments":["\xe9"]}', "latin1");
    assert.throws(() => read(body), { target: "body", message: "The request body is not valid UTF-8." });
  });

  test("is refused when it is nested too deep", () => {
    const body = `{"target":"T","arguments":${"[".repeat(1000)}${"]".repeat(1000)}}`;
    assert.throws(() => read(body), { target: "body", message: /nested deeper than 256 levels at byte 282/ });
  });

  test("that is read can be sent in every hub protocol; any other is refused with a PayloadError", () => {
    const value = fc.record(
      { target: fc.jsonValue(), arguments: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()) },
      { requiredKeys: [] },
    );
    const good = fc.record({ target: fc.string(), arguments: fc.array(fc.jsonValue()) });
    const text = fc.oneof(
      fc.oneof(value, good).map((found) => JSON.stringify(found)),
      fc.string(),
    );
    fc.assert(
      fc.property(text, fc.option(fc.tuple(fc.nat(), fc.nat(255))), (json, edit) => {
        const body = Buffer.from(json);
        if (edit !== null && body.length > 0) body[edit[0] % body.length] = edit[1];
        try {
          const { target, args } = readPayloadMessage(body);
          for (const protocol of [hubProtocols.json, hubProtocols.messagepack]) {
            const message = protocol.invocation(target, args);
            assert.equal(protocol.findEnd(message, 0, message.length), message.length);
            assert.equal(protocol.read(message, 0, message.length).target, target.toWellFormed());
          }
        } catch (error) {
          assert.ok(error instanceof PayloadError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
