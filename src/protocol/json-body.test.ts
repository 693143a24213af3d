import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readJsonValue } from "./json-body.ts";

describe("a body that is any JSON value", () => {
  for (const value of ["1.10", '"é"', "null", '{ "a" : 1 }', "[ 9007199254740993 ]"])
    test(`has ${value} as it came in, without what is around it`, () => {
      for (const body of [value, ` ${value}\n`, `\ufeff${value} `])
        assert.equal(String(readJsonValue(Buffer.from(body))), value);
    });

  for (const [body, message] of [
    ["", "The request body is empty; a JSON value is expected."],
    [" ", "The request body is empty; a JSON value is expected."],
    ["1 2", "The request body is not valid JSON: unexpected byte 0x32 at byte 2."],
    ["{", "The request body is not valid JSON: the text ends too early at byte 1."],
    ['"\x1e"', "The request body is not valid JSON: unexpected byte 0x1e at byte 1."],
  ] as const)
    test(`is refused when it is ${JSON.stringify(body)}`, () =>
      assert.throws(() => readJsonValue(Buffer.from(body)), {
        name: "PayloadError",
        target: "body",
        message,
      }));

  test("is refused when it is not UTF-8", () =>
    assert.throws(() => readJsonValue(Buffer.of(0x22, 0xff, 0x22)), {
      message: "The request body is not valid UTF-8.",
    }));
});
