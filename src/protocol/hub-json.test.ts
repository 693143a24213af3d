import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { hubJson } from "./hub-json.ts";
import { ProtocolError } from "./protocol-error.ts";

function read(json: string | Buffer) {
  const bytes = Buffer.concat([Buffer.from(json), Buffer.of(0x1e)]);
  return hubJson.read(bytes, 0, bytes.length);
}

describe("reading a JSON hub message", () => {
  const refused: [json: string, text: string][] = [
    ["{}", "Missing required property 'type'."],
    ['{"Type":6}', "Missing required property 'type'."],
    ['{"type":"6"}', "Expected 'type' to be of type Number."],
    ['{"type":null}', "Expected 'type' to be of type Number."],
    ['{"type":1,"arguments":[]}', "Missing required property 'target'."],
    ['{"type":1,"target":"","arguments":[]}', "Missing required property 'target'."],
    ['{"type":1,"target":null,"arguments":[]}', "Expected 'target' to be of type String."],
    ['{"type":1,"target":"T"}', "Missing required property 'arguments'."],
    ['{"type":1,"target":"T","arguments":{}}', "Expected 'arguments' to be of type Array."],
    ['{"type":1,"target":"T","arguments":null}', "Expected 'arguments' to be of type Array."],
    [
      '{"type":1,"target":"T","arguments":[],"invocationId":1}',
      "Expected 'invocationId' to be of type String.",
    ],
    [
      '{"type":1,"target":"T","arguments":[],"invocationId":null}',
      "Expected 'invocationId' to be of type String.",
    ],
    ['{"type":1,"target":"T","arguments":[],"streamIds":"1"}', "Expected 'streamIds' to be of type Array."],
    ['{"type":1,"target":"T","arguments":[],"headers":[]}', "Expected 'headers' to be of type StartObject."],
    ['{"type":1,"target":"T","arguments":[],"headers":{"h":1}}', "Expected header 'h' to be of type String."],
    ['{"type":4,"target":"T","arguments":[]}', "Missing required property 'invocationId'."],
    ['{"type":4,"target":"T","arguments":[],"invocationId":""}', "Missing required property 'invocationId'."],
    ['{"type":4,"invocationId":"1","arguments":[]}', "Missing required property 'target'."],
    ['{"type":4,"invocationId":"1","target":"T"}', "Missing required property 'arguments'."],
    ['{"type":2,"item":1}', "Missing required property 'invocationId'."],
    ['{"type":2,"invocationId":"1"}', "Missing required property 'item'."],
    ['{"type":3,"result":1}', "Missing required property 'invocationId'."],
    [
      '{"type":3,"invocationId":"1","result":1,"error":"e"}',
      "The 'error' and 'result' properties are mutually exclusive.",
    ],
    ['{"type":3,"invocationId":"1","error":1}', "Expected 'error' to be of type String."],
    ['{"type":5}', "Missing required property 'invocationId'."],
    ['{"type":7,"allowReconnect":1}', "Expected 'allowReconnect' to be true or false."],
    ['{"type":8}', "Missing required property 'sequenceId'."],
    ['{"type":9}', "Missing required property 'sequenceId'."],
    ['{"type":9,"sequenceId":"1"}', "Expected 'sequenceId' to be of type Number."],
    ["[]", "Unexpected JSON Token Type 'Array'. Expected a JSON Object."],
    [' "x"', "Unexpected JSON Token Type 'String'. Expected a JSON Object."],
    ["1", "Unexpected JSON Token Type 'Number'. Expected a JSON Object."],
    ["true", "Unexpected JSON Token Type 'True'. Expected a JSON Object."],
    ["null", "Unexpected JSON Token Type 'Null'. Expected a JSON Object."],
    ...[
      "",
      " ",
      "garbage",
      "[",
      '{"type":6',
      '{"type":6}}',
      '{"type":6}{"type":6}',
      '{"type":6,}',
      "{'type':6}",
    ].map((json): [string, string] => [json, "Error reading JSON."]),
    ['{"type":1,"target":"T","arguments":[01]}', "Error reading JSON."],
    ['{"type":6,"x":"\n"}', "Error reading JSON."],
    [`{"type":1,"target":"T","arguments":${"[".repeat(300)}${"]".repeat(300)}}`, "Error reading JSON."],
  ];
  for (const [json, text] of refused) {
    test(`refuses ${JSON.stringify(json.slice(0, 70))} as ASP.NET does`, () => {
      assert.throws(() => read(json), new ProtocolError(`InvalidDataException: ${text}`));
    });
  }

  test("refuses numbers that are no integers of their size", () => {
    for (const [json, bits] of [
      ['{"type":1.5}', 32],
      ['{"type":1e0}', 32],
      ['{"type":2147483648}', 32],
      ['{"type":9,"sequenceId":1.0}', 64],
      ['{"type":9,"sequenceId":9223372036854775808}', 64],
    ] as const) {
      assert.throws(() => read(json), {
        name: "ProtocolError",
        message: new RegExp(`^FormatException: .*Int${bits}\\.$`),
      });
    }
  });

  test("refuses bytes that are not UTF-8, for readers behind us trust them", () => {
    const json = Buffer.from('{"type":1,"target":"T","arguments":["\xff"]}', "latin1");
    assert.throws(() => read(json), new ProtocolError("InvalidDataException: Error reading JSON."));
  });

  test("takes members in any order, between any white space and with any escapes", () => {
    const json =
      ' {\n"arguments" : [ "\\u0000" , 1.0 ] ,"tar\\u0067et":"\\u0045cho", "invocationId":"7" , "type" : 1 }\r\n';
    const { type, target, invocationId, value } = read(json);
    assert.deepEqual([type, target, invocationId, String(value)], [1, "Echo", "7", '[ "\\u0000" , 1.0 ]']);
  });

  test("takes the last of equal members", () => {
    const { type, target } = read('{"type":99,"target":"a","arguments":[],"target":"b","type":1}');
    assert.deepEqual([type, target], [1, "b"]);
  });

  test("takes an empty invocation id for none, and a null error for none", () => {
    assert.equal("invocationId" in read('{"type":1,"target":"T","arguments":[],"invocationId":""}'), false);
    assert.deepEqual(String(read('{"type":3,"invocationId":"1","error":null,"result":null}').value), "null");
    assert.equal("error" in read('{"type":7,"error":null}'), false);
  });

  test("leaves headers, stream ids and unknown members alone", () => {
    const json =
      '{"type":1,"headers":{"a":"b"},"streamIds":["1"],"target":"T","arguments":[],"x":{"type":"y"}}';
    assert.deepEqual(Object.keys(read(json)).sort(), ["bytes", "streamIds", "target", "type", "value"]);
  });

  test("returns types that it does not know", () => {
    for (const type of [0, -1, 10, 99, 2147483647])
      assert.equal(read(`{"type":${type},"item":[5]}`).type, type);
  });

  test("returns sequence ids as they are: their range is the session's matter", () => {
    for (const sequenceId of [-1, 0, 1, 2 ** 53 - 1]) {
      assert.equal(read(`{"type":9,"sequenceId":${sequenceId}}`).sequenceId, sequenceId);
    }
  });

  test("its bytes and its value are views into what was read", () => {
    const buffer = Buffer.from('{"type":6}\x1e{"type":3,"invocationId":"1","result":[1]}\x1e');
    const { bytes, value } = hubJson.read(buffer, 11, buffer.length);
    for (const view of [bytes, value]) assert.equal(view?.buffer, buffer.buffer);
    assert.equal(String(value), "[1]");
  });
});

