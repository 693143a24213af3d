import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { RestNode } from "../../test/support/rest-node.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";

const SEND = "/api/hubs/chat/:send?api-version=2022-06-01";
const SAID = '{"type":1,"target":"say","arguments":["ü€"]}\x1e';
const JSON_TEXT = '{"target":"say","arguments":["ü€"]}';

/** What a JSON client gets of a body, or the status and the target of the refusal. */
async function sent(body: string | Buffer, headers: Record<string, string> = {}): Promise<unknown> {
  await using node = await RestNode.start();
  const client = node.connect("c");
  const response = await node.call("POST", SEND, { body, headers });
  if (response.statusCode === 202) return client.sent.join();
  assert.equal(client.sent.length, 0);
  const { code, message, target } = response.json();
  assert.equal(response.headers["x-ms-error-code"], code);
  assert.notEqual(message, "");
  return [response.statusCode, target];
}

function utf16be(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

describe("a JSON body", () => {
  const good: readonly (readonly [what: string, body: string | Buffer, contentType: string])[] = [
    ["in UTF-8 unless it says otherwise", JSON_TEXT, "application/json"],
    ["as the .NET SDK labels it", JSON_TEXT, "application/json; charset=utf-8"],
    ["with a label in capitals", JSON_TEXT, 'Application/JSON;Charset="UTF-8"'],
    ["with other parameters", JSON_TEXT, "application/json; odata=verbose"],
    ["in UTF-16 LE", Buffer.from(JSON_TEXT, "utf16le"), "application/json; charset=utf-16"],
    [
      "in UTF-16 LE with a byte order mark",
      Buffer.from(`\uFEFF${JSON_TEXT}`, "utf16le"),
      "application/json; charset=utf-16le",
    ],
    ["in UTF-16 BE", utf16be(JSON_TEXT), "application/json; charset=utf-16be"],
  ];
  for (const [what, body, contentType] of good)
    test(`is taken ${what}`, async () =>
      assert.equal(await sent(body, { "content-type": contentType }), SAID));

  test("is taken in Latin 1", async () => {
    const body = Buffer.from('{"target":"say","arguments":["\\u20ac ü"]}', "latin1");
    const said = await sent(body, { "content-type": "application/json; charset=iso-8859-1" });
    assert.equal(said, '{"type":1,"target":"say","arguments":["\\u20ac ü"]}\x1e');
  });

  test("may have its keys in any letter case, null or no arguments, and other members", async () => {
    const none = '{"type":1,"target":"say","arguments":[]}\x1e';
    assert.equal(await sent('{"Target":"say","Arguments":["ü€"]}'), SAID);
    assert.equal(await sent('{"TARGET":"say","arguments":null}'), none);
    assert.equal(await sent('{"x":{"target":1},"target":"say"}'), none);
  });

  test("keeps its arguments as they are written", async () => {
    const args = '[12345678901234567890, 1.10, "\\u0041", {"a" : 1e400}]';
    assert.equal(
      await sent(`{"target":"t","arguments":${args}}`),
      `{"type":1,"target":"t","arguments":${args}}\x1e`,
    );
  });

  const bad: readonly (readonly [what: string, body: string | Buffer, target: string])[] = [
    ["null", "null", "body"],
    ["a list", "[]", "body"],
    ["no JSON", "{", "body"],
    ["no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "body"],
    ["without a target", "{}", "target"],
    ["with an empty target", '{"target":""}', "target"],
    ["with a target that is no text", '{"target":1}', "target"],
    ["with arguments that are no list", '{"target":"say","arguments":{}}', "arguments"],
  ];
  for (const [what, body, target] of bad)
    test(`is refused when it is ${what}`, async () => assert.deepEqual(await sent(body), [400, target]));

  test("is refused when it is not of its charset", async () => {
    const headers = { "content-type": "application/json; charset=utf-16" };
    assert.deepEqual(await sent(Buffer.from([0, 0xd8, 0]), headers), [400, "body"]);
  });
});

describe("a message that the caller encoded", () => {
  const messagepack = hubProtocols.messagepack.invocation("say", Buffer.from('["ü€"]'));
  const framed = { json: Buffer.from(SAID), messagepack };
  for (const contentType of ["application/octet-stream", "application/x-msgpack"])
    test(`is passed on as it is: ${contentType}`, async () => {
      assert.equal(await sent(Buffer.from(encode(framed)), { "content-type": contentType }), SAID);
    });

  test("does not reach clients of a protocol that it leaves out", async () => {
    const body = Buffer.from(encode({ messagepack }));
    assert.equal(await sent(body, { "content-type": "application/octet-stream" }), "");
  });

  test("is refused when it is no map of bytes", async () => {
    for (const body of [Buffer.from(encode("x")), Buffer.from(encode({ json: "text" })), Buffer.from([0x81])])
      assert.deepEqual(await sent(body, { "content-type": "application/octet-stream" }), [400, "body"]);
  });
});

describe("a body", () => {
  for (const contentType of [
    "text/plain",
    "application/xml",
    "application/jsonx",
    "application/json; charset=klingon",
    "nonsense",
    "",
  ])
    test(`of type '${contentType}' is refused with 415`, async () => {
      assert.deepEqual(await sent(JSON_TEXT, { "content-type": contentType }), [415, "Content-Type"]);
    });

  test("that is compressed is refused with 415", async () => {
    assert.deepEqual(await sent(JSON_TEXT, { "content-encoding": "gzip" }), [415, "Content-Encoding"]);
  });

  test("that is missing or empty is refused with 400", async () => {
    await using node = await RestNode.start();
    for (const request of [{}, { body: "" }]) {
      const response = await node.call("POST", SEND, request);
      assert.equal(response.statusCode, 400);
      assert.equal(response.json().target, "body");
    }
  });

  test("of the largest size is taken, and one byte more refused with 413, in v1 as text", async () => {
    const start = '{"target":"say","arguments":["';
    const fill = (bytes: number): string => `${start}${"x".repeat(bytes - start.length - 3)}"]}`;
    assert.match(String(await sent(fill(1_000_000))), /^\{"type":1/);
    assert.deepEqual(await sent(fill(1_000_001)), [413, "body"]);
    await using node = await RestNode.start();
    const response = await node.call("POST", "/api/v1/hubs/chat", { body: fill(1_000_001) });
    assert.equal(response.statusCode, 413);
    assert.match(response.headers["content-type"] as string, /^text\/plain/);
  });

  test("that does not belong there is ignored, as old SDKs send null with everything", async () => {
    await using node = await RestNode.start();
    node.connect("c", { userId: "u", groups: ["g"] });
    const calls = [
      ["GET", "/users/u/groups/g"],
      ["HEAD", "/groups/g"],
      ["PUT", "/groups/h/connections/c"],
      ["PUT", "/users/u/groups/h"],
      ["DELETE", "/users/u/groups/h"],
      ["POST", "/users/x/:closeConnections"],
      ["DELETE", "/connections/c"],
    ] as const;
    for (const [method, path] of calls)
      for (const [body, contentType] of [
        ["null", "application/json; charset=utf-8"],
        ["", "application/json"],
        ['{"a":', "application/json"],
        ["x", "text/plain"],
      ] as const) {
        if (method === "DELETE") node.connect("c", { userId: "u", groups: ["g"] });
        const headers = { "content-type": contentType };
        const response = await node.call(method, `/api/hubs/chat${path}?api-version=2022-06-01`, {
          body,
          headers,
        });
        assert.ok(
          response.statusCode < 300,
          `${method} ${path} ${body}: ${response.statusCode} ${response.body}`,
        );
      }
  });
});
