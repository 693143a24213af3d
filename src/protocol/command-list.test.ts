import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readCommands } from "./command-list.ts";
import { PayloadError } from "./json-body.ts";

const MAX = 5;

function read(body: string | Buffer) {
  return readCommands(Buffer.from(body), MAX);
}

describe("a list of commands", () => {
  test("is read in its order, with keys in any letter case and others beside them", () => {
    const commands = read(
      "\ufeff" + '[ {"type":"JoinGroup","group":"g"} ,\n{"TYPE":"LeaveGroup","Group":"h","x":{}} ]',
    );
    assert.deepEqual(commands, [
      { type: "JoinGroup", group: "g" },
      { type: "LeaveGroup", group: "h" },
    ]);
  });

  test("has messages whose arguments are the very bytes that came in", () => {
    const args = '[ 9007199254740993 , 1.10,{"a":1,"a":2} ]';
    const [command] = read(`[{"type":"SendMessage","message":{"Target":"T","Arguments":${args}}}]`);
    assert.ok(command?.type === "SendMessage");
    assert.equal(command.message.target, "T");
    assert.equal(String(command.message.args), args);
  });

  test("may close with a reason or without", () => {
    assert.deepEqual(
      read(
        '[{"type":"CloseConnection","reason":"bye"},{"type":"CloseConnection","reason":null},{"type":"CloseConnection"}]',
      ),
      ["bye", undefined, undefined].map((reason) => ({ type: "CloseConnection", reason })),
    );
  });

  test("may be empty", () => assert.deepEqual(read("[ ]"), []));

  test("has as many commands as allowed, and no more", () => {
    const close = '{"type":"CloseConnection"}';
    const list = (count: number): string => `[${Array.from({ length: count }, () => close).join()}]`;
    assert.equal(read(list(MAX)).length, MAX);
    assert.throws(() => read(list(MAX + 1)), {
      target: "body",
      message: "The request body must have at most 5 commands.",
    });
  });

  const good = '{"type":"CloseConnection"}';
  const refused: [body: string, target: string, message: string | RegExp][] = [
    ["", "body", "The request body is empty; a JSON array of commands is expected."],
    ["{}", "body", "The request body is an object at byte 0; a JSON array of commands is expected."],
    ["null", "body", "The request body is null at byte 0; a JSON array of commands is expected."],
    [`[${good},]`, "body", "The request body is not valid JSON: unexpected byte 0x5d at byte 28."],
    [`[${good}`, "body", "The request body is not valid JSON: the text ends too early at byte 27."],
    [`[${good}] x`, "body", "The request body is not valid JSON: unexpected byte 0x78 at byte 29."],
    ["[".repeat(300), "body", /nested deeper than 256 levels/],
    ["[1]", "[0]", '"[0]" must be an object; it is a number at byte 1.'],
    [`[${good},null]`, "[1]", '"[1]" must be an object; it is null at byte 28.'],
    ["[{}]", "[0].type", '"[0]" has no "type".'],
    ['[{"type":1}]', "[0].type", '"[0].type" must be a string; it is a number at byte 9.'],
    [
      '[{"type":"joinGroup","group":"g"}]',
      "[0].type",
      '"[0].type" must be one of "SendMessage", "JoinGroup", "LeaveGroup", "CloseConnection".',
    ],
    ['[{"type":"JoinGroup"}]', "[0].group", '"[0]" has no "group".'],
    [
      `[${good},{"type":"LeaveGroup","group":[]}]`,
      "[1].group",
      '"[1].group" must be a string; it is an array at byte 57.',
    ],
    [
      '[{"type":"CloseConnection","reason":1}]',
      "[0].reason",
      '"[0].reason" must be a string; it is a number at byte 36.',
    ],
    ['[{"type":"SendMessage"}]', "[0].message", '"[0]" has no "message".'],
    [
      '[{"type":"SendMessage","message":[]}]',
      "[0].message",
      '"[0].message" must be an object; it is an array at byte 33.',
    ],
    [`[${good},{"type":"SendMessage","message":{}}]`, "[1].message.target", '"[1].message" has no "target".'],
    [
      '[{"type":"SendMessage","message":{"target":" "}}]',
      "[0].message.target",
      '"[0].message.target" must not be empty; it is at byte 43.',
    ],
    [
      '[{"type":"SendMessage","message":{"target":"T","arguments":{}}}]',
      "[0].message.arguments",
      '"[0].message.arguments" must be an array; it is an object at byte 59.',
    ],
  ];
  for (const [body, target, message] of refused)
    test(`is refused when it is ${JSON.stringify(body).slice(0, 100)}`, () =>
      assert.throws(() => read(body), { name: "PayloadError", target, message }));

  test("is refused when it is not UTF-8", () =>
    assert.throws(() => read(Buffer.from('["\xe9"]', "latin1")), { target: "body" }));

  test("is read, or refused with a PayloadError, whatever it is", () => {
    const whole = Buffer.from(
      '[{"type":"SendMessage","message":{"target":"T","arguments":[1]}},{"type":"JoinGroup","group":"g"},{"type":"CloseConnection","reason":"r"}]',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.nat(20), (edits, cut) => {
        const body = Buffer.from(whole.subarray(0, whole.length - (cut > 5 ? 0 : cut)));
        for (const [at, byte] of edits) body[at % body.length] = byte;
        try {
          read(body);
        } catch (error) {
          assert.ok(error instanceof PayloadError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