describe("finding the end of a JSON hub message", () => {
  test("counts the record separator among its bytes", () => {
    const bytes = Buffer.from('{"type":6}\x1e');
    assert.equal(hubJson.findEnd(bytes, 0, 11), 11);
    const text =
      "InvalidDataException: The maximum message size of 10B was exceeded. The message size can be configured in AddHubOptions.";
    assert.throws(() => hubJson.findEnd(bytes, 0, 10), new ProtocolError(text));
  });

  test("gives up as soon as what came cannot be part of an allowed message", () => {
    const bytes = Buffer.from("x".repeat(10));
    assert.equal(hubJson.findEnd(bytes, 0, 11), -1);
    assert.throws(() => hubJson.findEnd(bytes, 0, 10), ProtocolError);
    assert.equal(hubJson.findEnd(bytes, 1, 10), -1);
    assert.equal(hubJson.findEnd(bytes, 10, 10), -1);
  });

  test("looks at no message but the one that starts there", () => {
    const bytes = Buffer.from('{"type":6}\x1e{"type":7}\x1e');
    assert.equal(hubJson.findEnd(bytes, 0, 11), 11);
    assert.equal(hubJson.findEnd(bytes, 11, 11), 22);
  });
});

describe("writing JSON hub messages", () => {
  test("an invocation has its arguments as the very bytes that came in", () => {
    const args = Buffer.from('[ 9007199254740993, 1.10, 1E5, "\\u00e9é\\/", {"a":1,"a":2} ]');
    const message = hubJson.invocation("<Señor>&'+\"\n", args).toString();
    assert.equal(message, `{"type":1,"target":"<Señor>&'+\\"\\n","arguments":${String(args)}}\x1e`);
  });

  test("a StreamItem and a result are the very bytes that came in", () => {
    const value = Buffer.from('{ "a" : 9007199254740993, "b": 1.10 }');
    assert.equal(
      String(hubJson.streamItem("0", value)),
      `{"type":2,"invocationId":"0","item":${String(value)}}\x1e`,
    );
    assert.equal(
      String(hubJson.completionResult("0", value)),
      `{"type":3,"invocationId":"0","result":${String(value)}}\x1e`,
    );
  });

  test("an invocation that gets another id keeps every other byte of its members", () => {
    const arguments_ = '[ 9007199254740993, 1.10, "\\u00e9é", {"invocationId":"inner"} ]';
    for (const [before, after] of [
      [
        `{"type":1,"target":"T","arguments":${arguments_}}`,
        `{"type":1,"invocationId":"n","target":"T","arguments":${arguments_}}`,
      ],
      [
        ` { "arguments" : ${arguments_} , "invocationId":"1","type": 1,"in\\u0076ocationId":"2","target":"T"} `,
        `{"arguments" : ${arguments_},"invocationId":"n","type": 1,"target":"T"}`,
      ],
      [
        '{"invocationId":null,"type":1,"target":"T","arguments":[],"headers":{"h":"v"},"later":[{}]}',
        '{"type":1,"invocationId":"n","target":"T","arguments":[],"headers":{"h":"v"},"later":[{}]}',
      ],
    ])
      assert.equal(String(hubJson.withInvocationId(Buffer.from(`${before}\x1e`), "n")), `${after}\x1e`);
  });

  test("no text makes another record", () => {
    const text = '\x1e"}\x1e\\';
    for (const message of [
      hubJson.invocation(text, Buffer.from("[]"), text),
      hubJson.withInvocationId(hubJson.invocation("T", Buffer.from("[]")), text),
      hubJson.streamItem(text, Buffer.from("1")),
      hubJson.completionResult(text, Buffer.from("1")),
      hubJson.completionError(text, text),
      hubJson.close(text, true),
    ]) {
      assert.equal(message.indexOf(0x1e), message.length - 1);
      hubJson.read(message, 0, message.length);
    }
  });

  test("a Close has only the members that say something", () => {
    assert.equal(String(hubJson.close(undefined, false)), '{"type":7}\x1e');
    assert.equal(String(hubJson.close("e", false)), '{"type":7,"error":"e"}\x1e');
    assert.equal(String(hubJson.close(undefined, true)), '{"type":7,"allowReconnect":true}\x1e');
    assert.equal(String(hubJson.close("e", true)), '{"type":7,"error":"e","allowReconnect":true}\x1e');
  });
});

