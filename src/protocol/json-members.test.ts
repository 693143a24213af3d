import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { JsonKeys, JsonMembers, jsonKind, readInteger } from "./json-members.ts";
import { JsonSyntaxError } from "./json-scan.ts";
import { readString } from "./json-string.ts";

function membersOf(text: string): [key: string, value: string][] {
  const json = Buffer.from(text);
  const members = new JsonMembers(json, 0, json.length);
  const found: [string, string][] = [];
  while (members.next()) {
    const key = readString(json, members.keyStart, members.keyEnd);
    found.push([key, json.toString("utf8", members.valueStart, members.valueEnd)]);
  }
  return found;
}

describe("a walk over the members of a JSON object", () => {
  test("tells every key and the extent of its value", () => {
    assert.deepEqual(membersOf("{}"), []);
    assert.deepEqual(membersOf(' { "a" : [1, 2] ,\t"b":{"c":null},"é\\n":"}" }\r\n'), [
      ["a", "[1, 2]"],
      ["b", '{"c":null}'],
      ["é\n", '"}"'],
    ]);
  });

  test("goes over equal keys one by one", () => {
    assert.deepEqual(membersOf('{"a":1,"a":2}'), [
      ["a", "1"],
      ["a", "2"],
    ]);
  });

  test("refuses all that is no object, or more than one", () => {
    for (const text of [
      ["", " ", "[]", "1", "{", '{"a"', '{"a":1', '{"a":1,', '{"a":1,}', "{,}", '{"a":1 "b":2}', "{1:2}"],
      ["{}x", "{}{}", "{} ,", '{"a":}', '{"a" 1}', '{"a":1}}', '{"a":tru}', '{"a":"\u001e"}', "{:1}"],
    ].flat()) {
      assert.throws(() => membersOf(text), JsonSyntaxError, text);
    }
  });
});

test("a known key is found exactly as it is written, escapes or not", () => {
  const keys = new JsonKeys("type", "item", "error");
  const find = (literal: string) => {
    const json = Buffer.from(`"error"${literal}"type"`);
    return keys.find(json, 7, json.length - 6);
  };
  assert.equal(find('"type"'), "type");
  assert.equal(find('"item"'), "item");
  assert.equal(find(String.raw`"\u0074ype"`), "type");
  assert.equal(find(String.raw`"erro\u0072"`), "error");
  for (const other of [
    '""',
    '"Type"',
    '"typ"',
    '"types"',
    '"itep"',
    '"a much longer key"',
    String.raw`"\n"`,
  ]) {
    assert.equal(find(other), undefined, other);
  }
});

test("the kind of a value is known from its first byte", () => {
  const kinds = {
    "{}": "Object",
    "[]": "Array",
    '""': "String",
    true: "True",
    false: "False",
    null: "Null",
    "-1": "Number",
    "0": "Number",
  };
  for (const [json, kind] of Object.entries(kinds)) assert.equal(jsonKind(Buffer.from(json), 0), kind);
});

test("an integer is one without fraction and exponent", () => {
  const integer = (text: string) => readInteger(Buffer.from(text), 0, text.length);
  for (const text of ["0", "7", "-1", "9007199254740991", "-2147483648"])
    assert.equal(integer(text), Number(text));
  for (const text of ["1.0", "1e0", "-0.5", "1E2"]) assert.equal(integer(text), undefined);
});
