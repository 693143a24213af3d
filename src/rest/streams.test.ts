import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { RestNode, type RestRequest } from "../../test/support/rest-node.ts";
import { hubProtocols } from "../protocol/hub-protocols.ts";

const VERSION = "api-version=2024-12-01";

/** What clients of both protocols get of a call below their streams, or the status and target of the refusal. */
async function sent(path: string, query = "", request: RestRequest = {}): Promise<unknown> {
  await using node = await RestNode.start();
  const clients = [node.connect("j"), node.connect("m", { protocol: "messagepack" })];
  for (const id of ["j", "m"]) {
    const url = `/api/hubs/chat/connections/${id}/streams/${path}?${VERSION}${query}`;
    const response = await node.call("POST", url, request);
    if (response.statusCode === 202) continue;
    assert.deepEqual(
      clients.flatMap((client) => client.sent),
      [],
    );
    return [response.statusCode, response.json().target];
  }
  return clients.map((client) => client.sent.join(""));
}

function both(write: (protocol: "json" | "messagepack") => Buffer): string[] {
  return [String(write("json")), String(write("messagepack"))];
}

describe("an item of a stream", () => {
  for (const value of ['{"x":1}', "9007199254740993", "null", '"text"', "[]", " 1.10 "])
    test(`is the body as it is: ${value}`, async () => {
      const item = Buffer.from(value.trim());
      assert.deepEqual(
        await sent("7/:send", "", { body: value }),
        both((protocol) => hubProtocols[protocol].streamItem("7", item)),
      );
    });

  test("may be framed for each protocol by the caller", async () => {
    const framed = {
      json: hubProtocols.json.streamItem("7", Buffer.from("1")),
      messagepack: hubProtocols.messagepack.streamItem("7", Buffer.from("2")),
    };
    const headers = { "content-type": "application/octet-stream" };
    const body = Buffer.from(encode(framed));
    assert.deepEqual(
      await sent("7/:send", "", { body, headers }),
      both((protocol) => framed[protocol]),
    );
    assert.deepEqual(await sent("8/:send", "", { body, headers }), [400, "body"], "for another stream");
  });

  test("ends the stream where it is the last", async () => {
    for (const [query, isEnd] of [
      ["&completed=true", true],
      ["&Completed=True", true],
      ["&completed=false", false],
      ["&completed=", false],
    ] as const)
      assert.deepEqual(
        await sent("7/:send", query, { body: "1" }),
        both((protocol) => {
          const codec = hubProtocols[protocol];
          const item = codec.streamItem("7", Buffer.from("1"));
          return isEnd ? Buffer.concat([item, codec.completionVoid("7")]) : item;
        }),
        query,
      );
  });

  test("has a stream id of up to 100 characters, in any letters", async () => {
    for (const id of ["a", "é😀 /", "x".repeat(100)])
      assert.deepEqual(
        await sent(`${encodeURIComponent(id)}/:send`, "", { body: "1" }),
        both((protocol) => hubProtocols[protocol].streamItem(id, Buffer.from("1"))),
      );
  });

  for (const [why, path, query, request, refusal] of [
    ["there is no body", "7/:send", "", {}, [400, "body"]],
    ["the body is no JSON", "7/:send", "", { body: "{" }, [400, "body"]],
    [
      "the body is text",
      "7/:send",
      "",
      { body: "1", headers: { "content-type": "text/plain" } },
      [415, "Content-Type"],
    ],
    ["the stream id is too long", `${"x".repeat(101)}/:send`, "", { body: "1" }, [400, "streamId"]],
    ["the stream id is white space", "%20/:send", "", { body: "1" }, [400, "streamId"]],
    ["completed is neither true nor false", "7/:send", "&completed=yes", { body: "1" }, [400, "completed"]],
  ] as const)
    test(`is refused when ${why}`, async () => assert.deepEqual(await sent(path, query, request), refusal));

  test("for nobody is accepted, as any message", async () => {
    await using node = await RestNode.start();
    const url = `/api/hubs/chat/connections/none/streams/1/:send?${VERSION}`;
    assert.equal((await node.call("POST", url, { body: "1" })).statusCode, 202);
  });
});

describe("the end of a stream", () => {
  test("is a completion, and a failure where there is a reason by either name", async () => {
    for (const [query, error] of [
      ["", undefined],
      ["&reason=", undefined],
      ["&reason=it%20failed", "it failed"],
      ["&error=it%20failed", "it failed"],
      ["&error=not+this&reason=it%20failed", "it failed"],
    ] as const)
      assert.deepEqual(
        await sent("7/:complete", query),
        both((protocol) =>
          error === undefined
            ? hubProtocols[protocol].completionVoid("7")
            : hubProtocols[protocol].completionError("7", error),
        ),
        query,
      );
  });

  test("needs no body, and ignores one of any type", async () => {
    const request = { body: "null", headers: { "content-type": "text/plain" } };
    assert.deepEqual(await sent("7/:complete", "", request), await sent("7/:complete"));
  });
});