describe("reading JSON hub messages, on random bytes", () => {
  const key = fc.constantFrom(
    "type",
    "target",
    "arguments",
    "invocationId",
    "item",
    "result",
    "error",
    "headers",
    "sequenceId",
    "allowReconnect",
    "streamIds",
    "x",
  );
  const message = fc
    .array(fc.tuple(key, fc.oneof(fc.nat(10), fc.string(), fc.jsonValue())))
    .map((members) =>
      Buffer.from(`{${members.map(([name, value]) => `"${name}":${JSON.stringify(value)}`).join()}}`),
    );

  test("nothing but a ProtocolError is thrown, and what is read is within its extent", () => {
    fc.assert(
      fc.property(
        fc.oneof(message, fc.uint8Array()),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
        (json, edits) => {
          const bytes = Buffer.from(json);
          for (const [at, byte] of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte;
          const among = Buffer.concat([Buffer.from('"}],'), bytes, Buffer.from('\x1e"}],')]);
          try {
            const end = 4 + bytes.length + 1;
            const { type, value } = hubJson.read(among, 4, end);
            assert.ok(Number.isInteger(type));
            if (value !== undefined) JSON.parse(value.toString());
            JSON.parse(bytes.toString());
          } catch (error) {
            assert.ok(error instanceof ProtocolError, String(error));
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
