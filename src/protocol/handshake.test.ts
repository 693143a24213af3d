import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { handshakeReply, readHandshakeRequest } from "./handshake.ts";
import { ProtocolError } from "./protocol-error.ts";

function read(json: string) {
  const buffer = Buffer.from(`\x1e${json}\x1e`);
  return readHandshakeRequest(buffer, 1, buffer.length - 1);
}

describe("a handshake request", () => {
  test("is read as clients write it", () => {
    assert.deepEqual(read('{"protocol":"json","version":1}'), { protocol: "json", version: 1 });
    assert.deepEqual(read('{"protocol":"messagepack","version":2}'), { protocol: "messagepack", version: 2 });
  });

  test("may have its members in any order, others beside them, and any version", () => {
    const json = ' {"x":{"version":[]}, "version" : -3 ,"protocol":"JS\\u004fN", "y":null} ';
    assert.deepEqual(read(json), { protocol: "JSON", version: -3 });
  });

  const refused: [json: string, text: string][] = [
    ['{"protocol":"json"}', "InvalidDataException: Missing required property 'version'."],
    ['{"version":1}', "InvalidDataException: Missing required property 'protocol'."],
    ['{"type":6}', "InvalidDataException: Missing required property 'protocol'."],
    ['{"protocol":null,"version":1}', "InvalidDataException: Expected 'protocol' to be of type String."],
    ['{"protocol":"json","version":"1"}', "InvalidDataException: Expected 'version' to be of type Number."],
    ["[]", "InvalidDataException: Unexpected JSON Token Type 'Array'. Expected a JSON Object."],
    ["garbage", "InvalidDataException: Error reading JSON."],
    ["", "InvalidDataException: Error reading JSON."],
    ['{"protocol":"json","version":1', "InvalidDataException: Error reading JSON."],
    ['{"protocol":"json","version":1}}', "InvalidDataException: Error reading JSON."],
  ];
  for (const [json, text] of refused) {
    test(`is refused when it is ${json === "" ? "empty" : json}`, () => {
      assert.throws(() => read(json), new ProtocolError(text));
    });
  }

  test("is refused with nothing but a ProtocolError, whatever it is", () => {
    const member = fc.tuple(fc.constantFrom("protocol", "version", "x"), fc.jsonValue());
    const json = fc
      .array(member)
      .map((members) => `{${members.map(([key, value]) => `"${key}":${JSON.stringify(value)}`).join()}}`);
    fc.assert(
      fc.property(fc.oneof(json, fc.json(), fc.string()), (text) => {
        try {
          read(text);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a handshake reply", () => {
  test("is the empty object when the client is accepted", () => {
    assert.deepEqual(handshakeReply(), Buffer.from("{}\x1e"));
  });

  test("has the reason alone when the client is refused", () => {
    assert.equal(
      String(handshakeReply("The protocol 'xml' is not supported.")),
      `{"error":"The protocol 'xml' is not supported."}\x1e`,
    );
  });

  test("is one record whatever the reason is", () => {
    for (const error of ['a "quoted"\x1e reason', ""]) {
      const [json, ...rest] = String(handshakeReply(error)).split("\x1e");
      assert.deepEqual([JSON.parse(json ?? ""), rest], [{ error }, [""]]);
    }
  });
});
